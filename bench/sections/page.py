"""The web page in a Chromium that is slowed down: an answer as it comes, keys meanwhile, a long conversation, and sizes."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, Page

from bench.browser import SLOWER, browser, slow_page
from bench.measure import median
from bench.sse import servers
from bench.sse.model import TEXT, tokens
from bench.tables import Goal, Table, ms

TOKENS = {"quick": 500, "default": 5_000, "full": 5_000}
MESSAGES = {"quick": 100, "default": 10_000, "full": 10_000}
ROUNDS = {"quick": 1, "default": 3, "full": 7}
_PER_SECOND = 250
_PAUSES = (0.06, 0.18)
"""Seconds between two keys: who types fast."""
_LONG_SECONDS = 0.05
"""The browser tells of no task that was shorter."""
_APPENDED = 500
_SCRIPTS = """() => performance.getEntriesByType("resource").filter(({ name }) => name.endsWith(".js"))
  .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)"""
_PROSE = "() => document.querySelector('.message.assistant.last .prose').innerText"


@dataclass(frozen=True, slots=True)
class _Shown:
    """How an answer was shown: how late its end was, its tasks over 50 ms, how busy the page was, how long each key took."""

    late: float
    tasks: Sequence[float]
    busy: float
    keys: Sequence[float]


class _Site:
    """A server with a bot whose model says so many tokens, and the browser to look at it."""

    def __init__(self, server: servers.Server, opened: Browser, count: int) -> None:
        self._server, self._browser, self._count = server, opened, count
        bot = {"name": "Helper", "model": f"bench:{count}@{_PER_SECOND}"}
        self._bot_id = server.call("POST", "/v1/bots", bot)["id"]

    def conversation(self, messages: int = 0) -> str:
        """Make one of so many messages; return its address."""
        made = self._server.call("POST", "/v1/conversations", {"bot_id": self._bot_id})["id"]
        said = _said(messages)
        for begin in range(0, messages, _APPENDED):
            batch = {"messages": said[begin : begin + _APPENDED]}
            self._server.call("POST", f"/v1/conversations/{made}/messages:append", batch)
        return f"{self._server.url}/c/{made}"

    async def answer(self, *, typing: bool) -> _Shown:
        """Ask in a new conversation and read the whole answer; perhaps type meanwhile."""
        async with slow_page(self._browser) as slow:
            page = slow.page
            await page.goto(self.conversation())
            box = page.get_by_role("textbox", name="Message", exact=True)
            await box.fill("How do I move a service to a queue?")
            await asyncio.sleep(1)  # what the page does when it opens is over
            asked_at, busy = await page.evaluate("() => performance.now()"), await slow.busy_seconds()
            await box.press("Enter")
            await _answered(page, typing=typing)
            busy, noted = await slow.busy_seconds() - busy, await page.evaluate("() => probe.noted")
            self._check(await page.evaluate(_PROSE))
        lasts, begun, ended = (self._count - 1) / _PER_SECOND, noted["firstWord"], noted["lastChange"]
        return _Shown(
            late=(ended - begun) / 1000 / lasts - 1,
            tasks=[taken / 1000 for at, taken in noted["tasks"] if at >= asked_at],
            busy=busy / lasts,
            keys=[taken / 1000 for at, taken in noted["keys"] if begun < at < ended],
        )

    def _check(self, shown: str) -> None:
        """What is timed is there."""
        ends = [re.findall(r"\w+", text)[-5:] for text in ("".join(tokens(self._count)), shown)]
        if ends[0] != ends[1]:
            raise RuntimeError(f"the page shows another end: {ends}")

    async def newest(self, address: str) -> float:
        """Seconds from the address to the newest 50 messages of a conversation, with nothing in the cache."""
        async with slow_page(self._browser) as slow:
            await slow.page.goto(address, wait_until="commit")
            return float(await slow.page.evaluate("() => probe.newest")) / 1000

    async def script_bytes(self) -> int:
        """The bodies of all scripts of the first page, as they came."""
        async with slow_page(self._browser) as slow:
            await slow.page.goto(self._server.url, wait_until="networkidle")
            return int(await slow.page.evaluate(_SCRIPTS))

    def loader_bytes(self) -> int:
        """The widget's loader, as it comes."""
        request = urllib.request.Request(f"{self._server.url}/widget.js", headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request, timeout=60) as response:
            return len(response.read())


