"""Connections to PostgreSQL: few, shared, timed, and new ones when they break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from engine.gate import Gate
from palaver.config import Settings
from palaver.conversation import ConversationStatus, TurnStatus
from palaver.errors import StoreRefused, StoreUnavailable
from palaver.hub import HubRoot
from palaver.page import Window
from palaver.stores.orders import BotChange, Ending
from palaver.stores.postgres import PostgresStore
from palaver.testing.stores.making import (
    TENANT,
    answer_id_of,
    begin,
    claim_of,
    completed,
    exchange,
    make_bot,
    make_conversation,
    once,
    path_of,
    running,
    said,
)
from servers.postgres import PostgresServer, name_of
from servers.proxy import proxy_to

STREAMS = 200
_TIME = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    """A store with two connections and little patience."""
    store = PostgresStore(postgres_url, pool_size=2, acquire_seconds=0.3)
    await store.open()
    yield store
    await store.close()


def connections(server: PostgresServer, url: str) -> int:
    """How many connections of ours a database has."""
    name = name_of(url)
    counted = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND application_name = 'palaver'"
    return int(server.execute(counted))


def hang_up(server: PostgresServer, url: str) -> None:
    """Have the server end all connections of a database."""
    name = name_of(url)
    server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


async def test_open_streams_hold_no_connection(postgres_server: PostgresServer, postgres_url: str) -> None:
    """Two hundred turns stream at once over a pool of five, and whoever asks something meanwhile is answered."""
    gate = Gate()
    async with HubRoot.open(Settings(store=postgres_url), models={"gate": gate}) as root:
        hub = root.for_tenant()
        bot = await hub.bots.create(name="Helper", model="gate")
        chats = [await hub.conversations.create(bot.id) for _ in range(STREAMS)]
        started = await asyncio.gather(*(hub.messages.start(chat.id, "Hello?") for chat in chats))
        await gate.until(lambda: gate.open_calls == STREAMS)
        assert connections(postgres_server, postgres_url) <= 5 + 1  # one for wake-ups
        async with asyncio.timeout(2):
            assert (await hub.conversations.get(chats[0].id)).running_turn_id == started[0].turn.id
        for _ in range(STREAMS):
            gate.say("Hello.")
            gate.end()
            gate.calls.insert(0, gate.calls.pop())
        async with asyncio.timeout(30):
            for each in started:
                events = [event.type async for event in hub.turns.events(each.turn.id)]
                assert events[-1] == "turn.completed"


async def test_who_gets_no_connection_in_time_is_told_when_to_come_again(store: PostgresStore) -> None:
    """With all connections in use an operation fails as unavailable, with ``Retry-After``; afterwards all is well."""
    async with store._pool.connection(), store._pool.connection():
        with pytest.raises(StoreUnavailable) as refused:
            await store.find_bot(TENANT, "x")
    assert refused.value.retry_after_seconds
    assert await store.find_bot(TENANT, "x") is None


async def test_who_waits_for_a_connection_reads_the_clock_right(postgres_url: str) -> None:
    """However long an operation waited for a connection before it asked for the server's time: the clock is not ahead for that."""
    store = PostgresStore(postgres_url, pool_size=1)
    await store.open()
    store._remote._asked_at = 0
    async with store._pool.connection():
        asking = asyncio.create_task(store.find_bot(TENANT, "x"))
        await asyncio.sleep(1)
    await asking
    async with store._pool.connection() as connection:
        theirs = int(await connection.fetchval(_TIME) or 0)
        assert abs(store._clock.micros() - theirs) < 250_000
    await store.close()


async def test_reads_go_on_when_connections_were_cut(
    store: PostgresStore, postgres_server: PostgresServer, postgres_url: str
) -> None:
    """A read that meets a connection which the server has closed is answered over a new one."""
    conversation = await make_conversation(store)
    await asyncio.gather(*(store.get_conversation(TENANT, conversation.id) for _ in range(8)))
    for _ in range(3):
        hang_up(postgres_server, postgres_url)
        assert await store.get_conversation(TENANT, conversation.id) == conversation


async def test_a_write_that_was_cut_is_told_by_its_key(
    store: PostgresStore, postgres_server: PostgresServer, postgres_url: str
) -> None:
    """However connections are cut under a send: the same key again has it once, and the store goes on without a restart."""
    conversation = await make_conversation(store)
    for number in range(12):
        key = once(f"{number}")
        sending = asyncio.create_task(begin(store, conversation, f"{number}", once=key))
        await asyncio.sleep(0.0005 * (number % 4))
        await asyncio.to_thread(hang_up, postgres_server, postgres_url)
        try:
            turn = (await sending).turn
        except StoreUnavailable:
            turn = (await begin(store, conversation, f"{number}", once=key)).turn
        assert turn.index == number + 1
        await store.end_conversation(TENANT, conversation.id, Ending())
        await store.set_status(TENANT, conversation.id, ConversationStatus.ACTIVE)


async def test_a_caller_that_leaves_takes_no_connection_along(store: PostgresStore) -> None:
    """Calls that are cancelled at any moment leave the pool as large as it was."""
    conversation = await make_conversation(store)
    for number in range(30):
        call = asyncio.create_task(store.get_conversation(TENANT, conversation.id))
        await asyncio.sleep(0.0002 * (number % 10))
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    async with store._pool.connection(), store._pool.connection():
        pass
    await exchange(store, conversation)


