"""A send: three forms of the answer, keys that make it one turn, what happens while another turn runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx2
import pytest

from palaver.errors import ModelError
from palaver.models.scripted import ScriptedModel
from server.frames import frames_of
from server.world import World, a_world

STREAM = {"Accept": "text/event-stream"}
ASYNC = {"Prefer": "respond-async"}


def _path(conversation_id: str) -> str:
    return f"/v1/conversations/{conversation_id}/messages"


async def test_a_plain_send_answers_once_the_turn_has_ended(world: World) -> None:
    """201 with the turn, the question and the answer, and the turn's Location."""
    answer = await world.http.post(_path(await world.conversation()), json={"text": "Hello?"})
    assert answer.status_code == 201
    result = answer.json()
    assert set(result) == {"turn", "user_message", "message"}
    assert result["turn"]["status"] == "completed"
    assert (result["user_message"]["text"], result["message"]["text"]) == ("Hello?", "You said: Hello?")
    assert answer.headers["location"] == f"/v1/turns/{result['turn']['id']}"
    assert (await world.http.get(answer.headers["location"])).json() == result["turn"]


async def test_instructions_of_a_send_hold_for_its_turn(tmp_path: Path) -> None:
    """They are laid behind the bot's, also where the turn has to wait first, and the turn behind it knows nothing of them."""
    go = asyncio.Event()
    async with a_world(tmp_path, ScriptedModel(["one", go], "two", "three")) as world:
        bot = await world.made("/v1/bots", {"name": "Helper", "instructions": "Be brief."})
        path = _path((await world.made("/v1/conversations", {"bot_id": bot["id"]}))["id"])
        sends = [{"text": "1"}, {"text": "2", "params": {"instructions": "Rhyme."}}, {"text": "3"}]
        for send in sends:
            answer = await world.http.post(path, json={**send, "policy": "queue"}, headers=ASYNC)
            assert answer.status_code == 202
        go.set()
        await world.model.wait_for_calls(3)
    assert [call.prompt.instructions for call in world.model.calls] == ["Be brief.", "Be brief.\n\nRhyme.", "Be brief."]


