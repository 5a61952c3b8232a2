"""One server, one Chromium, for all tests of the page in a process; each test has a fresh profile."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from crash.process import serving
from web.desk import PATIENCE_MS, Desk, a_desk, chromium


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        started = await chromium(playwright)
        yield started
        await started.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A server that anyone may use, with one bot; its default model echoes."""
    store = tmp_path_factory.mktemp("web") / "chat.db"
    env = {"PALAVER_DEFAULT_MODEL": "scripted:echo", "PALAVER_LEASE_SECONDS": "30"}  # a busy machine is no dead one
    async with serving(store, env) as server, httpx2.AsyncClient(base_url=server.url) as http:
        await http.post("/v1/bots", json={"name": "Helper"})
        yield server.url


@pytest_asyncio.fixture(loop_scope="session")
async def desk(browser: Browser, server_url: str) -> AsyncIterator[Desk]:
    async with a_desk(browser, server_url) as made:
        yield made
