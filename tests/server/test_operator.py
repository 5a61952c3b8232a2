"""What an operator reaches of all tenants: keys, tenants, live turns, the store; and nothing that was said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from server.world import World, a_world, unknown

SLOW = "scripted:words?count=500&delay=0.02"


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as made:
        yield made


async def answering(world: World, headers: dict[str, str], name: str = "Helper") -> Any:
    """Have a bot of a tenant begin to answer; return the turn."""
    bot = await world.made("/v1/bots", {"name": name, "model": SLOW}, headers=headers)
    chat = await world.made("/v1/conversations", {"bot_id": bot["id"], "title": "Private"}, headers=headers)
    sent = {**headers, "Prefer": "respond-async"}
    begun = await world.http.post(f"/v1/conversations/{chat['id']}/messages", json={"text": "Hello?"}, headers=sent)
    assert begun.status_code == 202, begun.text
    return begun.json()["turn"]


async def listed(world: World, headers: dict[str, str]) -> list[Any]:
    """The turns that run, as a key sees them."""
    answer = await world.http.get("/v1/turns?status=running", headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["data"]
    return found


async def test_running_turns_say_whose_they_are(world: World) -> None:
    """An operator sees the turns that run in all tenants, with tenant and bot; a tenant its own; nobody what is said in them."""
    a, b, operator = [
        await world.key(scope, tenant) for scope, tenant in (("admin", "a"), ("read", "b"), ("operator", "default"))
    ]
    theirs, ours = await answering(world, a, "Of a"), await answering(world, await world.key("write", "b"), "Of b")
    seen = {turn["id"]: turn for turn in await listed(world, operator)}
    assert seen.keys() == {theirs["id"], ours["id"]}
    one = seen[theirs["id"]]
    assert (one["tenant_id"], one["bot_name"], one["conversation_id"]) == ("a", "Of a", theirs["conversation_id"])
    assert "Private" not in str(seen)
    assert [turn["id"] for turn in await listed(world, b)] == [ours["id"]]
    assert [turn["bot_name"] for turn in await listed(world, a)] == ["Of a"]


async def test_an_operator_stops_the_turn_of_any_tenant(world: World) -> None:
    """Its text stays and its reason is ``stopped``; the admin of another tenant finds no such turn, nor does the operator read it."""
    a, b, operator = await world.key("admin", "a"), await world.key("admin", "b"), await world.key("operator")
    turn = await answering(world, a)
    stop = f"/v1/turns/{turn['id']}/stop"
    assert (await world.http.post(stop, headers=b)).status_code == 404
    assert len(await listed(world, a)) == 1
    stopped = await world.http.post(stop, headers=operator)
    assert stopped.status_code == 200, stopped.text
    assert (stopped.json()["status"], stopped.json()["reason"]) == ("interrupted", "stopped")
    assert await listed(world, operator) == []
    for path in ("", "/events"):
        assert (await world.http.get(f"/v1/turns/{turn['id']}{path}", headers=operator)).status_code == 404
    assert (await world.http.post(f"/v1/turns/{unknown('turn')}/stop", headers=operator)).status_code == 404


async def test_the_store_is_told_of(world: World) -> None:
    """An operator is told where the store is and how it is set; the admin of a tenant what its acknowledgement means; others nothing."""
    operator, admin = await world.key("operator"), await world.key("admin", "a")
    told = (await world.http.get("/v1/store", headers=operator)).json()
    path = world.root.settings.store
    assert (told["engine"], told["state"], told["location"]) == ("sqlite", "safe", path)
    assert told["settings"]["journal_mode"] == "wal"
    assert told["summary"] == "What was acknowledged survives the death of the process and a power cut."
    assert told["process_dies"] == told["power_fails"] == "nothing acknowledged is lost"
    assert {each["feature"] for each in told["lacks"]} == {"vector_search", "wakeups"}
    assert told["size_bytes"] > 10_000
    answer = await world.http.get("/v1/store", headers=admin)
    assert answer.json() == {**told, "location": None, "size_bytes": None, "settings": {}}
    assert path not in answer.text
    for scope in ("read", "write"):
        assert (await world.http.get("/v1/store", headers=await world.key(scope))).status_code == 403
    assert "version" not in str(
        {k: v for k, v in (await world.http.get("/readyz")).json()["store"].items() if k != "schema_version" and v}
    )