async def test_a_caller_that_leaves_a_silent_server_is_gone(postgres_url: str) -> None:
    """A write that is cancelled in its transaction while the server is silent ends at once, as cancelled."""
    holder = await asyncpg.connect(postgres_url)
    async with proxy_to(postgres_url) as proxy:
        store = PostgresStore(proxy.url)
        await store.open()
        bot = await make_bot(store)
        async with holder.transaction():
            await holder.execute("SELECT 1 FROM palaver.bots FOR UPDATE")
            writing = asyncio.create_task(store.update_bot(TENANT, bot.id, BotChange(name="Other")))
            while not await holder.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                await asyncio.sleep(0.01)
            proxy.swallow()
            writing.cancel()
            await asyncio.wait([writing], timeout=2)
        assert writing.cancelled()
        proxy.speak()
        assert await store.get_bot(TENANT, bot.id) == bot
        await store.close()
    await holder.close()


async def test_a_server_that_comes_back_is_used_again() -> None:
    """While the server is away every call is refused at once or in time; when it is back the same store works, and what was
    acknowledged is there."""
    with PostgresServer() as server:
        store = PostgresStore(server.url(), acquire_seconds=1.0)
        await store.open()
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        await asyncio.to_thread(server.kill)
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                await store.append_deltas([said(claim, "lost")])
            with pytest.raises(StoreUnavailable):
                await store.get_conversation(TENANT, conversation.id)
        await asyncio.to_thread(server.start)
        await asyncio.sleep(0.5)
        await store.append_deltas([said(claim, "so far")])
        finished = await store.finish_turn(claim, completed("all"), promote=None)
        assert (await store.get_message(TENANT, answer_id_of(finished.turn))).text == "all"
        await store.close()


async def test_a_log_has_no_gap_where_the_server_crashed() -> None:
    """A server that crashed has lost the last tick: nothing is written behind it, and the end of the turn closes the gap."""
    with PostgresServer({"wal_writer_delay": "10s"}) as server:
        store = PostgresStore(server.url())
        await store.open()
        claim = await running(store, await make_conversation(store))
        ticks = [said(claim, word, after=number) for number, word in enumerate(("one ", "two ", "three"))]
        await store.append_deltas(ticks[:1])
        await make_conversation(store)  # is on the disk, and so is what was written before it
        await store.append_deltas(ticks[1:2])
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        log = await store.read_log(TENANT, claim.turn.id, after=0, limit=9)
        assert len(log.events) == 1
        with pytest.raises(StoreUnavailable):
            await store.append_deltas(ticks[2:])
        events = [event for tick in ticks for event in tick.events]
        await store.finish_turn(claim, completed("one two three", events=events), promote=None)
        log = await store.read_log(TENANT, claim.turn.id, after=0, limit=9)
        assert list(log.events) == events
        await store.close()


async def test_a_server_that_only_reads_is_read(postgres_server: PostgresServer, postgres_url: str) -> None:
    """On a database that has become read-only writes are refused as unavailable, reads go on, and later all is well."""
    store = PostgresStore(postgres_url)
    await store.open()
    conversation = await make_conversation(store)
    name = name_of(postgres_url)
    postgres_server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    hang_up(postgres_server, postgres_url)
    assert (await store.get_conversation(TENANT, conversation.id)) == conversation
    with pytest.raises(StoreUnavailable):
        await begin(store, conversation)
    assert await path_of(store, conversation) == []
    postgres_server.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    with pytest.raises(StoreUnavailable):  # the connection that is still there was made for reading; it goes
        await begin(store, conversation)
    assert (await begin(store, conversation)).turn.status is TurnStatus.RUNNING
    await store.close()


async def test_too_many_connections_are_told_apart() -> None:
    """A server with no connection left is unavailable, not refused: it may have one later."""
    with PostgresServer({"max_connections": "4", "superuser_reserved_connections": "0"}) as server:
        store = PostgresStore(server.url(), pool_size=8, acquire_seconds=5.0)
        await store.open()
        conversation = await make_conversation(store)
        made = await asyncio.gather(
            *(store.page_messages(TENANT, conversation.id, Window()) for _ in range(40)), return_exceptions=True
        )
        assert {type(each) for each in made} <= {StoreUnavailable, type(await store.page_bots(TENANT, Window()))}
        await exchange(store, conversation)
        await store.close()


async def test_a_conversation_that_is_locked_is_waited_for_in_vain(store: PostgresStore, postgres_url: str) -> None:
    """A begin that somebody else's lock holds up ends as unavailable in time; nothing was written."""
    conversation = await make_conversation(store)
    other = await asyncpg.connect(postgres_url)
    async with store._pool.connection() as one, store._pool.connection() as two:
        for connection in (one, two):
            await connection.execute("SET lock_timeout = '100ms'")
    try:
        async with other.transaction():
            await other.execute("SELECT 1 FROM palaver.conversations FOR UPDATE")
            with pytest.raises(StoreUnavailable):
                await begin(store, conversation)
    finally:
        await other.close()
    assert claim_of(await begin(store, conversation)).turn.index == 1


@pytest.mark.parametrize("place", ["/nothing", "/postgres?schema=No%20Name"])
async def test_an_address_that_leads_nowhere_is_refused(postgres_server: PostgresServer, place: str) -> None:
    """A database that is not there, or a schema that can't be, is refused with a word about what to do."""
    with pytest.raises(StoreRefused) as refused:
        await PostgresStore(postgres_server.url("").rstrip("/") + place).open()
    assert refused.value.message.endswith(".")


async def test_nobody_there_is_unavailable() -> None:
    """A server that does not listen is unavailable."""
    with pytest.raises(StoreUnavailable):
        await PostgresStore("postgresql://postgres@127.0.0.1:1/postgres").open()
