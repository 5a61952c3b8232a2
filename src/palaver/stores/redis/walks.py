"""Walks along lists: from a position, up or down, a page at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from palaver.page import Position
from palaver.stores.redis.keys import digits
from palaver.stores.redis.script import Command
from palaver.stores.redis.session import Session, answer
from palaver.stores.scan import Scan

PAGE = 200


def stretch(key: str, scan: Scan, count: int) -> Command:
    """Return the command that reads ``count`` members of a list, from where a walk starts."""
    return beyond(key, None if scan.start is None else _prefix(scan.start), count, ascending=scan.ascending)


def beyond(key: str, start: str | None, count: int, *, ascending: bool) -> Command:
    """Return the command that reads the members whose beginning is beyond ``start``, nearest first."""
    if ascending:
        low = "-" if start is None else f"({start}\x7f"
        return ("ZRANGE", key, low, "+", "BYLEX", "LIMIT", 0, count)
    high = "+" if start is None else f"({start}"
    return ("ZRANGE", key, high, "-", "BYLEX", "REV", "LIMIT", 0, count)


def _prefix(start: Position) -> str:
    return " ".join(digits(int(part or 0)) for part in start)


async def members(db: Session, key: str, scan: Scan) -> AsyncIterator[Sequence[str]]:
    """Yield the members of a list from where a walk starts, a page at a time: small ones first."""
    start = None if scan.start is None else _prefix(scan.start)
    count = scan.rows
    while True:
        found: list[Any] = await db.one(answer(*beyond(key, start, count, ascending=scan.ascending)))
        if found:
            yield [member.decode() for member in found]
        if len(found) < count:
            return
        start = found[-1].decode()
        count = max(count, PAGE)


def id_in(member: str) -> str:
    """Return the id that a member of a list ends with."""
    return member.rpartition(" ")[2]


def position_in(member: str) -> Position:
    """Return the position of a member: the numbers that it begins with."""
    return tuple(int(part) for part in member.split(" ")[:-1])
