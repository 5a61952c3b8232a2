"""Golden exchanges: what goes over the wire, byte for byte, but for ids, times and what else a test names.

A transcript has exchanges with an empty line between them: ``> METHOD PATH`` and ``> BODY``, then ``< STATUS TYPE`` and what was
answered, each line behind ``< ``. ``<conv-1>`` is the first conversation's id that is seen, ``<time>`` any time.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2

from server.world import World

ID = re.compile(r"\b([a-z]+)_[0-9a-f]{32}\b")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00|Z|(?=\"))")

Waits = Callable[[httpx2.Response], Awaitable[None]]


class Names:
    """Ids by the order in which they were seen. ``hidden``: further texts that differ from run to run, by what stands for them."""

    def __init__(self, hidden: dict[str, re.Pattern[str]] | None = None) -> None:
        self._names: dict[str, str] = {}
        self._hidden = {**(hidden or {}), "<time>": TIME}

    def hide(self, text: str) -> str:
        for found in ID.finditer(text):
            count = sum(name.startswith(f"<{found[1]}-") for name in self._names.values())
            self._names.setdefault(found[0], f"<{found[1]}-{count + 1}>")
        text = ID.sub(lambda found: self._names[found[0]], text)
        for name, pattern in self._hidden.items():
            text = pattern.sub(name, text)
        return text

    def show(self, text: str) -> str:
        for known, name in self._names.items():
            text = text.replace(name, known)
        return text


async def nothing(_answer: httpx2.Response) -> None:
    """Wait for nothing."""


async def played(world: World, prefix: str, transcript: Path, names: Names, waits: Waits = nothing) -> str:
    """Send what a transcript asks below a prefix, and return it with what was answered; ``waits`` for what an answer has begun."""
    written: list[str] = []
    for exchange in transcript.read_text(encoding="utf-8").strip().split("\n\n"):
        asked = [line[2:] for line in exchange.split("\n") if line.startswith("> ")]
        method, path = names.show(asked[0]).split(" ")
        answer = await world.http.request(
            method,
            prefix + path,
            content="".join(map(names.show, asked[1:])).encode() or None,
            headers={"Content-Type": "application/json"},
        )
        await waits(answer)
        head = f"{answer.status_code} {answer.headers['content-type']}"
        lines = [head, *names.hide(answer.text).removesuffix("\n").split("\n")]
        written.append("\n".join([*(f"> {line}" for line in asked), *(f"< {line}" for line in lines)]))
    return "\n\n".join(written) + "\n"
