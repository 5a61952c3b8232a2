"""The schema of a Redis store: what a store of the version before lacks, and what it has when it was migrated."""

from __future__ import annotations

import asyncio
import json

import pytest

from palaver.errors import StoreRefused
from palaver.stores.redis import RedisStore
from palaver.stores.redis.schema import STEPS, RedisSchema, version_of
from palaver.stores.redis.server import Address, Server, read_scripts
from palaver.testing import FakeClock
from palaver.testing.stores.making import TENANT, exchange, make_bot, make_conversation, path_of, purge_all
from palaver.testing.stores.messages import talk
from palaver.testing.stores.restoring import delete, deleted_texts, restore, tree_of
from palaver.testing.stores.training import answers, train, untrained
from servers.mortal import opened
from servers.redis import RedisServer


@pytest.fixture(params=["redis_server", "redis_cluster"])
def server(request: pytest.FixtureRequest) -> RedisServer:
    """One server, and a cluster, empty."""
    found: RedisServer = request.getfixturevalue(request.param)
    found.execute("FLUSHALL")
    return found


def make_older(server: RedisServer) -> None:
    """Make a store what it was before there were lists of what is untrained, and times of marks."""
    for key in map(bytes.decode, server.execute("KEYS", "*")):
        kind = key.rpartition("}")[2].partition(":")[0]
        if "untrained:" in key or "documents.void:" in key or kind == "marked":
            server.execute("DEL", key)
        elif kind == "conversation":
            server.execute("SET", key, json.dumps(json.loads(server.execute("GET", key))[:-2]))
    server.execute("HSET", "palaver:schema", "version", 1, "min_compatible", 1)


def listed(server: RedisServer, what: str) -> str:
    """Return all that stands in the lists of this name."""
    return str([server.execute("ZRANGE", key, 0, -1) for key in server.execute("KEYS", f"*{what}:*")])


async def test_steps_are_numbered_without_gaps() -> None:
    """Versions count from 1, and none is incompatible with itself."""
    assert [step.version for step in STEPS] == list(range(1, len(STEPS) + 1))
    assert all(step.min_compatible <= step.version for step in STEPS)


async def test_an_empty_store_is_begun_at_once(server: RedisServer) -> None:
    """Whoever opens it in the same moment finds it empty or whole, never a store of an older program that has to be migrated."""
    seen = set()
    onlooker = Server(Address.of(server.url()))
    await onlooker.open(read_scripts())
    try:
        begun = asyncio.create_task(RedisSchema(server.url()).apply())
        while not begun.done():
            seen.add((await version_of(onlooker))[0])
    finally:
        await onlooker.close()
    assert seen <= {0, len(STEPS)}
    assert (await begun).version == len(STEPS)


async def test_an_older_store_is_trained_on_like_a_new_one(server: RedisServer) -> None:
    """It is refused until it is migrated. Then what was marked is passed over, what was not is listed, and a run that is taken
    back gives what it had back; to take the step twice changes nothing."""
    clock = FakeClock()
    async with opened(server.url(), clock) as store:
        bot = await make_bot(store)
        chats = [await make_conversation(store, bot=bot) for _ in range(3)]
        for number, chat in enumerate(chats):
            await exchange(store, chat, "q", f"a{number}")
        gone = await train(store, clock, bot, (await untrained(store, bot))[:1])
        claim = await train(store, clock, bot, (await untrained(store, bot))[:1])
        await store.delete_document(TENANT, gone.document.id)
    for _ in range(2):
        make_older(server)
        with pytest.raises(StoreRefused, match="palaver migrate"):
            await RedisStore(server.url(), clock=clock).open()
        assert (await RedisSchema(server.url()).apply()).version == len(STEPS)
        async with opened(server.url(), clock) as store:
            assert answers(await untrained(store, bot)) == ["a0", "a2"]
            assert [each.id for each in chats if each.id in listed(server, "untrained")] == [chats[2].id]
    async with opened(server.url(), clock) as store:
        await store.delete_document(TENANT, claim.document.id)
        assert answers(await untrained(store, bot)) == ["a0", "a1", "a2"]


async def test_what_was_deleted_before_can_be_restored(server: RedisServer) -> None:
    """A store of schema 3 knew no restore of a turn: once it is migrated, its deleted turns are listed and come back, each on the
    nearest turn before it that is there."""
    clock = FakeClock()
    async with opened(server.url(), clock) as store:
        chat = await make_conversation(store)
        turns = await talk(store, chat, 3)
        await delete(store, clock, turns[1], turns[2])
    for key in map(bytes.decode, server.execute("KEYS", "*")):
        kind = key.rpartition("}")[2].partition(":")[0]
        if kind == "buried" or "messages.deleted:" in key:
            server.execute("DEL", key)
        elif kind in ("conversation", "turn"):
            server.execute("SET", key, json.dumps(json.loads(server.execute("GET", key))[:-1]))
    server.execute("HSET", "palaver:schema", "version", 3, "min_compatible", 3)
    with pytest.raises(StoreRefused, match="palaver migrate"):
        await RedisStore(server.url(), clock=clock).open()
    assert (await RedisSchema(server.url()).apply()).version == len(STEPS)
    async with opened(server.url(), clock) as store:
        assert await deleted_texts(store) == ["a3", "q3", "a2", "q2"]
        await restore(store, turns[2], turns[1])
        assert await tree_of(store, chat, turns) == {1: None, 2: 1, 3: 1}
        assert await deleted_texts(store) == []
        await delete(store, clock, turns[2])
        await purge_all(store)
        assert await path_of(store, chat) == ["q1", "a1"]