async def test_a_turn_keeps_what_its_caller_gives_it(world: World) -> None:
    """As much as it may be; in the answer, the events, the turn and the list of turns, but not before the model. It is a part of
    what a key stands for."""
    path = _path(await world.conversation())
    metadata = {f"{number:064}": "ü" * 512 for number in range(16)}
    send = {"text": "Hello?", "params": {"metadata": metadata}}
    answer = await world.http.post(path, json=send, headers={"Idempotency-Key": "k"})
    turn = answer.json()["turn"]
    assert turn["metadata"] == metadata
    assert (await world.http.get(answer.headers["location"])).json() == turn
    told = frames_of((await world.http.get(f"{answer.headers['location']}/events")).content)
    assert [told[index].data["turn"]["metadata"] for index in (0, -1)] == [metadata, metadata]
    assert (await world.http.get("/v1/turns")).json()["data"][0]["metadata"] == metadata
    assert world.model.calls[-1].prompt.params == {}
    send["params"] = {"metadata": {}}
    other = await world.http.post(path, json=send, headers={"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_streamed_send_gives_the_events(world: World) -> None:
    """200 with the turn's events, from the first to a terminal one, which equal those that are read later."""
    answer = await world.http.post(_path(await world.conversation()), json={"text": "Hello?"}, headers=STREAM)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache, no-transform"
    assert answer.headers["x-accel-buffering"] == "no"
    frames = frames_of(answer.content)
    assert [frame.event for frame in frames][:2] == ["turn.accepted", "text.delta"]
    assert frames[-1].event == "turn.completed"
    turn_id = answer.headers["location"].rpartition("/")[2]
    assert [frame.id for frame in frames] == [f"{turn_id}:{seq}" for seq in range(1, len(frames) + 1)]
    assert (await world.http.get(f"/v1/turns/{turn_id}/events")).content == answer.content


async def test_a_send_may_only_begin(world: World) -> None:
    """202 with the turn that runs, and where it is."""
    answer = await world.http.post(_path(await world.conversation()), json={"text": "Hello?"}, headers=ASYNC)
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "respond-async"
    body = answer.json()
    assert body["turn"]["status"] in {"running", "completed"}
    assert answer.headers["location"] == f"/v1/turns/{body['turn']['id']}"
    assert body["user_message"]["text"] == "Hello?"


async def test_a_failed_turn_is_a_201(tmp_path: Path) -> None:
    """The outcome of a turn is its status, not the request's; the provider's words are not shown."""
    error = ModelError("The provider refused the key.", code="provider_auth", provider_text="sk-secret is wrong")
    async with a_world(tmp_path, ScriptedModel([error])) as world:
        answer = await world.http.post(_path(await world.conversation()), json={"text": "Hello?"})
        assert answer.status_code == 201
        assert answer.json()["turn"]["status"] == "failed"
        assert answer.json()["turn"]["error"]["code"] == "provider_auth"
        assert "sk-secret" not in answer.text


@pytest.mark.parametrize("form", [{}, STREAM, ASYNC], ids=["plain", "stream", "async"])
async def test_a_repeated_send_is_the_same_turn(world: World, form: dict[str, str]) -> None:
    """The same key and body again: the same turn, answered in the same form, marked as replayed; one model call."""
    path = _path(await world.conversation())
    headers = {"Idempotency-Key": '"a-key"', **form}
    first = await world.http.post(path, json={"text": "Hello?", "policy": "queue"}, headers=headers)
    await world.root.for_tenant().turns.wait(first.headers["location"].rpartition("/")[2])
    again = await world.http.post(
        path, json={"policy": "queue", "text": "Hello?"}, headers={**headers, "Idempotency-Key": "a-key"}
    )
    assert again.status_code == first.status_code
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    if form is not ASYNC:
        assert again.content == first.content
    assert world.model.call_count == 1


async def test_a_client_id_is_a_key(world: World) -> None:
    """A message's own id at the client makes its retry the same turn."""
    conversation_id = await world.conversation()
    path, body = _path(conversation_id), {"text": "Hello?", "client_id": "c1"}
    one, two = await world.http.post(path, json=body), await world.http.post(path, json=body)
    assert one.json() == two.json()
    assert world.model.call_count == 1


async def test_the_same_key_with_another_body_is_refused(world: World) -> None:
    """422 ``idempotency_key_reused``, and nothing changes."""
    conversation_id = await world.conversation()
    headers = {"Idempotency-Key": "k"}
    await world.sent(conversation_id, headers=headers)
    before = (await world.http.get(_path(conversation_id))).json()
    answer = await world.http.post(_path(conversation_id), json={"text": "Other"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert (await world.http.get(_path(conversation_id))).json() == before


async def test_a_refused_send_leaves_its_key_free(world: World) -> None:
    """What is refused before the turn begins stores nothing."""
    path, headers = _path(await world.conversation()), {"Idempotency-Key": "k"}
    assert (await world.http.post(path, json={"text": ""}, headers=headers)).status_code == 422
    assert (await world.http.post(path, json={"text": "Now"}, headers=headers)).status_code == 201


async def test_a_busy_conversation_says_which_turn(tmp_path: Path) -> None:
    """409 with the running turn's id and ``Retry-After``; ``queue`` waits, ``interrupt`` goes first."""
    done = asyncio.Event()
    async with a_world(tmp_path, ScriptedModel(["Well, ", done, "yes."], "Next.")) as world:
        conversation_id = await world.conversation()
        running = (await world.http.post(_path(conversation_id), json={"text": "1"}, headers=ASYNC)).json()["turn"]
        busy = await world.http.post(_path(conversation_id), json={"text": "2"})
        assert (busy.status_code, busy.json()["code"]) == (409, "turn_in_progress")
        assert busy.json()["turn_id"] == running["id"]
        assert busy.json()["conversation_id"] == conversation_id
        assert int(busy.headers["retry-after"]) >= 1
        queued = await world.http.post(_path(conversation_id), json={"text": "3", "policy": "queue"}, headers=ASYNC)
        assert queued.json()["turn"]["status"] == "queued"
        done.set()
        ended = await world.root.for_tenant().turns.wait(queued.json()["turn"]["id"])
        assert ended.text == "Next."


async def test_a_full_queue_is_429(tmp_path: Path) -> None:
    """The ninth waiting turn is refused with ``queue_full`` and ``Retry-After``."""
    done = asyncio.Event()
    async with a_world(tmp_path, ScriptedModel([done, "a"], "b")) as world:
        conversation_id = await world.conversation()
        body = {"text": "x", "policy": "queue"}
        statuses = [
            (await world.http.post(_path(conversation_id), json=body, headers=ASYNC)).status_code for _ in range(9)
        ]
        assert statuses == [202] * 9
        full = await world.http.post(_path(conversation_id), json=body, headers=ASYNC)
        assert (full.status_code, full.json()["code"]) == (429, "queue_full")
        assert "retry-after" in full.headers
        done.set()


async def test_regenerate_and_edit_are_sends(world: World) -> None:
    """Both make a turn beside the old one, answer like a send, and show up as branches; head switches between them."""
    conversation_id = await world.conversation()
    old = await world.sent(conversation_id, "One")
    again = await world.http.post(f"/v1/messages/{old['message']['id']}/regenerate")
    assert again.status_code == 201
    assert again.json()["user_message"]["id"] == old["user_message"]["id"]
    edited = await world.http.post(f"/v1/messages/{old['user_message']['id']}/edit", json={"text": "Two"})
    assert edited.json()["message"]["text"] == "You said: Two"
    branches = (await world.http.get(f"/v1/conversations/{conversation_id}/branches")).json()["data"]
    assert [each["turn_id"] for each in branches] == [x["turn"]["id"] for x in (old, again.json(), edited.json())]
    head = await world.http.post(f"/v1/conversations/{conversation_id}/head", json={"turn_id": old["turn"]["id"]})
    assert head.json()["head_turn_id"] == old["turn"]["id"]
    shown = (await world.http.get(_path(conversation_id))).json()["data"]
    assert [each["id"] for each in shown] == [old["user_message"]["id"], old["message"]["id"]]


async def test_rate_and_delete_a_message(world: World) -> None:
    """A rating is set and taken back; a delete removes the question and the answer."""
    conversation_id = await world.conversation()
    result = await world.sent(conversation_id)
    rating = f"/v1/messages/{result['message']['id']}/rating"
    rated = (await world.http.post(rating, json={"rating": 5, "feedback": "clear"})).json()
    assert (rated["rating"], rated["feedback"]) == (5, "clear")
    assert (await world.http.post(rating, json={"rating": None})).json()["rating"] is None
    assert (await world.http.delete(f"/v1/messages/{result['message']['id']}")).status_code == 204
    assert (await world.http.get(_path(conversation_id))).json()["data"] == []


async def test_a_deleted_message_is_listed_and_restored(world: World) -> None:
    """What was deleted is listed, the last first, of all conversations or of one, until it is restored."""
    conversation_id = await world.conversation()
    sent = [await world.sent(conversation_id) for _ in range(2)]
    for each in sent:
        assert (await world.http.delete(f"/v1/messages/{each['user_message']['id']}")).status_code == 204
    ids = [each[name]["id"] for each in sent[::-1] for name in ("message", "user_message")]
    first = (await world.http.get("/v1/messages:deleted?limit=3")).json()
    rest = (await world.http.get(f"/v1/messages:deleted?limit=3&after={first['next']}")).json()
    assert [each["id"] for page in (first, rest) for each in page["data"]] == ids
    here = (await world.http.get(f"/v1/messages:deleted?conversation_id={conversation_id}")).json()
    assert [each["id"] for each in here["data"]] == ids
    for message_id in (ids[0], ids[2], ids[2]):
        back = await world.http.post(f"/v1/messages/{message_id}/restore")
        assert (back.status_code, back.json()["id"]) == (200, message_id)
    assert [each["id"] for each in (await world.http.get(_path(conversation_id))).json()["data"]] == ids[::-1]
    assert (await world.http.get("/v1/messages:deleted")).json()["data"] == []


async def test_append_stores_without_a_model(world: World) -> None:
    """Appended messages are in the history and in the search, and no model was called."""
    conversation_id = await world.conversation()
    messages = [
        {"role": "assistant", "text": "Welcome!"},
        {"role": "user", "text": "Zebra?"},
        {"role": "assistant", "text": "Yes."},
    ]
    answer = await world.http.post(_path(conversation_id) + ":append", json={"messages": messages})
    assert answer.status_code == 201
    assert [each["text"] for each in answer.json()["data"]] == ["Welcome!", "Zebra?", "Yes."]
    found = (await world.http.get("/v1/search?q=zebra")).json()["data"]
    assert [each["text"] for each in found] == ["Zebra?"]
    assert world.model.call_count == 0


async def test_stop_keeps_the_text(tmp_path: Path) -> None:
    """A stopped turn ends ``interrupted(stopped)`` with what was said; stopping it again changes nothing."""
    never = asyncio.Event()
    async with a_world(tmp_path, ScriptedModel(["Half", never])) as world:
        conversation_id = await world.conversation()
        turn = (await world.http.post(_path(conversation_id), json={"text": "x"}, headers=ASYNC)).json()["turn"]
        async for event in world.root.for_tenant().turns.events(turn["id"]):
            if event.text:
                break
        stopped = await world.http.post(f"/v1/turns/{turn['id']}/stop")
        assert (stopped.json()["status"], stopped.json()["reason"]) == ("interrupted", "stopped")
        assert (await world.http.post(f"/v1/turns/{turn['id']}/stop")).json() == stopped.json()
        shown = (await world.http.get(_path(conversation_id))).json()["data"]
        assert shown[-1]["text"] == "Half"
        assert world.model.aborted == 1


async def test_too_many_streams_are_refused_before_anything_is_stored(tmp_path: Path) -> None:
    """With no room for a stream, a streamed send is 429 with ``Retry-After`` and leaves no trace."""
    async with a_world(tmp_path) as world:
        conversation_id = await world.conversation()
        turn = (await world.sent(conversation_id))["turn"]
        streams = world.app.state.serving.streams
        streams.open = 10_000
        send = await world.http.post(_path(conversation_id), json={"text": "x"}, headers=STREAM)
        read = await world.http.get(f"/v1/turns/{turn['id']}/events")
        for refused in (send, read):
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
            assert "retry-after" in refused.headers
        assert len((await world.http.get(_path(conversation_id))).json()["data"]) == 2


async def test_a_draining_server_takes_nothing_more(world: World) -> None:
    """Once it drains, writes are 503 ``shutting_down`` with ``Retry-After``; reads go on; it is not ready."""
    conversation_id = await world.conversation()
    await world.root.engine.drain()
    for answer in (
        await world.http.post(_path(conversation_id), json={"text": "x"}),
        await world.http.post("/v1/bots", json={"name": "x"}),
        await world.http.get("/readyz"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "shutting_down")
        assert "retry-after" in answer.headers
    assert (await world.http.get(f"/v1/conversations/{conversation_id}")).status_code == 200
    assert (await world.http.get("/healthz")).status_code == 200


async def test_a_head_request_has_headers_only(world: World) -> None:
    """HEAD answers like GET, with no body; of a stream, too."""
    turn = (await world.sent(await world.conversation()))["turn"]
    for path in ("/v1/bots", f"/v1/turns/{turn['id']}", f"/v1/turns/{turn['id']}/events"):
        answer: httpx2.Response = await world.http.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
