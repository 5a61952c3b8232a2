"""Documents on PostgreSQL when several processes want the same one, and when the answer to a commit is lost."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import count

import asyncpg

from palaver.document import DocumentStatus
from palaver.errors import FenceLost, NotFound, StoreUnavailable
from palaver.page import Window
from palaver.stores.knowledge_orders import DocumentFilter, Replacement
from palaver.stores.postgres import PostgresStore
from palaver.testing import FakeClock
from palaver.testing.stores.documents import chunk_texts
from palaver.testing.stores.knowing import a_draft, add, chunks_of, claimed, embedded, found, known, quote_of
from palaver.testing.stores.making import (
    LEASE_SECONDS,
    TENANT,
    answer_id_of,
    completed,
    make_bot,
    make_conversation,
    once,
    purge_all,
    running,
)
from servers.proxy import proxy_to

ROUNDS = 10
_MISCOUNTED = """
SELECT coalesce(w.word, x.word), w.chunks, x.chunks FROM bot_words w FULL JOIN (
    SELECT d.bot_id, CASE left(lexeme, 1) WHEN '#' THEN '' ELSE lexeme END AS word, count(*) AS chunks
    FROM chunk_words c JOIN documents d ON d.tenant_id = c.tenant_id AND d.id = c.document_id CROSS JOIN unnest(c.words)
    WHERE left(lexeme, 1) <> '@' GROUP BY 1, 2
) x ON x.bot_id = w.bot_id AND x.word = w.word
WHERE w.chunks IS DISTINCT FROM x.chunks
"""
_LEFT = """
SELECT count(*) FROM chunks c JOIN documents d ON d.tenant_id = c.tenant_id AND d.id = c.document_id
WHERE c.fence IS DISTINCT FROM d.ready_fence
"""


async def test_a_document_is_claimed_once(stores: list[PostgresStore]) -> None:
    """Of many who ask at once for one document, through two stores, one is given it."""
    bot = await make_bot(stores[0])
    for _ in range(ROUNDS):
        document = await add(stores[0], bot)
        asked = [stores[n % 2].claim_documents(f"w{n}", LEASE_SECONDS, 5) for n in range(8)]
        claims = [claim for batch in await asyncio.gather(*asked) for claim in batch]
        assert [claim.document.id for claim in claims] == [document.id]


async def test_a_publish_and_a_delete_meet(stores: list[PostgresStore]) -> None:
    """Whichever comes first: in the end nothing of a deleted document is found, and restored it is what it became."""
    here, there = stores
    bot = await make_bot(here)
    outcomes = set[bool]()
    for number in range(ROUNDS):
        document = await add(here, bot)
        claim = await claimed(here, document)
        await here.put_chunks(claim, chunks_of(claim, f"word {number}"))
        published, _ = await asyncio.gather(
            here.publish_document(claim), there.delete_document(TENANT, document.id), return_exceptions=True
        )
        assert await found(there, bot, f"word {number}") == []
        restored = await there.restore_document(TENANT, document.id)
        is_ready = restored.status is DocumentStatus.READY
        assert isinstance(published, FenceLost) != is_ready
        assert await chunk_texts(here, document.id) == ([f"word {number}"] if is_ready else [])
        await here.delete_document(TENANT, document.id)
        outcomes.add(is_ready)
    assert outcomes


async def test_a_publish_and_a_stolen_lease_meet(stores: list[PostgresStore], clock: FakeClock) -> None:
    """A worker whose lease ran out publishes, or another one has the document: never both, and never chunks of two."""
    here, there = stores
    bot = await make_bot(here)
    for number in range(ROUNDS):
        document = await add(here, bot)
        slow = await claimed(here, document)
        await here.put_chunks(slow, chunks_of(slow, f"slow {number}", "slow too"))
        clock.advance(LEASE_SECONDS + 1)
        published, stolen = await asyncio.gather(
            here.publish_document(slow),
            there.claim_documents("thief", LEASE_SECONDS, 1),
            return_exceptions=True,
        )
        assert isinstance(stolen, tuple)
        assert isinstance(published, FenceLost) == bool(stolen)
        for claim in stolen:
            await there.put_chunks(claim, chunks_of(claim, f"thief {number}"))
            await there.publish_document(claim)
        texts = [f"thief {number}"] if stolen else [f"slow {number}", "slow too"]
        assert await chunk_texts(here, document.id) == texts


async def test_the_stems_are_counted_right(stores: list[PostgresStore], database: asyncpg.Connection) -> None:
    """However writes, replacements, deletes and purges of one bot's documents meet, each stem is counted as often as a chunk
    holds it, and what no version has any more is gone."""
    here, there = stores
    bot = await make_bot(here)

    async def live(store: PostgresStore, number: int) -> None:
        document = await add(store, bot, f"{number}".encode())
        for version in range(2):
            claim = next(iter(await store.claim_documents(f"w{number}", LEASE_SECONDS, 1)), None)
            if claim is None:
                return
            texts = [f"common words {(number + each) % 7} of {version}" for each in range(20)]
            with suppress(FenceLost, NotFound):  # another one deleted it meanwhile
                for _ in range(2):  # the second time is for an answer that was lost
                    await store.put_chunks(claim, chunks_of(claim, *texts), embedded(*[(1.0, 2.0)] * len(texts)))
                ready = await store.publish_document(claim)
                await store.replace_document(TENANT, ready.id, Replacement(), None)
        if number % 3 == 0:
            await store.delete_document(TENANT, document.id)

    async def purging() -> None:
        for _ in range(20):
            await there.purge(deleted_before_seconds=0, limit=15)

    await asyncio.gather(*(live(stores[number % 2], number) for number in range(8)), purging())
    assert await database.fetch(_MISCOUNTED) == []
    await purge_all(here)
    assert await database.fetch(_MISCOUNTED) == []
    assert await database.fetchval(_LEFT) == 0
    for document in (await here.page_documents(TENANT, DocumentFilter(bot_id=bot.id), Window(limit=100))).data:
        await here.delete_document(TENANT, document.id)
    await purge_all(here)
    for table in ("documents", "contents", "chunks", "chunk_words", "chunk_vectors", "bot_words", "chunk_residue"):
        assert await database.fetchval(f"SELECT count(*) FROM {table}") == 0, table


async def test_the_end_of_a_turn_and_a_purge_meet(stores: list[PostgresStore], database: asyncpg.Connection) -> None:
    """Whichever comes first: nothing that a purged document said is left in answers, and no turn is left running."""
    here, there = stores
    bot = await make_bot(here)
    conversation = await make_conversation(here, bot=bot)
    for number in range(ROUNDS):
        document = await known(here, bot, f"secret {number}")
        quote = await quote_of(here, bot, document)
        claim = await running(here, conversation)
        await here.delete_document(TENANT, document.id)
        outcome = completed("It says so [1].", citations=(quote,), consulted=(document.id,))
        await asyncio.gather(here.finish_turn(claim, outcome, promote=None), purge_all(there, limit=2))
        await purge_all(here)
        message = await there.get_message(TENANT, answer_id_of(claim.turn))
        assert [(each.quote, each.gone) for each in message.citations] == [("", True)]
    assert await database.fetchval("SELECT count(*) FROM turn_documents") == 0


async def test_a_create_whose_answer_is_lost_is_resolved_by_its_key(postgres_url: str, clock: FakeClock) -> None:
    """Wherever the connection is cut behind a statement that carries the key, the same call again tells: one document."""
    async with proxy_to(postgres_url) as proxy:
        store = PostgresStore(proxy.url, clock=clock)
        await store.open()
        bot = await make_bot(store)
        for occurrence in count(1):
            key = once("content", f"lost-{occurrence}-answer")
            proxy.lose_answer(key.key.encode(), occurrence)
            made = None
            while made is None:
                try:
                    made = await store.create_document(TENANT, a_draft(bot, b"content"), b"content", key)
                except StoreUnavailable:
                    await asyncio.sleep(0.1)
            assert (await store.get_content(TENANT, made.value.id))[1] == b"content"
            if not proxy.lost_an_answer:
                break
        documents = await store.page_documents(TENANT, DocumentFilter(bot_id=bot.id), Window(limit=100))
        assert occurrence > 1, "an answer was lost at least once"
        assert len(documents.data) == occurrence
        await store.close()


async def test_chunks_whose_answer_is_lost_are_written_once(
    postgres_url: str, clock: FakeClock, database: asyncpg.Connection
) -> None:
    """The same chunks again are the same chunks, and a publish that is tried again finds that it has happened."""
    async with proxy_to(postgres_url) as proxy:
        store = PostgresStore(proxy.url, clock=clock)
        await store.open()
        bot = await make_bot(store)
        for occurrence in count(1):
            claim = await claimed(store, await add(store, bot))
            proxy.lose_answer(claim.document.id.encode(), occurrence)
            while True:
                try:
                    await store.put_chunks(claim, chunks_of(claim, "one", "two"), embedded((1, 0), (0, 1)))
                    ready = await store.publish_document(claim)
                except StoreUnavailable:
                    await asyncio.sleep(0.1)
                    continue
                except FenceLost:
                    ready = await store.get_document(TENANT, claim.document.id)
                break
            assert (ready.status, ready.chunk_count) == (DocumentStatus.READY, 2)
            if not proxy.lost_an_answer:
                break
        assert occurrence > 3, "answers were lost"
        assert await database.fetch(_MISCOUNTED) == []
        await store.close()
