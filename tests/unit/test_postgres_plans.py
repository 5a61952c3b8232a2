"""No operation reads more than it returns: the server counts the rows that it touched, in tables that are large."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from palaver.conversation import Conversation, InterruptReason, Policy, TurnStatus
from palaver.ids import new_id
from palaver.page import Order, Window
from palaver.stores.figures import UnfoundFilter
from palaver.stores.orders import ConversationFilter, ConversationSort, SearchQuery
from palaver.stores.postgres import PostgresStore
from palaver.stores.postgres.search import WALKED_ROWS
from palaver.testing.stores.making import (
    TENANT,
    answer_id_of,
    begin,
    completed,
    exchange,
    make_bot,
    make_conversation,
    running,
    said,
)
from palaver.testing.stores.messages import regenerate

TURNS = 5_000
"""In one conversation; as many again in others."""
ROWS = 400
"""Enough for a page of 20 with all that belongs to it, and for the ten turns that a claim brings along."""

_FILL = """
INSERT INTO turns (tenant_id, conversation_id, idx, id, parent_idx, status, model, question_id, answer_id, queued, last_seq, has_log,
    created_at, started_at, finished_at)
SELECT 'default', {conversation}, i % {turns} + 2, {name} || 'turn_' || i, i % {turns} + 1, 'completed', 'm', {name} || 'q_' || i,
    {name} || 'a_' || i, false, 3, true, {now}, {now}, {now} FROM generate_series(0, {turns} - 1) i;
INSERT INTO messages (tenant_id, conversation_id, seq, id, turn_idx, role, text, on_path, created_at)
SELECT 'default', {conversation}, 2 * (i % {turns}) + 3 + j, {name} || CASE j WHEN 0 THEN 'q_' ELSE 'a_' END || i, i % {turns} + 2,
    CASE j WHEN 0 THEN 'user' ELSE 'assistant' END, repeat('word ', 50), true, {now}
