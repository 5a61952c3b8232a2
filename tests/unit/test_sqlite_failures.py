"""The store when things go wrong: callers that leave, full disks, locked files, bugs. It says so, and it heals."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from palaver.bot import Bot
from palaver.clock import SystemClock
from palaver.conversation import Conversation
from palaver.errors import Conflict, NameTaken, NotFound, StoreFull, StoreUnavailable, TurnInProgress
from palaver.page import Window
from palaver.stores.orders import BotChange, BotDraft
from palaver.stores.queries import load_queries
from palaver.stores.sqlite import SqliteStore
from palaver.stores.sqlite.connection import Database
from palaver.stores.sqlite.schema import migrate, migrations
from palaver.stores.sqlite.store import QUERIES
from palaver.stores.sqlite.transaction import Transaction
from palaver.stores.sqlite.writer import Writer
from palaver.testing.stores.making import (
    TENANT,
    ask,
    begin,
    completed,
    exchange,
    make_bot,
    make_conversation,
    path_of,
    purge_all,
    running,
    said,
)


@asynccontextmanager
async def opened(path: Path, **options: float) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, **options)  # type: ignore[arg-type]
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def writing(path: Path) -> AsyncIterator[Writer]:
    database = Database(path=str(path))
    connection = database.connect_writer()
    migrate(connection, migrations())
    writer = Writer(database, load_queries(QUERIES), SystemClock())
    writer.start(connection)
    try:
        yield writer
    finally:
        await asyncio.to_thread(writer.stop)


def _tenant(name: str) -> Callable[[Transaction], int]:
    return lambda tx: tx.run("insert_tenant", id=name, now=0)


async def _tenants(writer: Writer) -> set[str]:
    rows = await writer.write(lambda tx: tx.connection.execute("SELECT id FROM tenants").fetchall())
    return {row[0] for row in rows}


# Groups


async def test_what_fails_in_a_group_fails_alone(tmp_path: Path) -> None:
    """Of operations that commit together, one that changes something and then fails leaves nothing and stops no other."""

    def half(tx: Transaction) -> None:
        tx.run("insert_tenant", id="half", now=0)
        raise NameTaken

    def wrong(tx: Transaction) -> None:
        tx.run("insert_tenant", id="wrong", now=0)
        tx.connection.execute("SELECT no_such_column FROM tenants")

    def bug(tx: Transaction) -> None:
        tx.run("insert_tenant", id="bug", now=0)
        raise ZeroDivisionError

    def twice(tx: Transaction) -> None:
        for _ in range(2):
            tx.connection.execute("INSERT INTO tenants VALUES ('twice', 0)")

    async with writing(tmp_path / "a.db") as writer:
        good = [_tenant(f"good-{number}") for number in range(50)]
        operations = [*good[:10], half, *good[10:20], wrong, *good[20:30], bug, *good[30:40], twice, *good[40:]]
        results = await asyncio.gather(*(writer.write(each) for each in operations), return_exceptions=True)  # type: ignore[arg-type]
        failures = [type(each) for each in results if isinstance(each, BaseException)]
        assert failures == [NameTaken, StoreUnavailable, ZeroDivisionError, Conflict]
        assert await _tenants(writer) == {f"good-{number}" for number in range(50)}


async def test_an_operation_that_fails_alone_leaves_nothing(tmp_path: Path) -> None:
    """A single operation that fails half-way is rolled back, and the next one works."""

    def half(tx: Transaction) -> None:
        tx.run("insert_tenant", id="half", now=0)
        raise NameTaken

    async with writing(tmp_path / "a.db") as writer:
        for _ in range(3):
            with pytest.raises(NameTaken):
                await writer.write(half)
        await writer.write(_tenant("good"))
        assert await _tenants(writer) == {"good"}


async def test_strict_writes_are_synced(tmp_path: Path) -> None:
    """A group with any strict operation commits with FULL (2), a group of cheap ones with NORMAL (1)."""
    asked = iter(range(1000))

    def level(tx: Transaction) -> int:
        # Compiled anew each time: SQLite answers this pragma when it compiles it.
        return int(tx.connection.execute(f"PRAGMA synchronous /* {next(asked)} */").fetchone()[0])

    async with writing(tmp_path / "a.db") as writer:
        for _ in range(3):
            assert await writer.write(level) == 2
            assert await writer.write(level, cheap=True) == 1
        hold = writer.write(lambda _: None)
        mixed = [writer.write(level, cheap=number != 3) for number in range(6)]
        assert await asyncio.gather(hold, *mixed) == [None, *[2] * 6]


async def test_callers_that_leave_break_nothing(tmp_path: Path) -> None:
    """A cancelled write is done or not; the ones around it are done, and the store goes on."""
    async with writing(tmp_path / "a.db") as writer:
        tasks = [asyncio.ensure_future(writer.write(_tenant(f"t-{number}"))) for number in range(200)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(not isinstance(each, BaseException) for each in results[1::2])
        assert {f"t-{number}" for number in range(1, 200, 2)} <= await _tenants(writer)


async def test_callers_of_two_loops_are_answered_each_in_its_own(tmp_path: Path) -> None:
    """One store can be used from the loops of several threads at once."""
    async with opened(tmp_path / "a.db") as store:
        bot = await make_bot(store)

        def elsewhere() -> list[str]:
            async def many() -> list[str]:
                return [(await make_conversation(store, bot=bot)).id for _ in range(20)]

            return asyncio.run(many())

        made = await asyncio.gather(*(asyncio.to_thread(elsewhere) for _ in range(4)))
        assert len({each for ids in made for each in ids}) == 80


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """What was begun before the close is finished; afterwards every call is refused at once."""
    store = SqliteStore(tmp_path / "a.db")
    await store.open()
    bot = await make_bot(store)
    begun = [asyncio.ensure_future(make_conversation(store, bot=bot)) for _ in range(20)]
    await asyncio.sleep(0)
    await store.close()
    assert len({each.id for each in await asyncio.gather(*begun)}) == 20
    for call in (store.get_bot(TENANT, bot.id), store.update_bot(TENANT, bot.id, BotChange(model="x"))):
        with pytest.raises(StoreUnavailable):
            await call


async def test_a_store_that_is_not_open_says_so(tmp_path: Path) -> None:
    """A call before the open, and after an open that failed, is refused and does not wait for ever."""
    store = SqliteStore(tmp_path / "a.db")
    with pytest.raises(StoreUnavailable):
        await store.get_bot(TENANT, "bot_1")
    with pytest.raises(StoreUnavailable):
        await make_bot(store)
    (tmp_path / "b.db").mkdir()
    failed = SqliteStore(tmp_path / "b.db")
    with pytest.raises(StoreUnavailable):
        await failed.open()
    with pytest.raises(StoreUnavailable):
        await failed.health()
    await failed.close()


async def test_nothing_waits_for_ever_on_a_store_that_closes(tmp_path: Path) -> None:
    """Calls of many threads that race with the close are answered or refused, every one of them."""
    store = SqliteStore(tmp_path / "a.db")
    await store.open()
    bot = await make_bot(store)

    def caller() -> int:
        async def call() -> int:
            for count in range(100_000):
                try:
                    await (store.get_bot(TENANT, bot.id) if count % 2 else store.touch_key("key_1"))
                except StoreUnavailable:
                    return count
            return -1

        return asyncio.run(call())

    callers = [asyncio.ensure_future(asyncio.to_thread(caller)) for _ in range(4)]
    await store.get_bot(TENANT, bot.id)
    await store.close()
    async with asyncio.timeout(20):
        assert all(count >= 0 for count in await asyncio.gather(*callers))


# Several stores on one file


async def test_two_stores_share_one_file(tmp_path: Path) -> None:
    """I5: what one store commits the other one reads, and both together run one turn a conversation."""
    async with opened(tmp_path / "a.db") as one, opened(tmp_path / "a.db") as two:
        conversation = await make_conversation(one)
        stores = [one, two] * 20
        results = await asyncio.gather(
            *(store.begin_turn(TENANT, ask(conversation)) for store in stores), return_exceptions=True
        )
        begun = [each for each in results if not isinstance(each, BaseException)]
        assert len(begun) == 1
        assert sum(isinstance(each, TurnInProgress) for each in results) == 39
        claim = begun[0].claim
        assert claim is not None
        await two.append_deltas([said(claim, "Hello.")])
        assert await path_of(one, conversation) == ["Hello?", "Hello."]
        await one.finish_turn(claim, completed("Hello."), promote=None)
        assert (await two.get_turn(TENANT, claim.turn.id)).status == "completed"


async def test_another_process_may_write_meanwhile(tmp_path: Path) -> None:
    """A second process that writes the same file all the time loses nothing and makes us lose nothing."""
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from palaver.stores.sqlite import SqliteStore\n"
        "from palaver.testing.stores.making import exchange, make_conversation\n"
        "async def main():\n"
        "    store = SqliteStore(Path(sys.argv[1]))\n"
        "    await store.open()\n"
        "    conversation = await make_conversation(store)\n"
        "    print('ready', flush=True)\n"
        "    for _ in range(60):\n"
        "        await exchange(store, conversation)\n"
        "    await store.close()\n"
        "asyncio.run(main())\n"
    )
    async with opened(tmp_path / "a.db") as store:
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, str(tmp_path / "a.db"), stdout=subprocess.PIPE
        )
        assert other.stdout is not None
        assert await other.stdout.readline() == b"ready\n"
        conversation = await make_conversation(store)
        for _ in range(60):
            await exchange(store, conversation)
        assert await other.wait() == 0
        turns = await store.page_turns(None, None, Window(limit=200))
        assert len(turns.data) == 120


# Locked, full, read-only, gone


async def test_a_locked_file_is_unavailable_and_heals(tmp_path: Path) -> None:
    """I17: while another process holds the write lock, writes are refused after the busy time and reads go on."""
    async with opened(tmp_path / "a.db", busy_seconds=0.05) as store:
        conversation = await make_conversation(store)
        other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable) as refused:
            await begin(store, conversation)
        assert refused.value.retry_after_seconds
        assert await path_of(store, conversation) == []
        other.execute("ROLLBACK")
        other.close()
        await exchange(store, conversation)
        assert await path_of(store, conversation) == ["Hello?", "Hello."]


async def test_a_write_waits_for_a_short_lock(tmp_path: Path) -> None:
    """A lock that is let go of within the busy time delays a write and fails nothing."""
    async with opened(tmp_path / "a.db", busy_seconds=10) as store:
        conversation = await make_conversation(store)
        other = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        write = asyncio.ensure_future(begin(store, conversation))
        done, _ = await asyncio.wait([write], timeout=0.1)
        assert not done
        other.execute("ROLLBACK")
        other.close()
        assert (await write).claim is not None


async def _fill(store: SqliteStore, bot: Bot, stored: list[Conversation]) -> None:
    for _ in range(200):
        conversation = await make_conversation(store, bot=bot)
        await exchange(store, conversation, "x" * 20_000)
        stored.append(conversation)


async def test_a_full_store_says_so_and_heals(tmp_path: Path) -> None:
    """I17: with no room left a send stores nothing, reads go on, and room that is made is used."""
    async with opened(tmp_path / "a.db", max_bytes=1_000_000) as store:
        bot = await make_bot(store)
        kept = await make_conversation(store, bot=bot)
        stored: list[Conversation] = []
        await exchange(store, kept)
        with pytest.raises(StoreFull):
            await _fill(store, bot, stored)
        assert len(stored) > 5
        with pytest.raises(StoreFull):
            await store.create_bot(TENANT, BotDraft(id="bot_big", name="b", model="m", instructions="y" * 900_000))
        assert await store.find_bot(TENANT, "b") is None
        assert await path_of(store, kept) == ["Hello?", "Hello."]
    async with opened(tmp_path / "a.db") as store:
        for conversation in stored:
            await store.delete_conversation(TENANT, conversation.id)
        await purge_all(store)
    async with opened(tmp_path / "a.db", max_bytes=1_000_000) as store:
        await exchange(store, kept, "z" * 20_000)


async def test_a_tick_that_finds_no_room_can_be_written_later(tmp_path: Path) -> None:
    """A tick that was refused wrote nothing, and the same tick is taken once there is room."""
    async with opened(tmp_path / "a.db", max_bytes=1_000_000) as store:
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        with pytest.raises(StoreFull):
            await store.append_deltas([said(claim, *["x" * 60_000] * 40)])
        assert await path_of(store, conversation) == ["Hello?", ""]
        await store.append_deltas([said(claim, "x")])
        await store.append_deltas([said(claim, "x")])
        assert await path_of(store, conversation) == ["Hello?", "x"]
        await store.finish_turn(claim, completed("x"), promote=None)


async def test_a_file_that_can_t_be_opened_is_unavailable(tmp_path: Path) -> None:
    """A folder where the file should be, or a folder that is a file, is said plainly."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreUnavailable):
        await SqliteStore(tmp_path / "folder").open()


async def test_a_second_create_with_one_id_is_a_conflict(tmp_path: Path) -> None:
    """Ids come from the caller; one that is there already is refused, and nothing is changed."""
    async with opened(tmp_path / "a.db") as store:
        bot = await make_bot(store)
        with pytest.raises(Conflict):
            await store.create_bot(TENANT, BotDraft(id=bot.id, name="other", model="m"))
        assert await store.get_bot(TENANT, bot.id) == bot
        with pytest.raises(NotFound):
            await store.get_bot(TENANT, "bot_unknown")
