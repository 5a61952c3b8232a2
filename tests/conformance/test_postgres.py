"""PostgreSQL keeps the contract of ``stores/base.py``."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from palaver.stores.postgres import PostgresStore
from palaver.testing import FakeClock, StoreConformance


class TestPostgres(StoreConformance):
    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    async def store(self, shared_postgres_url: str, clock: FakeClock) -> AsyncIterator[PostgresStore]:
        store = PostgresStore(shared_postgres_url, clock=clock)
        await store.open()
        yield store
        await store.close()