FROM generate_series(0, {turns} - 1) i, generate_series(0, 1) j;
INSERT INTO message_words (tenant_id, n, conversation_id, seq, words)
SELECT tenant_id, n, conversation_id, seq,
    ('''@default'' ''common'':1 ''w' || n || ''':2 ' || CASE WHEN n % 1000 = 77 THEN '''rare'':3' ELSE '' END)::tsvector
FROM messages ON CONFLICT DO NOTHING;
INSERT INTO turn_log (tenant_id, turn_id, seq, type, data, at)
SELECT 'default', {name} || 'turn_' || i, 2, 'text.delta', '{{"text":"x"}}', {now} FROM generate_series(0, {turns} - 1) i;
"""
_OTHERS = """
INSERT INTO conversations (tenant_id, id, bot_id, kind, status, metadata, started_at, last_activity_at)
SELECT 'default', 'other_' || i, $1, 'text', CASE WHEN i % 3 = 0 THEN 'ended' ELSE 'active' END, '{}', i, i FROM generate_series(1, 5000) i
"""
_GROWN = """
UPDATE conversations SET last_seq = 2 * $2 + 2, last_index = $2 + 1, head_idx = $2 + 1, message_count = 2 * $2 + 2, turn_count = $2 + 1,
    revision = revision + 1
WHERE id = $1
"""
_TOUCHED = """
SELECT sum(coalesce(t.seq_tup_read, 0) + coalesce(t.idx_tup_fetch, 0)) + (
    SELECT sum(i.idx_tup_read) FROM pg_stat_user_indexes i WHERE i.schemaname = 'palaver' AND i.indexrelname <> 'message_words_found'
) FROM pg_stat_user_tables t WHERE t.schemaname = 'palaver'
"""
Step = Callable[[PostgresStore, Conversation], Awaitable[object]]


async def _turn(store: PostgresStore, conversation: Conversation) -> None:
    claim = await running(store, conversation)
    assert len(claim.history) >= 2
    await store.append_deltas([said(claim, "Hello.")])
    await store.renew_leases([claim], 15)
    await store.watch_turns([claim])
    await store.finish_turn(claim, completed("Hello."), promote="worker")


async def _reads(store: PostgresStore, conversation: Conversation) -> None:
    found = await store.get_conversation(TENANT, conversation.id)
    assert found.head_turn_id is not None
    turn = await store.get_turn(TENANT, found.head_turn_id)
    await store.read_log(TENANT, turn.id, after=0, limit=100)
    await store.get_message(TENANT, answer_id_of(turn))
    await store.lineage(TENANT, turn.id, turns=10)


async def _pages(store: PostgresStore, conversation: Conversation) -> None:
    for order in Order:
        page = await store.page_messages(TENANT, conversation.id, Window(limit=20), order=order)
        assert len(page.data) == 20
    await store.page_messages(TENANT, conversation.id, Window(limit=20, after=(4_000,)))


async def _queue(store: PostgresStore, conversation: Conversation) -> None:
    claim = await running(store, conversation)
    queued = (await begin(store, conversation, "Next?", policy=Policy.QUEUE)).turn
    await begin(store, conversation, "Now!", policy=Policy.INTERRUPT)
    await store.request_stop(TENANT, queued.id, InterruptReason.STOPPED)
    finished = await store.finish_turn(claim, completed("a"), promote="worker")
    assert finished.promoted is not None
    await store.finish_turn(finished.promoted, completed("b"), promote="worker")


async def _branch(store: PostgresStore, conversation: Conversation) -> None:
    done = (await exchange(store, conversation)).turn
    await regenerate(store, conversation, done, "Again.")
    await store.set_head(TENANT, conversation.id, done.id)


async def _lists(store: PostgresStore, conversation: Conversation) -> None:
    for sort in ConversationSort:
        for order in Order:
            await store.page_conversations(TENANT, ConversationFilter(sort=sort, order=order), Window(limit=20))
    for status in (None, TurnStatus.COMPLETED, TurnStatus.RUNNING, TurnStatus.FAILED):
        await store.page_turns(TENANT, status, Window(limit=20))
        listed = await store.page_turns(None, status, Window(limit=20))
        for turn in listed.data[:1]:
            await store.tenant_of_turn(turn.id)
    await store.page_conversations(TENANT, ConversationFilter(bot_id=conversation.bot_id), Window(limit=20))
    for first in (0, 2**21):
        await store.page_unfound(TENANT, UnfoundFilter(first=first, last=2**22), Window(limit=20))


async def _sweeps(store: PostgresStore, _: Conversation) -> None:
    await store.recover("worker", 15, 10)
    await store.cancel_queued("nobody", InterruptReason.SHUTDOWN)
    await store.end_idle(10)
    await store.purge(deleted_before_seconds=3600, limit=10)
    await store.expire_logs(older_than_seconds=3600, limit=10)


STEPS: dict[str, tuple[Step, int]] = {
    "turn": (_turn, ROWS),
    "reads": (_reads, ROWS),
    "pages": (_pages, 3 * ROWS),
    "queue": (_queue, 4 * ROWS),
    "branch": (_branch, 3 * ROWS),
    "lists": (_lists, 20 * ROWS),
    "sweeps": (_sweeps, 2 * ROWS),
}


async def grown(store: PostgresStore, database: asyncpg.Connection) -> Conversation:
    """Make a conversation, use it for everything once, and let it and all others become long."""
    conversation = await make_conversation(store)
    await exchange(store, conversation)
    await exchange(store, conversation)
    for step in (_turn, _reads):
        await step(store, conversation)
    await make_bot(store, idle_timeout_minutes=5)
    head = await database.fetchval("SELECT last_index FROM conversations WHERE id = $1", conversation.id)
    await database.execute("DELETE FROM turns WHERE conversation_id = $1 AND idx > 1", conversation.id)
    await database.execute("DELETE FROM messages WHERE conversation_id = $1 AND seq > 2", conversation.id)
    assert head > 1
    now = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    fill = {"turns": TURNS, "now": now, "name": "''"}
    await database.execute(_FILL.format(conversation=f"'{conversation.id}'", **fill))
    await database.execute(_OTHERS, conversation.bot_id)
    others = {**fill, "name": "'x'"}
    await database.execute(_FILL.format(conversation="'other_' || (i / 10 + 1)", **others))
    await database.execute(_GROWN, conversation.id, TURNS)
    return conversation


async def flush(connection: asyncpg.Connection) -> None:
    """Have a connection say now what it touched: it does so now and then."""
    await connection.execute("SELECT pg_stat_force_next_flush()")
    await connection.execute("SELECT 1")


async def touched(database: asyncpg.Connection) -> int:
    """How many rows the server has touched so far."""
    await flush(database)
    await database.execute("SELECT pg_stat_clear_snapshot()")
    return int(await database.fetchval(_TOUCHED))


@pytest.mark.parametrize("analyzed", [False, True], ids=["plans made before", "plans made after"])
async def test_the_cost_is_what_is_asked_for(postgres_url: str, database: asyncpg.Connection, analyzed: bool) -> None:
    """Whatever the length of a conversation and the number of others, an operation touches about the rows that it returns,
    with plans that were made when the tables were empty, and with plans that were made when they were full."""
    store = PostgresStore(postgres_url, pool_size=1)
    await store.open()
    conversation = await grown(store, database)
    if analyzed:
        await database.execute("ANALYZE")
    before = await touched(database)
    for name, (step, rows) in STEPS.items():
        await step(store, conversation)
        async with store._pool.connection() as connection:
            await flush(connection)
        after = await touched(database)
        assert after - before <= rows, name
        before = after
    await store.close()


async def test_a_search_chooses_its_way(postgres_url: str, database: asyncpg.Connection) -> None:
    """A common word is found among the newest messages, a rare one in the index: neither reads all messages."""
    store = PostgresStore(postgres_url, pool_size=1)
    await store.open()
    await grown(store, database)
    await database.execute("ANALYZE")
    for words, found in (("common", 20), ("rare", 20), (f"w{TURNS}", 1), (new_id("nothing"), 0)):
        before = await touched(database)
        page = await store.search_messages(TENANT, SearchQuery(text=words), Window(limit=20))
        assert len(page.data) == found
        async with store._pool.connection() as connection:
            await flush(connection)
        assert await touched(database) - before <= 2 * WALKED_ROWS + ROWS, words
    await store.close()
