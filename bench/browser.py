"""The system's Chromium as the tests have it, with its processor slowed down, and a probe in every page that it opens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, CDPSession, Page, async_playwright

from web.desk import chromium

SLOWER = 4
"""How many times slower a page runs than this machine can: a telephone, or an old notebook."""
_PATIENCE_MS = 120_000
_PROBE = (Path(__file__).parent / "probe.js").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class SlowPage:
    """A page of a new profile, with nothing in its cache. ``probe`` in it is what ``probe.js`` makes."""

    page: Page
    devtools: CDPSession

    async def busy_seconds(self) -> float:
        """How long its main thread has been at work so far."""
        found = (await self.devtools.send("Performance.getMetrics"))["metrics"]
        return float(next(each["value"] for each in found if each["name"] == "TaskDuration"))


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Start it, and end it."""
    async with async_playwright() as playwright:
        started = await chromium(playwright)
        try:
            yield started
        finally:
            await started.close()


@asynccontextmanager
async def slow_page(opened: Browser) -> AsyncIterator[SlowPage]:
    """Open an empty one."""
    context = await opened.new_context(viewport={"width": 1280, "height": 820})
    context.set_default_timeout(_PATIENCE_MS)
    try:
        await context.add_init_script(_PROBE)
        page = await context.new_page()
        devtools = await context.new_cdp_session(page)
        await devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        await devtools.send("Performance.enable")
        yield SlowPage(page, devtools)
    finally:
        await context.close()
