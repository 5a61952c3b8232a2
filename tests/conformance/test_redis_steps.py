"""A step on Redis is all or nothing, whoever else writes and wherever it dies; and it never looks through everything."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial

import pytest

from palaver.conversation import Policy, TurnStatus
from palaver.errors import NotFound, PalaverError, StoreUnavailable, TurnInProgress
from palaver.ids import new_id
from palaver.page import Order
from palaver.stores.orders import ConversationDraft, ConversationFilter, ConversationSort
from palaver.stores.redis import RedisStore
from palaver.testing import FakeClock
from palaver.testing.stores.everything import everything
from palaver.testing.stores.making import (
    LEASE_SECONDS,
    TENANT,
    ask,
    begin,
    completed,
    exchange,
    make_bot,
    make_conversation,
    purge_all,
    running,
    walk,
)
from palaver.testing.stores.world import furnish
from servers.mortal import mortal, opened
from servers.redis import RedisServer

SWEEP_SECONDS = 30
FORBIDDEN = ("keys", "scan", "smembers", "hgetall", "lrange", "flushall", "flushdb", "sort")


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
def url(request: pytest.FixtureRequest) -> str:
    """One server, and a cluster."""
    address: str = request.getfixturevalue(request.param)
    return address


async def test_of_begins_in_two_processes_one_is_accepted(url: str) -> None:
    """However many processes begin a turn in one conversation at once, one is accepted; the others are told which."""
    clock = FakeClock()
    async with opened(url, clock) as one, opened(url, clock) as other:
        chat = await make_conversation(one)
        begins = (store.begin_turn(TENANT, ask(chat)) for _ in range(50) for store in (one, other))
        results = await asyncio.gather(*begins, return_exceptions=True)
        accepted = [each for each in results if not isinstance(each, BaseException)]
        refused = [each for each in results if isinstance(each, TurnInProgress)]
        assert (len(accepted), len(refused)) == (1, 99)
        assert {each.details["turn_id"] for each in refused} == {accepted[0].turn.id}


async def test_two_processes_fill_one_queue(url: str) -> None:
    """Turns that many processes queue at once are all accepted, with places of their own, and run once each."""
    clock = FakeClock()
    async with opened(url, clock) as one, opened(url, clock) as other:
        chat = await make_conversation(one)
        orders = [ask(chat, policy=Policy.QUEUE, queue_cap=40) for _ in range(20)]
        stores = (one, other)
        begun = await asyncio.gather(*(stores[n % 2].begin_turn(TENANT, order) for n, order in enumerate(orders)))
        assert sorted(each.turn.index for each in begun) == list(range(1, 21))
        ran = []
        claim = next(each.claim for each in begun if each.claim is not None)
        while claim is not None:
            ran.append(claim.turn.index)
            claim = (await other.finish_turn(claim, completed("a"), promote="worker-2")).promoted
        assert ran == list(range(1, 21))


async def lists_agree(store: RedisStore, made: str) -> None:
    """Every list holds the same conversations, ``made`` among them if it is there, and their turns."""
    chats = set()
    for sort in ConversationSort:
        for order in Order:
            wanted = ConversationFilter(sort=sort, order=order)
            found = await walk(partial(store.page_conversations, TENANT, wanted), 7)
            chats.add(frozenset((each.id, each.message_count, each.running_turn_id) for each in found))
    assert len(chats) == 1
    turns = await walk(partial(store.page_turns, TENANT, None), 7)
    for status in TurnStatus:
        listed = await walk(partial(store.page_turns, TENANT, status), 7)
        assert {each.id for each in listed} == {each.id for each in turns if each.status is status}
    (there,) = chats
    with suppress(NotFound):
        assert (await store.get_conversation(TENANT, made)).id in {chat_id for chat_id, _, _ in there}
    assert {each.conversation_id for each in turns} <= {chat_id for chat_id, _, _ in there}
    assert {each.id for each in turns if each.status is TurnStatus.RUNNING} == {each for _, _, each in there if each}


@pytest.mark.parametrize("doing", ["create", "begin", "finish", "delete", "delete_bot"])
async def test_what_a_dead_process_left_undone_is_done(url: str, doing: str) -> None:
    """A process may die after any round trip of a step: then all of it was done or nothing, and a recovery puts the lists
    right."""
    clock = FakeClock()
    for rounds in range(14):
        async with opened(url, clock) as store:
            bot = await make_bot(store)
            chat = await make_conversation(store, bot=bot)
            await exchange(store, chat)
            claim = await running(store, chat) if doing == "finish" else None
        draft = ConversationDraft(id=new_id("conv"), bot_id=bot.id)
        async with mortal(url, clock) as dying:
            steps = {
                "create": partial(dying.create_conversation, TENANT, draft),
                "begin": partial(begin, dying, chat),
                "finish": lambda dying=dying, claim=claim: dying.finish_turn(claim, completed("x"), promote=None),
                "delete": partial(dying.delete_conversation, TENANT, chat.id),
                "delete_bot": partial(dying.delete_bot, TENANT, bot.id),
            }
            dying.dies_after(rounds)
            with suppress(StoreUnavailable):
                await steps[doing]()
        async with opened(url, clock) as store:
            clock.advance(SWEEP_SECONDS)
            await store.recover("worker-2", LEASE_SECONDS, 100)
            await lists_agree(store, draft.id)


async def test_nothing_looks_through_everything(redis_server: RedisServer, redis_url: str) -> None:
    """No command whose cost grows with all that is stored is ever sent."""
    clock = FakeClock()
    async with opened(redis_url, clock) as store:
        redis_server.execute("CONFIG", "RESETSTAT")
        await furnish(store, clock)
        clock.advance(600)
        await store.recover("worker-2", LEASE_SECONDS, 100)
        await store.end_idle(100)
        await everything(store)
        await store.expire_logs(older_than_seconds=0, limit=100)
        await purge_all(store)
    asked = {name.removeprefix("cmdstat_") for name in redis_server.execute("INFO", "commandstats")}
    assert "zadd" in asked
    assert not asked & set(FORBIDDEN)


async def test_a_store_heals_when_its_server_is_back() -> None:
    """While the server is gone every call is refused in our words, and when it is back the same store works on."""
    clock = FakeClock()
    with RedisServer() as server:
        async with opened(server.url(), clock) as store:
            chat = await make_conversation(store)
            server.kill()
            for call in (store.get_conversation(TENANT, chat.id), begin(store, chat)):
                with pytest.raises(PalaverError) as refused:
                    await call
                assert isinstance(refused.value, StoreUnavailable)
            server.start()
            assert await store.get_conversation(TENANT, chat.id) == chat
            await exchange(store, chat)
