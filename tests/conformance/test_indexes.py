"""Every index over chunks that is made in memory keeps the contract of ``retrieval/base.py``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from palaver.retrieval.base import VectorIndex, WordIndex
from palaver.retrieval.index_files import IndexFiles
from palaver.retrieval.shelf import Shelf
from palaver.retrieval.vectors import FaissVectors
from palaver.retrieval.words import MemoryWords
from palaver.stores.base import Store
from palaver.stores.knowledge_orders import VectorQuery
from palaver.stores.sqlite.store import SqliteStore
from palaver.testing import FakeClock, VectorIndexConformance, WordIndexConformance

PLENTY = 100_000_000


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(clock: FakeClock, tmp_path: Path) -> AsyncIterator[Store]:
    store = SqliteStore(tmp_path / "palaver.db", clock=clock)
    await store.open()
    await store.ensure_tenant("other")
    yield store
    await store.close()


class TestMemoryWords(WordIndexConformance):
    @pytest.fixture
    def word_index(self, store: Store) -> WordIndex:
        return MemoryWords(store, Shelf(PLENTY))


class TestFaissVectors(VectorIndexConformance):
    @pytest.fixture
    def vector_index(self, store: Store) -> VectorIndex:
        return FaissVectors(store, Shelf(PLENTY))


class Restarted:
    """Vectors of a process that saves what it knows, dies, and starts again before every search."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder

    async def search_vectors(self, tenant_id: str, query: VectorQuery):  # type: ignore[no-untyped-def]
        vectors = FaissVectors(self._store, Shelf(PLENTY), files=IndexFiles(self._folder))
        try:
            return await vectors.search_vectors(tenant_id, query)
        finally:
            await vectors.tidy()


class TestSavedVectors(VectorIndexConformance):
    @pytest.fixture
    def vector_index(self, store: Store, tmp_path: Path) -> VectorIndex:
        return Restarted(store, tmp_path / "indexes")


class TestCrowdedVectors(VectorIndexConformance):
    """There is room for one mirror, and each search is made twice: for another embedding in between."""

    @pytest.fixture
    def vector_index(self, store: Store) -> VectorIndex:
        crowded = FaissVectors(store, Shelf(1))

        class Crowding:
            async def search_vectors(self, tenant_id: str, query: VectorQuery):  # type: ignore[no-untyped-def]
                other = VectorQuery(bot_id=query.bot_id, embedding="other", vector=query.vector, k=1)
                await crowded.search_vectors(tenant_id, other)
                return await crowded.search_vectors(tenant_id, query)

        return Crowding()
