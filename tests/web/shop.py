"""Somebody else's web site: pages of other origins, with a strict policy and the worst stylesheet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Frame, Page

from servers.process import free_port
from web.desk import PATIENCE_MS, Desk

HOSTILE = """* { color: red !important; display: none !important; font: 60px fantasy !important; position: static !important; }
html, body { display: block !important; }
body, body *, iframe, button { transform: rotate(9deg) !important; visibility: hidden !important; }"""
_PAGE = """<!doctype html><html lang="en"><head><title>Shop</title><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/site.css"><script src="{server}/widget.js" data-bot="{bot}" {more} async></script></head>
<body>{body}</body></html>"""


class Shop:
    """A web server on two ports of this machine, which has many names: ``origin`` and its neighbours are different origins."""

    def __init__(self) -> None:
        ports = free_port(), free_port()
        self.ports = ports
        self.origin = f"http://localhost:{ports[0]}"
        self.neighbour = f"http://127.0.0.1:{ports[0]}"
        self.other_port = f"http://localhost:{ports[1]}"
        self._css, self._page, self._policy = "", "", ""

    async def show(
        self, desk: Desk, bot_id: str, *, more: str = "", body: str = "<h1>Shoes</h1>", css: str = HOSTILE
    ) -> None:
        """Have every page name the widget of a bot; its policy allows two things, and they are the server's."""
        self._page = _PAGE.format(server=desk.url, bot=bot_id, more=more, body=body)
        self._css = css
        self._policy = (
            f"default-src 'none'; style-src 'self'; script-src {desk.url}; frame-src {desk.url}; "
            "require-trusted-types-for 'script'; trusted-types 'none'"
        )
        for origin in (self.origin, self.neighbour, self.other_port):
            await desk.context.route(f"{origin}/**", lambda route: route.continue_())

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        asked = (await reader.readuntil(b"\r\n\r\n")).split()[1]
        kind, text = ("text/css", self._css) if asked == b"/site.css" else ("text/html; charset=utf-8", self._page)
        content = text.encode()
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n"
            f"Content-Security-Policy: {self._policy}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + content)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def a_shop() -> AsyncIterator[Shop]:
    """Open it."""
    shop = Shop()
    opened = [await asyncio.start_server(shop.answer, "127.0.0.1", port) for port in shop.ports]
    try:
        yield shop
    finally:
        for each in opened:
            each.close()


def launcher(page: Page) -> tuple[float, float]:
    """Where the button is: no script of the page, nor a test, can look inside of its closed root."""
    assert page.viewport_size is not None
    return page.viewport_size["width"] - 48, page.viewport_size["height"] - 48


async def press(desk: Desk) -> None:
    """Press the button, once it is there."""
    await desk.page.locator("palaver-widget").wait_for(state="attached")
    await desk.page.mouse.click(*launcher(desk.page))


async def framed(desk: Desk) -> Frame:
    """The widget's page, once the button was pressed."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while not (found := [each for each in desk.page.frames if "/embed/" in each.url]):
            await asyncio.sleep(0.02)
    return found[-1]
