"""A real Chromium that opens a file from disk, and what was seen in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from web import desk

_COUNT = "window.hits = 0; window.xss = () => { window.hits += 1; };"
_INSIDE = """() => {
    const all = [...document.body.querySelectorAll('*')];
    return {
        tags: [...new Set(all.map(each => each.localName))],
        handlers: all.flatMap(each => each.getAttributeNames()).filter(name => name.startsWith('on')),
        links: all.filter(each => each.hasAttribute('href')).map(each => each.getAttribute('href')),
        sources: all.filter(each => each.hasAttribute('src')).map(each => each.getAttribute('src').slice(0, 11)),
        styled: all.filter(each => each.hasAttribute('style')).length,
    };
}"""


@dataclass
class Seen:
    """What happened when a file was opened: how often a script ran, what was fetched, what is in the page."""

    hits: int
    inside: dict[str, Any]
    requests: list[str] = field(default_factory=list)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The Chromium of the tests of the page."""
    async with async_playwright() as playwright:
        browser = await desk.chromium(playwright)
        yield browser
        await browser.close()


async def opened(browser: Browser, file: Path) -> Seen:
    """Open a file, let it do what it can, and say what it did."""
    page = await browser.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    await page.add_init_script(_COUNT)
    await page.goto(file.as_uri(), wait_until="load")
    await page.mouse.move(200, 200)
    await page.keyboard.press("Tab")
    await page.wait_for_timeout(500)
    seen = Seen(await page.evaluate("window.hits"), await page.evaluate(_INSIDE), requests)
    await page.close()
    return seen
