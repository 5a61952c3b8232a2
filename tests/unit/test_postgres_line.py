"""The line between processes: told soon, in few messages, cut without harm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing

import pytest

from palaver.conversation import InterruptReason
from palaver.errors import StoreUnavailable
from palaver.ids import new_id
from palaver.stores.postgres import PostgresStore
from palaver.testing.stores.making import TENANT, completed, make_conversation, running, said
from servers.postgres import PostgresServer


@pytest.fixture
async def stores(postgres_url: str) -> AsyncIterator[list[PostgresStore]]:
    """Two stores on one database."""
    async with AsyncExitStack() as stack:
        opened = [PostgresStore(postgres_url) for _ in range(2)]
        for store in opened:
            await store.open()
            stack.push_async_callback(store.close)
        yield opened


class Ear:
    """Listens to what a store is told, from a moment in which it surely does."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self.heard: set[str] = set()
        self.messages = 0
        self.error: BaseException | None = None
        self._news = asyncio.Event()

    async def listen(self) -> None:
        try:
            async with aclosing(self._store.wakeups()) as news:
                async for turn_ids in news:
                    self.messages += 1
                    self.heard |= set(turn_ids)
                    self._news.set()
        except StoreUnavailable as error:
            self.error = error

    async def until(self, *turn_ids: str) -> None:
        """Wait until these were heard."""
        async with asyncio.timeout(5):
            while not self.heard.issuperset(turn_ids):
                self._news.clear()
                await self._news.wait()


async def listening(
    group: asyncio.TaskGroup, here: PostgresStore, store: PostgresStore
) -> tuple[Ear, asyncio.Task[None]]:
    """Begin to listen, and wait until something is heard."""
    ear = Ear(store)
    task = group.create_task(ear.listen())
    async with asyncio.timeout(5):
        while not ear.heard:
            here._line.tell([new_id("turn")])
            await asyncio.sleep(0.02)
    return ear, task


async def test_what_changes_is_told_to_others(stores: list[PostgresStore]) -> None:
    """Words, a request to stop and an end are told to the others, and not to oneself."""
    here, there = stores
    claim = await running(here, await make_conversation(here))
    async with asyncio.TaskGroup() as group:
        ear, listens = await listening(group, here, there)
        own, listens_too = await listening(group, there, here)
        for change in (
            here.append_deltas([said(claim, "x")]),
            here.request_stop(TENANT, claim.turn.id, InterruptReason.STOPPED),
            here.finish_turn(claim, completed("x"), promote=None),
        ):
            ear.heard.clear()
            await change
            await ear.until(claim.turn.id)
        assert claim.turn.id not in own.heard
        listens.cancel()
        listens_too.cancel()


async def test_news_of_many_turns_are_few_messages(stores: list[PostgresStore]) -> None:
    """A thousand turns with news at once, each told often, are told in a few messages, none of them lost."""
    here, there = stores
    turn_ids = [new_id("turn") for _ in range(1_000)]
    async with asyncio.TaskGroup() as group:
        ear, listens = await listening(group, here, there)
        ear.messages = 0
        for turn_id in turn_ids * 3:
            here._line.tell([turn_id])
        await ear.until(*turn_ids)
        assert ear.messages < 20
        listens.cancel()


async def test_a_line_that_is_cut_is_told(stores: list[PostgresStore], postgres_server: PostgresServer) -> None:
    """Who listens is told that the line is cut; who calls again hears again."""
    here, there = stores
    async with asyncio.TaskGroup() as group:
        ear, listens = await listening(group, here, there)
        for connection in (here._line._connection, there._line._connection):
            assert connection is not None
            pid = connection.get_server_pid()
            await asyncio.to_thread(postgres_server.execute, f"SELECT pg_terminate_backend({pid})")
        async with asyncio.timeout(5):
            await listens
        assert isinstance(ear.error, StoreUnavailable)
        _, again = await listening(group, here, there)
        again.cancel()
