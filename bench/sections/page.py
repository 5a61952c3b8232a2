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
from bench.tables import Goal, Table

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


@dataclass(frozen=True, slots=True)
class _Figure:
    """What was measured in each run, and how it is written."""

    text: str
    values: Sequence[float]
    form: str = ".0f"

    @property
    def middle(self) -> float:
        """Of all runs."""
        return median(self.values)

    def row(self) -> tuple[str, ...]:
        """The median and the worst of the runs."""
        return (self.text, format(self.middle, self.form), format(max(self.values), self.form))

    def goal(self, limit: float, *, worst: bool = False) -> Goal:
        """The goal that the median, or every run, is at most so much."""
        return Goal(text=f"the page: {self.text}", measured=max(self.values) if worst else self.middle, limit=limit)


def _figures_of(shown: Sequence[_Shown], answer: str) -> tuple[_Figure, _Figure, _Figure]:
    longest = [max(each.tasks, default=_LONG_SECONDS) * 1000 for each in shown]
    return (
        _Figure(f"{answer}, % late", [each.late * 100 for each in shown], ".2f"),
        _Figure(f"{answer}, its longest task, ms", longest),
        _Figure(f"{answer}, % of the time that the page is busy", [each.busy * 100 for each in shown]),
    )


def _keys_of(shown: Sequence[_Shown]) -> tuple[_Figure, _Figure]:
    keys = [sorted(key * 1000 for key in each.keys) for each in shown]
    return (
        _Figure("a key while an answer comes, ms", [median(each) for each in keys]),
        _Figure("a key while an answer comes, ms, 95th percentile", [each[int(len(each) * 0.95)] for each in keys]),
    )


async def _measured(site: _Site, scale: str) -> tuple[Sequence[_Figure], Sequence[Goal]]:
    rounds = range(ROUNDS[scale])
    shown = [(await site.answer(typing=False), await site.answer(typing=True)) for _ in rounds]
    read, typed = zip(*shown, strict=True)
    address = site.conversation(MESSAGES[scale])
    late, longest, busy = _figures_of(read, "an answer")
    key, slow_key = _keys_of(typed)
    newest = _Figure(
        f"the newest 50 of {MESSAGES[scale]:,} messages, opened cold, s",
        [await site.newest(address) for _ in rounds],
        ".2f",
    )
    scripts = _Figure("scripts of the first page, kB", [await site.script_bytes() / 1000], ".1f")
    loader = _Figure("the widget's loader, KiB", [site.loader_bytes() / 1024], ".2f")
    goals = [
        late.goal(2),
        longest.goal(100, worst=True),
        key.goal(30),
        newest.goal(1.7),
        scripts.goal(120),
        loader.goal(2),
    ]
    typing = _figures_of(typed, "an answer while one types")
    return (late, longest, busy, *typing, key, slow_key, newest, scripts, loader), goals


async def measure(folder: Path, *, scale: str) -> list[Table]:
    """Answers read and typed under in turns, then cold openings, then sizes; one server, one browser, new profiles."""
    load = os.getloadavg()[0]
    with servers.model(folder) as model:
        env = {"PALAVER_PROVIDERS": json.dumps({"bench": f"{model.url}/v1"})}
        with servers.ours(f"sqlite:///{folder / 'page.db'}", folder / "page.log", env) as server:
            async with browser() as opened:
                figures, goals = await _measured(_Site(server, opened, TOKENS[scale]), scale)
    table = Table(
        title=f"The page in Chromium with a processor {SLOWER} times slower",
        columns=("", "median", "worst"),
        rows=[figure.row() for figure in figures],
        note=f"{ROUNDS[scale]} runs, each in a new profile of the browser; the load of the machine was {load:.1f} before. Answers have "
        f"{TOKENS[scale]:,} tokens, {_PER_SECOND} a second. Tasks below {_LONG_SECONDS * 1000:g} ms are not told: {_LONG_SECONDS * 1000:g} "
        "means none that long. Keys are told in steps of 8 ms, from 16 on.",
        goals=goals,
    )
    return [table]
