"""The session API: four routes, as its documentation has them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from palaver.errors import ModelError
from palaver.models.scripted import ScriptedModel
from server.world import World, a_world, unknown


async def new_session(world: World, **options: object) -> str:
    answer = await world.http.post("/new_session", **options)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["session_id"]
    return str(answer.json()["session_id"])


async def chat(world: World, session_id: str, message: str, **headers: str) -> str:
    answer = await world.http.post("/chat", json={"session_id": session_id, "message": message}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_a_session_from_its_beginning(world: World) -> None:
    """A session is made, talked in twice, listed, and read back as pairs; the model is given what was said before."""
    session = await new_session(world)
    answer = await world.http.post("/chat", json={"session_id": session, "message": "Hello?"})
    assert answer.text == "You said: Hello?"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert await chat(world, session, "Grüße 🌍") == "You said: Grüße 🌍"
    assert [message.text for message in world.model.calls[-1].prompt.messages] == [
        "Hello?",
        "You said: Hello?",
        "Grüße 🌍",
    ]
    other = await new_session(world)
    assert (await world.http.get("/sessions")).json() == {"sessions": [other, session]}
    assert (await world.http.get(f"/session/{session}/history")).json() == {
        "history": [
            {"input": "Hello?", "output": "You said: Hello?"},
            {"input": "Grüße 🌍", "output": "You said: Grüße 🌍"},
        ]
    }
    assert (await world.http.get(f"/session/{other}/history")).json() == {"history": []}


async def test_an_unknown_session_is_404_before_anything_is_streamed(world: World) -> None:
    """Whatever the id looks like and whatever form of answer is asked for."""
    for session in (unknown("conv"), str(uuid4()), "x", "", "../v1/bots", "x" * 10_000):
        for accept in ("*/*", "text/event-stream"):
            body = {"session_id": session, "message": "Hello?"}
            answer = await world.http.post("/chat", json=body, headers={"Accept": accept})
            assert (answer.status_code, answer.json()) == (404, {"detail": "Session not found"})
    answer = await world.http.get(f"/session/{uuid4()}/history")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Session not found"})
    assert world.model.call_count == 0


async def test_a_bad_message_is_refused_as_fastapi_does(world: World) -> None:
    """422 with the place of each field that is wrong; unknown fields are passed over."""
    session = await new_session(world)
    answer = await world.http.post("/chat", json={"session_id": session})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "message"]
    for message, code in ((" ", "empty_message"), ("a\x00b", "invalid_character"), (7, "invalid_type")):
        answer = await world.http.post("/chat", json={"session_id": session, "message": message})
        assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, code)
    answer = await world.http.post("/chat", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)
    body = {"session_id": session, "message": "Hello?", "user": "Ann"}
    assert (await world.http.post("/chat", json=body)).text == "You said: Hello?"


async def test_events_where_they_are_asked_for(world: World) -> None:
    """``Accept: text/event-stream`` gets our own events; bare text is what everybody else gets."""
    session = await new_session(world)
    text = await chat(world, session, "Hello?", Accept="text/event-stream")
    assert text.startswith("id: turn_")
    assert "event: text.delta" in text
    assert "event: turn.completed" in text


async def test_a_key_makes_a_message_safe_to_send_again(world: World) -> None:
    """The same key is the same message, answered once."""
    session = await new_session(world)
    said = [await chat(world, session, "Hello?", **{"Idempotency-Key": "1"}) for _ in range(2)]
    assert said == ["You said: Hello?"] * 2
    assert world.model.call_count == 1


async def test_a_message_that_comes_early_waits(tmp_path: Path) -> None:
    """While an answer is under way the next message waits for its turn; these clients know no «busy»."""
    go = asyncio.Event()
    async with a_world(tmp_path, ScriptedModel(["one", go], "two")) as world:
        session = await new_session(world)
        first = asyncio.create_task(chat(world, session, "1"))
        await world.model.wait_for_calls(1)
        second = asyncio.create_task(chat(world, session, "2"))
        await asyncio.sleep(0.05)
        go.set()
        assert [await first, await second] == ["one", "two"]


async def test_an_answer_that_fails_before_its_first_word_is_an_error(tmp_path: Path) -> None:
    """It is 502 with our sentence, and the question is in the history with an empty output."""
    model = ScriptedModel([ModelError("The provider refused.", code="provider_rejected", provider_text="secret")])
    async with a_world(tmp_path, model) as world:
        session = await new_session(world)
        answer = await world.http.post("/chat", json={"session_id": session, "message": "Hello?"})
        assert (answer.status_code, answer.json()) == (502, {"detail": "The provider refused."})
        history = (await world.http.get(f"/session/{session}/history")).json()
        assert history == {"history": [{"input": "Hello?", "output": ""}]}


async def test_what_has_no_partner_is_in_the_history_all_the_same(world: World) -> None:
    """A greeting has an empty input, an unanswered question an empty output, and nothing is dropped."""
    session = await new_session(world)
    said = [("assistant", "Hi!"), ("user", "a"), ("user", "b"), ("assistant", "c"), ("user", "d")]
    messages = [{"role": role, "text": text} for role, text in said]
    await world.made(f"/v1/conversations/{session}/messages:append", {"messages": messages})
    pairs = (await world.http.get(f"/session/{session}/history")).json()["history"]
    assert [(pair["input"], pair["output"]) for pair in pairs] == [("", "Hi!"), ("a", ""), ("b", "c"), ("d", "")]


async def test_long_lists_are_whole(world: World) -> None:
    """Lists have no pages here: more than one page of ours is read."""
    sessions = [await new_session(world) for _ in range(3)]
    bot = (await world.http.get("/v1/bots")).json()["data"][0]["id"]
    hub = world.root.for_tenant()
    made = [(await hub.conversations.create(bot)).id for _ in range(202)]
    assert (await world.http.get("/sessions")).json()["sessions"] == [*sessions, *made][::-1]
    messages = [{"role": role, "text": f"{n}"} for n in range(150) for role in ("user", "assistant")]
    await hub.messages.append(sessions[0], messages)
    history = (await world.http.get(f"/session/{sessions[0]}/history")).json()["history"]
    assert history == [{"input": f"{n}", "output": f"{n}"} for n in range(150)]


@pytest.mark.parametrize("called", ["default", "Helper", "id"])
async def test_which_bot_answers(tmp_path: Path, called: str) -> None:
    """The bot of the setting, by name or id; a name that no bot has is made on first use, and once."""
    async with a_world(tmp_path) as seed:
        helper = await seed.made("/v1/bots", {"name": "Helper"})
    setting = helper["id"] if called == "id" else called
    async with a_world(tmp_path, session_bot=setting) as world:
        sessions = await asyncio.gather(*(new_session(world) for _ in range(5)))
        bots = {bot["id"]: bot["name"] for bot in (await world.http.get("/v1/bots")).json()["data"]}
        assert sorted(bots.values()) == sorted({"Helper", "default" if called == "default" else "Helper"})
        for session in sessions:
            conversation = (await world.http.get(f"/v1/conversations/{session}")).json()
            assert bots[conversation["bot_id"]] == ("default" if called == "default" else "Helper")


async def test_keys_and_scopes(world: World) -> None:
    """Once there are keys, talking needs ``write``, a history ``read``, and the list of sessions ``admin``; each in its own tenant."""
    read, write, admin = [await world.key(scope) for scope in ("read", "write", "admin")]
    session = await new_session(world, headers=write)
    assert await chat(world, session, "Hello?", **write) == "You said: Hello?"
    assert (await world.http.get("/sessions")).status_code == 401
    for headers, status in ((read, 403), (write, 403), (admin, 200)):
        assert (await world.http.get("/sessions", headers=headers)).status_code == status
    assert (await world.http.post("/new_session", headers=read)).status_code == 403
    assert (await world.http.get(f"/session/{session}/history", headers=read)).status_code == 200
    other = await world.key("admin", tenant="b")
    mine = await new_session(world, headers=other)
    assert (await world.http.get("/sessions", headers=other)).json() == {"sessions": [mine]}
