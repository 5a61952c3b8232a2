"""A search of chunks, and what else is asked of documents, reads about what it returns, however much a bot knows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from palaver.document import ChunkKey
from palaver.page import Window
from palaver.stores.knowledge_orders import ChunkQuery, DocumentFilter, TrainingFilter
from palaver.stores.postgres import PostgresStore
from palaver.stores.postgres.chunk_search import CANDIDATES, WALKED
from palaver.testing.stores.knowing import add, chunks_of, claimed, known
from palaver.testing.stores.making import TENANT, exchange, make_bot, make_conversation

DOCUMENTS = 40
CHUNKS = 500
"""In each document."""
EACH = 6
"""How many rows a candidate touches: it is found, read, its document looked up."""
ROWS = 1_000

_FILL = f"""
INSERT INTO documents (tenant_id, id, bot_id, title, source, media_type, status, version, ready_version, size_bytes, sha256, chunk_count,
    metadata, created_at, updated_at, ready_at, revision, fence, ready_fence)
SELECT 'default', 'doc_' || i, $1, 'title', 'file', 'text/plain', 'ready', 1, 1, 1, 'hash ' || i, {CHUNKS}, '{{}}', i, i, i, i, 1, 1
FROM generate_series(1, {DOCUMENTS}) i;
INSERT INTO chunks (tenant_id, document_id, fence, ordinal, text, starts, ends, tokens, sha256)
SELECT 'default', 'doc_' || i, 1, j, repeat('words ', 100), 0, 600, 100, 'hash'
FROM generate_series(1, {DOCUMENTS}) i, generate_series(1, {CHUNKS}) j;
INSERT INTO chunk_words (tenant_id, document_id, fence, ordinal, words)
SELECT c.tenant_id, c.document_id, c.fence, c.ordinal, (
    '''@default'' ''#' || $1 || ''' ''common'':1A ''w' || ordinal || 'of' || substr(document_id, 5) || ''':1A'
    || CASE WHEN ordinal % 2 = 0 THEN ' ''half'':1B' ELSE ' ''odd'':1B' END
    || CASE WHEN ordinal % 7 = 0 THEN ' ''seventh'':1C' ELSE '' END
    || CASE WHEN ordinal % 9 = 0 THEN ' ''ninth'':1C' ELSE '' END
    || CASE WHEN ordinal = 77 THEN ' ''rare'':1C' ELSE '' END)::tsvector
FROM chunks c WHERE sha256 = 'hash';
INSERT INTO chunk_vectors (tenant_id, document_id, fence, embedding, ordinal, vector)
SELECT c.tenant_id, c.document_id, c.fence, 'embedding', c.ordinal, '' FROM chunks c WHERE document_id = 'doc_3';
INSERT INTO bot_words (tenant_id, bot_id, word, chunks)
SELECT 'default', $1, CASE left(lexeme, 1) WHEN '#' THEN '' ELSE lexeme END, count(*) FROM chunk_words CROSS JOIN unnest(words)
WHERE left(lexeme, 1) <> '@' AND document_id IN (SELECT id FROM documents WHERE bot_id = $1) GROUP BY lexeme;
"""
_TOUCHED = """
SELECT (SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables WHERE schemaname = 'palaver')
    + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = 'palaver' AND indexrelname <> 'chunk_words_found')
