"""A PostgreSQL database with pgvector, and without pg_trgm, keeps the contract of ``stores/knowledge.py``: what it has more
is a feature, what it lacks is not noticed but by who misspells."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from palaver.stores.base import Feature
from palaver.stores.knowledge_orders import VectorQuery
from palaver.stores.postgres import PostgresStore
from palaver.testing import FakeClock
from palaver.testing.stores.chunks import ChunkConformance, VectorConformance, VectorSearchConformance
from palaver.testing.stores.documents import DocumentConformance, IngestionConformance
from palaver.testing.stores.knowing import EMBEDDING, floats, known, texts_of
from palaver.testing.stores.making import TENANT, make_bot
from palaver.testing.stores.records import RecordConformance
from palaver.testing.stores.training import TrainingConformance
from servers.postgres import PostgresServer, name_of


@asynccontextmanager
async def opened(url: str, clock: FakeClock) -> AsyncIterator[PostgresStore]:
    """A store, closed afterwards."""
    store = PostgresStore(url, clock=clock)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


class TestPgvector(
    DocumentConformance,
    IngestionConformance,
    ChunkConformance,
    VectorConformance,
    VectorSearchConformance,
    TrainingConformance,
    RecordConformance,
):
    @pytest.fixture
    async def store(self, pgvector_url: str, clock: FakeClock) -> AsyncIterator[PostgresStore]:
        async with opened(pgvector_url, clock) as store:
            yield store

    async def test_it_searches_by_vectors(self, store: PostgresStore) -> None:
        """What these tests run on is what they say."""
        assert Feature.VECTOR_SEARCH in store.features
        assert "pg_trgm" in " ".join((await store.health()).notes)


async def test_the_extension_may_come_later(pgvector_server: PostgresServer, clock: FakeClock) -> None:
    """Vectors that were written before are found by the next store that is opened, as are those of one that is still open."""
    with pgvector_server.database() as url:
        before = PostgresStore(url, clock=clock)
        await before.open()
        assert Feature.VECTOR_SEARCH not in before.features
        bot = await make_bot(before)
        await known(before, bot, "one", vectors=[(1, 0)])
        pgvector_server.execute("CREATE EXTENSION vector", name_of(url))
        query = VectorQuery(bot_id=bot.id, embedding=EMBEDDING, vector=floats(1, 0), k=5)
        for found in (["one"], ["one", "two"]):
            async with opened(url, clock) as after:
                assert Feature.VECTOR_SEARCH in after.features
                assert texts_of(await after.search_vectors(TENANT, query)) == found
            if "two" not in found:
                await known(before, bot, "two", vectors=[(1, 1)])
        await before.close()
