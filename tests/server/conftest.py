"""Worlds to test in: one for each test, or one for all the rows of a table."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from server.world import World, a_world


@pytest_asyncio.fixture
async def world(tmp_path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def table_world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with a_world(tmp_path_factory.mktemp("table")) as made:
        yield made
