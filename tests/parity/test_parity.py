"""A hub is a hub: in this process or on a server, awaited or blocking, the same names, values and errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import palaver
from crash.process import serving
from parity.record import Record
from parity.scenario import play
from parity.unblocked import Unblocked

Opening = Callable[[Path], AbstractAsyncContextManager[Any]]


@asynccontextmanager
async def local(folder: Path) -> AsyncIterator[Any]:
    async with palaver.open(str(folder / "local.db")) as hub:
        yield hub


@asynccontextmanager
async def local_blocking(folder: Path) -> AsyncIterator[Any]:
    hub = await asyncio.to_thread(palaver.connect, str(folder / "blocking.db"))
    try:
        yield Unblocked(hub)
    finally:
        await asyncio.to_thread(hub.close)


@asynccontextmanager
async def remote(folder: Path) -> AsyncIterator[Any]:
    async with serving(folder / "served.db", {}) as server, palaver.open(server.url) as hub:
        yield hub


@asynccontextmanager
async def remote_blocking(folder: Path) -> AsyncIterator[Any]:
    async with serving(folder / "served-blocking.db", {}) as server:
        hub = await asyncio.to_thread(palaver.connect, server.url)
        try:
            yield Unblocked(hub)
        finally:
            await asyncio.to_thread(hub.close)


def local_on(url: str) -> Opening:
    """A hub of this process on a store."""

    @asynccontextmanager
    async def opened(folder: Path) -> AsyncIterator[Any]:
        async with palaver.open(url) as hub:
            yield hub

    return opened


async def story_of(opening: Opening, folder: Path) -> Record:
    async with opening(folder) as hub:
        return await play(hub)


@pytest.mark.parametrize("opening", [local_blocking, remote, remote_blocking])
async def test_every_hub_tells_the_same_story(opening: Opening, tmp_path: Path) -> None:
    """One story of every call and every refusal reads the same on each kind of hub: values modulo ids and times, errors
    by class, code, message and the details that callers use."""
    expected = await story_of(local, tmp_path)
    found = await story_of(opening, tmp_path)
    for step, other in zip(expected.steps, found.steps, strict=True):
        assert other == step


@pytest.mark.parametrize("store", ["postgres_url", "redis_url", "redis_cluster_url"])
async def test_every_store_tells_the_same_story(store: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The same story on every store reads the same; a store that lacks the search of messages says so."""
    expected = await story_of(local, tmp_path)
    found = await story_of(local_on(request.getfixturevalue(store)), tmp_path)
    for step, other in zip(expected.steps, found.steps, strict=True):
        if other[0].startswith("search") and not store.startswith("postgres"):
            assert other[1]["code"] == "feature_absent"
        else:
            assert other == step