"""
Step = Callable[[PostgresStore, str], Awaitable[object]]


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(postgres_url, pool_size=1)
    await store.open()
    yield store
    await store.close()


async def touched(store: PostgresStore, database: asyncpg.Connection) -> int:
    """How many rows the store has touched so far."""
    async with store._pool.connection() as connection:
        for each in (connection, database):
            await each.execute("SELECT pg_stat_force_next_flush()")
            await each.execute("SELECT 1")
    await database.execute("SELECT pg_stat_clear_snapshot()")
    return int(await database.fetchval(_TOUCHED))


async def grown(database: asyncpg.Connection, bot_id: str) -> None:
    """Let a bot know a lot."""
    for statement in _FILL.split(";\n")[:-1]:
        await database.execute(statement, *([bot_id] if "$1" in statement else []))


@pytest.mark.parametrize("analyzed", [False, True], ids=["plans made before", "plans made after"])
async def test_a_search_looks_at_candidates_only(
    store: PostgresStore, database: asyncpg.Connection, analyzed: bool
) -> None:
    """Neither a common word nor many of them make a search read all chunks; the rarest words decide what is looked at."""
    bot, other = await make_bot(store), await make_bot(store)
    await known(store, other, "something else")
    assert await store.search_chunks(TENANT, ChunkQuery(bot_id=other.id, text="something", k=1))
    await grown(database, bot.id)
    if analyzed:
        await database.execute("ANALYZE")
    asked = {
        "rare": DOCUMENTS,
        "w3of7": 1,
        "common": WALKED,
        "common half odd": WALKED,
        "seventh ninth": CANDIDATES,
        "common rare": WALKED,
        "rara": DOCUMENTS,
    }
    for text, candidates in asked.items():
        before = await touched(store, database)
        hits = await store.search_chunks(TENANT, ChunkQuery(bot_id=bot.id, text=text, k=5))
        assert hits, text
        assert await touched(store, database) - before <= candidates * EACH + ROWS, text
    both = await store.search_chunks(TENANT, ChunkQuery(bot_id=bot.id, text="common rare", k=5))
    assert {hit.chunk.ordinal for hit in both} == {77}, "the rare word decides"


async def _lists(store: PostgresStore, bot_id: str) -> None:
    await store.page_documents(TENANT, DocumentFilter(bot_id=bot_id), Window(limit=20))
    await store.page_chunks(TENANT, "doc_3", Window(limit=20))
    await store.page_chunk_records(TENANT, "doc_3", Window(limit=20))
    await store.page_vectors(TENANT, ("doc_3", 1), "embedding", Window(limit=20))


async def _index(store: PostgresStore, bot_id: str) -> None:
    await store.find_chunks(TENANT, bot_id, [ChunkKey(f"doc_{number}", 1, number) for number in range(1, 20)])
    await store.index_changes(TENANT, bot_id, after=DOCUMENTS - 5, limit=10)


async def _unembedded(store: PostgresStore, bot_id: str) -> None:
    page = await store.unembedded_chunks(TENANT, bot_id, "embedding", Window(limit=20))
    await store.unembedded_chunks(TENANT, bot_id, "embedding", Window(limit=20, after=page.next))


async def _ingestion(store: PostgresStore, bot_id: str) -> None:
    bot = await store.get_bot(TENANT, bot_id)
    claim = await claimed(store, await add(store, bot))
    await store.renew_ingestions([claim], 15)
    await store.put_chunks(claim, chunks_of(claim, "one", "two"))
    await store.publish_document(claim)
    await store.delete_document(TENANT, claim.document.id)


async def _training(store: PostgresStore, bot_id: str) -> None:
    pairs = await store.page_untrained(TENANT, TrainingFilter(bot_id=bot_id), Window(limit=20))
    assert len(pairs.data) == 1


async def _sweep(store: PostgresStore, _: str) -> None:
    await store.purge(deleted_before_seconds=3600, limit=10)
    await store.claim_documents("nobody", 15, 10)


STEPS: dict[str, Step] = {
    "lists": _lists,
    "index": _index,
    "unembedded": _unembedded,
    "ingestion": _ingestion,
    "training": _training,
    "sweep": _sweep,
}
_TRAINED = """
WITH made AS (
    INSERT INTO documents (tenant_id, id, bot_id, title, source, media_type, status, version, ready_version, size_bytes, sha256,
        metadata, created_at, updated_at, ready_at, revision, fence, ready_fence)
    VALUES ('default', 'doc_run', $1, 'run', 'training', 'text/plain', 'ready', 1, 1, 0, '', '{}', 1, 1, 1, 99, 1, 1)
)
INSERT INTO conversations (tenant_id, id, bot_id, kind, status, metadata, trained_by, started_at, last_activity_at)
SELECT 'default', 'trained_' || i, $1, 'text', 'ended', '{}', 'doc_run', i, i FROM generate_series(1, 5000) i
"""


async def test_the_cost_is_what_is_asked_for(store: PostgresStore, database: asyncpg.Connection) -> None:
    """Whatever a bot knows, and however many conversations were trained on before, the rest reads what it returns."""
    bot = await make_bot(store)
    await grown(database, bot.id)
    await database.execute(_TRAINED, bot.id)
    await exchange(store, await make_conversation(store, bot=bot))
    for name, step in STEPS.items():
        before = await touched(store, database)
        await step(store, bot.id)
        assert await touched(store, database) - before <= ROWS, name
