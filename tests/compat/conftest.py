"""Worlds to test in: one for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from server.world import World, a_world


@pytest_asyncio.fixture
async def world(tmp_path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as made:
        yield made
