"""What a scenario saw, with everything that differs from run to run made equal: ids, times, cursors, secrets."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable
from typing import Any

from palaver.errors import DocumentFailed, PalaverError, TurnFailed
from palaver.events import Event, EventType
from palaver.jsonable import encode

_ID = re.compile(r"\b([a-z]{2,8})_[0-9a-f]{32}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_SECRET = re.compile(r"pk_[0-9a-f]{8}(_[A-Za-z0-9_-]{43})?")
_CURSORS = ("next", "previous")


class Record:
    """The log of one run: a step's name and what came of it."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, Any]] = []
        self._names: dict[str, str] = {}

    async def step(self, name: str, work: Awaitable[Any]) -> Any:
        """Await a call, write down its value or its error, and return the value (None for an error)."""
        try:
            value = await work
        except PalaverError as error:
            self._write(name, _told(error))
            return None
        self._write(name, value)
        return value

    async def events(self, name: str, source: AsyncIterator[Event]) -> list[Event]:
        """Read a stream to its end and write it down, deltas joined: how they were cut is a matter of time."""
        read: list[Event] = []
        try:
            read.extend([event async for event in source])
        except PalaverError as error:
            self._write(name, _told(error))
            return read
        self._write(name, _gist(read))
        return read

    def _write(self, name: str, value: Any) -> None:
        self.steps.append((name, self._normal(encode(value))))

    def _normal(self, value: Any) -> Any:
        match value:
            case str():
                return _SECRET.sub("<secret>", _TIME.sub("<time>", _ID.sub(self._named, value)))
            case dict():
                return {
                    self._normal(key): "<cursor>" if key in _CURSORS and item is not None else self._normal(item)
                    for key, item in value.items()
                }
            case list():
                return [self._normal(item) for item in value]
            case _:
                return value

    def _named(self, found: re.Match[str]) -> str:
        return self._names.setdefault(found[0], f"<{found[1]} {len(self._names)}>")


def _told(error: PalaverError) -> dict[str, Any]:
    said: dict[str, Any] = {"error": error.__class__.__name__, "code": error.code, "message": error.message}
    if isinstance(error, TurnFailed):
        said |= {"turn": error.turn, "reply": error.reply}
    if isinstance(error, DocumentFailed):
        said |= {"document": error.document}
    for name in ("turn_id", "conversation_id", "errors", "url"):
        if name in error.details:
            said[name] = error.details[name]
    return said


def _gist(events: list[Event]) -> list[Any]:
    gist: list[Any] = []
    for event in events:
        if event.type != EventType.TEXT_DELTA:
            gist.append([event.type, event.data])
        elif gist and gist[-1][0] == event.type:
            gist[-1][1] += event.text
        else:
            gist.append([event.type, event.text])
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    return gist
