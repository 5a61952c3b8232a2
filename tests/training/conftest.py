"""A store with a clock to move, a bot in it, and whoever trains it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from palaver.bot import Bot
from palaver.stores.sqlite import SqliteStore
from palaver.testing import FakeClock
from palaver.testing.stores.making import make_bot
from training.school import School


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(clock: FakeClock, tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "palaver.db", clock=clock)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def bot(store: SqliteStore) -> Bot:
    return await make_bot(store)


@pytest.fixture
def school(store: SqliteStore, bot: Bot, clock: FakeClock) -> School:
    return School(store, bot, clock)
