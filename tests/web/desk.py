"""A person at the page: a real ``palaver serve``, and Chromium that shows what it serves."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Playwright, Request, Route

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TOGETHER = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("web")]
"""Marks of tests with a browser: one loop, and where several processes test, one of them has all."""
PATIENCE_MS = 30_000
"""A machine may have a lot to do; nothing here waits longer than it has to."""


def name(what: str = "Bot") -> str:
    """A name that no other test took."""
    return f"{what} {uuid4().hex[:8]}"


async def chromium(playwright: Playwright) -> Browser:
    """Start the system's Chromium."""
    found = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    assert found is not None, "The tests of the page need Chromium: apt-get install chromium."
    return await playwright.chromium.launch(executable_path=found, args=list(FLAGS), headless=True)


@dataclass
class Faults:
    """What must not happen on the page: errors in its console (a breach of its policy is one), requests to other hosts.

    ``expected`` are pieces of messages that a test provokes.
    """

    url: str
    seen: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Note the faults of a page."""
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.seen.append(f"pageerror: {error}"))

    async def pass_own(self, route: Route, request: Request) -> None:
        """Let a request through that is for our server, and no other."""
        parts = urlsplit(request.url)
        if parts.scheme in ("data", "blob") or f"{parts.scheme}://{parts.netloc}" == self.url:
            await route.fallback()
        else:
            self.seen.append(f"foreign request: {request.url}")
            await route.abort()

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.seen.append(f"console: {message.text} ({message.location.get('url', '')})")

    def check(self) -> None:
        """Fail if there was a fault that no test provoked."""
        assert [each for each in self.seen if not any(piece in each for piece in self.expected)] == []


@dataclass(slots=True)
class Desk:
    """A page, a client of the API beside it, and what is looked for on the page."""

    url: str
    context: BrowserContext
    page: Page
    http: httpx2.AsyncClient
    faults: Faults

    async def made(self, path: str, body: Mapping[str, Any], **options: Any) -> Any:
        """Create something that must work, and return it."""
        answer = await self.http.post(path, json=body, timeout=60, **options)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def got(self, path: str) -> Any:
        """Read something that must be there."""
        answer = await self.http.get(path, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def bot(self, name: str, model: str = "scripted:echo", **fields: Any) -> str:
        """Make a bot; return its id."""
        return str((await self.made("/v1/bots", {"name": name, "model": model, **fields}))["id"])

    async def conversation(self, bot_id: str, *said: str, title: str | None = None) -> str:
        """Make a conversation in which this was said, by the user first and by turns; return its id."""
        made = await self.made("/v1/conversations", {"bot_id": bot_id, **({} if title is None else {"title": title})})
        messages = [{"role": ("user", "assistant")[at % 2], "text": text} for at, text in enumerate(said)]
        if messages:
            await self.made(f"/v1/conversations/{made['id']}/messages:append", {"messages": messages})
        return str(made["id"])

    async def document(self, bot_id: str, title: str, text: str) -> None:
        """Give a bot a document and wait until answers come from it."""
        made = await self.made(f"/v1/bots/{bot_id}/documents", {"title": title, "text": text})
        while (await self.got(f"/v1/documents/{made['id']}"))["status"] != "ready":
            await asyncio.sleep(0.05)

    async def messages(self, conversation_id: str) -> list[Any]:
        """The messages of the active path, as they are stored."""
        found: list[Any] = (await self.got(f"/v1/conversations/{conversation_id}/messages?limit=200"))["data"]
        return found

    async def go(self, path: str = "/") -> None:
        """Open an address of the page."""
        await self.page.goto(self.url + path)

    async def open(self, conversation_id: str) -> None:
        """Open a conversation and wait for its messages."""
        await self.go(f"/c/{conversation_id}")
        await self.page.locator(".message, .empty").first.wait_for()

    @property
    def box(self) -> Locator:
        """Where one writes."""
        return self.page.get_by_role("textbox", name="Message", exact=True)

    @property
    def answer(self) -> Locator:
        """The newest answer."""
        return self.page.locator(".message.assistant").last

    def button(self, name: str, **options: Any) -> Locator:
        """A button by its name."""
        return self.page.get_by_role("button", name=name, exact=True, **options)

    async def say(self, text: str) -> None:
        """Write and send."""
        await self.box.fill(text)
        await self.box.press("Enter")

    def conversation_id(self) -> str:
        """The id of the conversation that is open."""
        return urlsplit(self.page.url).path.rpartition("/")[2]


@asynccontextmanager
async def a_desk(browser: Browser, url: str, **options: Any) -> AsyncIterator[Desk]:
    """Sit down: a fresh profile of the browser. What must not happen fails at the end."""
    context = await browser.new_context(**{"viewport": {"width": 1280, "height": 820}, **options})
    context.set_default_timeout(PATIENCE_MS)
    faults = Faults(url)
    await context.route("**/*", faults.pass_own)
    page = await context.new_page()
    faults.watch(page)
    async with httpx2.AsyncClient(base_url=url) as http:
        try:
            yield Desk(url=url, context=context, page=page, http=http, faults=faults)
            faults.check()
        finally:
            print("\n".join(faults.seen))
            await context.close()


AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")


async def unfit(page: Page) -> list[str]:
    """What axe-core finds on a page as it is, one line each."""
    await page.evaluate(AXE)
    found = await page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
