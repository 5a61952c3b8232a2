"""Asking a bot as it would be: the events of a turn, and nothing that is kept."""

from __future__ import annotations

import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from palaver.events import Event
from palaver.fold import fold
from palaver.models.scripted import ScriptedModel
from server.frames import frames_of
from server.world import World, a_world, unknown


async def everything(world: World) -> list[Any]:
    """What the lists of the tenant show."""
    paths = ("bots", "conversations", "turns", "entities", "conversations?deleted=true", "bots?deleted=true")
    return [(await world.http.get(f"/v1/{path}")).json() for path in paths]


async def asked(world: World, bot_id: str, **body: Any) -> list[Event]:
    """Ask; return the events."""
    answer = await world.http.post(f"/v1/bots/{bot_id}/ask", json={"text": "Refunds?", **body})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    frames = frames_of(answer.content)
    assert [frame.id.rpartition(":")[2] for frame in frames] == [str(number) for number in range(1, len(frames) + 1)]
    return [Event(number, frame.event, json.dumps(frame.data)) for number, frame in enumerate(frames, 1)]


async def test_it_is_answered_as_it_would_be(world: World) -> None:
    """What is given takes the place of the bot's own, the rest is the bot's; the bot stays as it is, and nothing is kept."""
    bot = await world.made(
        "/v1/bots", {"name": "Helper", "instructions": "Be brief.", "params": {"temperature": 0.5, "top_p": 0.9}}
    )
    before = await everything(world)
    await asked(world, bot["id"])
    await asked(world, bot["id"], instructions="Be long.", params={"max_tokens": 9})
    turn, answer = fold(await asked(world, bot["id"], model="scripted:Gladly."))
    assert answer is not None
    assert (turn.status, turn.model, answer.text) == ("completed", "scripted:Gladly.", "Gladly.")
    own, changed = (call.prompt for call in world.model.calls)
    assert (own.instructions, own.params) == ("Be brief.", {"temperature": 0.5, "top_p": 0.9})
    assert (changed.instructions, changed.params) == ("Be long.", {"max_tokens": 9})
    assert await everything(world) == before
    assert (await world.http.get(f"/v1/turns/{turn.id}")).status_code == 404


async def test_it_answers_from_the_documents(world: World) -> None:
    """It finds what the bot's documents hold, and names its sources; with retrieval off it does not."""
    bot = await world.made("/v1/bots", {"name": "Helper"})
    added = await world.made(f"/v1/bots/{bot['id']}/documents", {"text": "Refunds take 14 days.", "title": "Handbook"})
    await world.root.for_tenant().documents.wait(added["id"])
    events = await asked(world, bot["id"])
    assert [
        each["title"] for event in events if event.type == "retrieval.done" for each in event.data["citations"]
    ] == ["Handbook"]
    events = await asked(world, bot["id"], retrieval={"enabled": False})
    assert [event.type for event in events if event.type == "retrieval.done"] == []


async def test_what_fails_is_told(world: World) -> None:
    """A model that fails ends the stream with a failed turn; one that is not configured is a problem, before any stream."""
    bot = await world.made("/v1/bots", {"name": "Helper"})
    turn, answer = fold(await asked(world, bot["id"], model="scripted:fail?code=provider_error&count=2"))
    assert turn.error is not None
    assert answer is not None
    assert (turn.status, turn.error.code, answer.text) == ("failed", "provider_error", "word0 word1")
    refused = await world.http.post(f"/v1/bots/{bot['id']}/ask", json={"text": "x", "model": "nobody:knows"})
    assert (refused.status_code, refused.json()["code"]) == (502, "provider_not_configured")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "empty_message"),
        ({"text": " "}, "empty_message"),
        ({"text": "x", "params": {"temperature": 3}}, "invalid_parameter"),
        ({"text": "x", "name": "y"}, "unknown_field"),
        ({"text": "x", "retrieval": {"k": 0}}, "invalid_parameter"),
    ],
)
async def test_what_is_wrong_is_refused(world: World, body: dict[str, Any], code: str) -> None:
    """A body that is no question is refused by name, and the model is not asked."""
    bot = await world.made("/v1/bots", {"name": "Helper"})
    answer = await world.http.post(f"/v1/bots/{bot['id']}/ask", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert world.model.call_count == 0


async def test_who_may_ask(world: World) -> None:
    """A key that may write asks; one that may only read does not; what is not there is not found."""
    bot = await world.made("/v1/bots", {"name": "Helper"})
    read, write = await world.key("read"), await world.key("write")
    world.app.state.serving.gate.key_made()

    async def status(bot_id: str, headers: dict[str, str]) -> int:
        answer: httpx2.Response = await world.http.post(f"/v1/bots/{bot_id}/ask", json={"text": "x"}, headers=headers)
        return answer.status_code

    assert await status(bot["id"], write) == 200
    assert await status(bot["id"], read) == 403
    assert await status(bot["id"], {}) == 401
    assert await status(unknown("bot"), write) == 404


async def test_leaving_stops_the_model(tmp_path: Path) -> None:
    """Whoever reads no further has the model stop."""
    model = ScriptedModel.named("slow")
    async with a_world(tmp_path, model) as world:
        hub = world.root.for_tenant()
        bot = await hub.bots.create(name="Helper")
        async with aclosing(hub.bots.ask(bot.id, "Go on.")) as events:
            async for event in events:
                if event.text:
                    break
        assert (model.open_streams, model.aborted) == (0, 1)
