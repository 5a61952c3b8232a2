"""SQLite keeps the contract of ``stores/base.py``: in a file and in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from palaver.stores.sqlite import SqliteStore
from palaver.testing import FakeClock, StoreConformance


class TestSqlite(StoreConformance):
    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture(params=["file", "memory"])
    async def store(
        self, request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path
    ) -> AsyncIterator[SqliteStore]:
        store = SqliteStore(tmp_path / "palaver.db" if request.param == "file" else ":memory:", clock=clock)
        await store.open()
        yield store
        await store.close()