def _said(count: int) -> list[dict[str, str]]:
    """Questions, and answers that are sections of the text: prose, lists, code, a table."""
    sections = TEXT.split("\n### ")
    return [
        {"role": "assistant", "text": sections[number % len(sections)]}
        if number % 2
        else {"role": "user", "text": f"Question {number}: and what of this?"}
        for number in range(count)
    ]


async def _answered(page: Page, *, typing: bool) -> None:
    """Wait for the end of the answer, without asking the page about it all the time."""
    answered = asyncio.ensure_future(page.evaluate("() => probe.answered"))
    while typing and not answered.done():
        await asyncio.sleep(random.uniform(*_PAUSES))
        await page.keyboard.press(random.choice("etaoin shrdlu"))
    await answered


def _row(name: str, shown: Sequence[_Shown]) -> tuple[str, ...]:
    keys = sorted(key for each in shown for key in each.keys)
    return (
        name,
        f"{median([each.late for each in shown]):.2%}",
        f"{median([each.busy for each in shown]):.0%}",
        f"{median([len(each.tasks) for each in shown]):g}",
        _longest(shown),
        ms(median(keys)) if keys else "",
        ms(keys[int(len(keys) * 0.95)]) if keys else "",
    )


def _longest(shown: Sequence[_Shown]) -> str:
    longest = max((task for each in shown for task in each.tasks), default=0.0)
    return ms(longest) if longest else f"< {_LONG_SECONDS * 1000:g}"


def _answers(read: Sequence[_Shown], typed: Sequence[_Shown], count: int, load: float) -> Table:
    text = "an answer in the page"
    longest = max((task for each in read for task in each.tasks), default=_LONG_SECONDS)
    keys = [key for each in typed for key in each.keys]
    return Table(
        title=f"An answer of {count:,} tokens at {_PER_SECOND} a second, in the page",
        columns=("", "late", "main thread busy", "tasks over 50 ms", "the longest, ms", "a key, ms", "95th percentile"),
        rows=[_row("read", read), _row("while one types", typed)],
        note=f"Chromium, its processor {SLOWER} times slower. Medians of {len(read)} runs, of keys over all of them; the longest "
        "task of any. Late: from the first word painted to the last, over what the model takes. A key: from its press to the frame "
        "that shows its letter, as the browser's Event Timing says it, in steps of 8 ms from 16 on. The machine's load before: "
        f"{load:.1f}.",
        goals=[
            Goal(text=f"{text}, % late", measured=median([each.late for each in read]) * 100, limit=2),
            Goal(text=f"{text}, its longest task, ms", measured=longest * 1000, limit=100),
            Goal(text="a key while an answer comes, ms (median)", measured=median(keys) * 1000, limit=30),
        ],
    )


def _opened(taken: Sequence[float], count: int) -> Table:
    return Table(
        title=f"The newest 50 of {count:,} messages, in the page that is opened for the first time, s",
        columns=("median", "longest"),
        rows=[(f"{median(taken):.2f}", f"{max(taken):.2f}")],
        note=f"n={len(taken)}, each in a new profile of the browser, its processor {SLOWER} times slower: from the address to the frame.",
        goals=[Goal(text=f"the newest 50 of {count:,} messages in the page, s", measured=median(taken), limit=1.7)],
    )


def _sizes(scripts: int, loader: int) -> Table:
    return Table(
        title="Scripts as they travel, bytes",
        columns=("the first page", "the widget's loader"),
        rows=[(f"{scripts:,}", f"{loader:,}")],
        goals=[
            Goal(text="scripts of the first page, kB", measured=scripts / 1000, limit=120),
            Goal(text="the widget's loader, KiB", measured=loader / 1024, limit=2),
        ],
    )


async def measure(folder: Path, *, scale: str) -> list[Table]:
    """Answers read and typed under in turns, then cold openings, then sizes; one server, one browser, new profiles."""
    load, rounds = os.getloadavg()[0], range(ROUNDS[scale])
    with servers.model(folder) as model:
        env = {"PALAVER_PROVIDERS": json.dumps({"bench": f"{model.url}/v1"})}
        with servers.ours(f"sqlite:///{folder / 'page.db'}", folder / "page.log", env) as server:
            async with browser() as opened:
                site = _Site(server, opened, TOKENS[scale])
                shown = [(await site.answer(typing=False), await site.answer(typing=True)) for _ in rounds]
                address = site.conversation(MESSAGES[scale])
                taken = [await site.newest(address) for _ in rounds]
                sizes = _sizes(await site.script_bytes(), site.loader_bytes())
    read, typed = zip(*shown, strict=True)
    return [_answers(read, typed, TOKENS[scale], load), _opened(taken, MESSAGES[scale]), sizes]
