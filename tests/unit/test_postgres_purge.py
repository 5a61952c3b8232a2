"""A purge of PostgreSQL: to the last row, in steps between which nothing half gone is seen."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from palaver.errors import NotFound
from palaver.page import Window
from palaver.stores.orders import ConversationFilter
from palaver.stores.postgres import PostgresStore
from palaver.testing import FakeClock
from palaver.testing.stores.lifecycle import send_image, upload
from palaver.testing.stores.making import (
    TENANT,
    completed,
    exchange,
    make_bot,
    make_conversation,
    once,
    path_of,
    purge_all,
    running,
    said,
)
from palaver.testing.stores.messages import regenerate

# What is about no conversation.
_STAYS = {"schema_info", "meta", "tenants", "api_keys", "entities", "bots", "once_keys"}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(postgres_url: str, clock: FakeClock) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(postgres_url, clock=clock)
    await store.open()
    yield store
    await store.close()


async def filled(database: asyncpg.Connection) -> set[str]:
    """The tables that have rows."""
    tables = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'palaver'")
    return {row[0] for row in tables if await database.fetchval(f"SELECT EXISTS (SELECT 1 FROM {row[0]})")}


@pytest.mark.parametrize("limit", [1, 7, 1000])
async def test_nothing_is_left(
    store: PostgresStore, clock: FakeClock, database: asyncpg.Connection, limit: int
) -> None:
    """Of what was deleted no row of any table is left, however small the steps are."""
    attachment = upload(clock, b"x")
    await store.put_attachment(TENANT, attachment, b"x")
    pictured = await send_image(store, attachment)
    conversation = await make_conversation(store, bot=await make_bot(store))
    done = await exchange(store, conversation, once=once())
    await regenerate(store, conversation, done.turn, "Again.")
    claim = await running(store, conversation)
    await store.append_deltas([said(claim, "a", "b", "c")])
    await store.finish_turn(claim, completed("abc"), promote=None)
    await store.delete_conversation(TENANT, pictured)
    await store.delete_bot(TENANT, conversation.bot_id)
    await purge_all(store, limit=limit)
    assert await filled(database) <= _STAYS


@pytest.mark.parametrize("what", ["conversation", "bot"])
async def test_what_is_half_gone_is_gone(store: PostgresStore, what: str) -> None:
    """From the first step of its purge on a conversation can't be restored, nor is it listed, nor seen in a restored bot."""
    bot = await make_bot(store)
    purged, other = [await make_conversation(store, bot=bot) for _ in range(2)]
    for each in (purged, other):
        await exchange(store, each)
    if what == "conversation":
        await store.delete_conversation(TENANT, purged.id)
    else:
        await store.delete_bot(TENANT, bot.id)
    await store.purge(deleted_before_seconds=0, limit=1)
    if what == "bot":
        await store.restore_bot(TENANT, bot.id)
    assert list((await store.page_conversations(TENANT, ConversationFilter(deleted=True), Window())).data) == []
    with pytest.raises(NotFound):
        await store.restore_conversation(TENANT, purged.id)
    assert await path_of(store, other) == ["Hello?", "Hello."]
    await purge_all(store)
    assert await path_of(store, other) == ["Hello?", "Hello."]
