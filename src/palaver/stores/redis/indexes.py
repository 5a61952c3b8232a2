"""Walks along an index: its entries lead to things, and what those say of themselves counts.

An entry whose thing is gone is taken out; one that its thing does not confirm is passed over: the thing has changed just
now, or a step that changed it died, which a sweep puts right.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from palaver.page import Order, Position, Slice, Window
from palaver.stores.redis.server import Command, Word
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import S, id_of
from palaver.stores.scan import Scan

T = TypeVar("T")
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Found(Generic[S]):
    """A thing, and its score in the index in which it was found."""

    thing: S
    score: int


Keep = Callable[[Sequence[S]], Awaitable[Sequence[bool]]]
"""Says which of some things a list shows."""


@dataclass(frozen=True, slots=True)
class Walk(Generic[S]):
    """A way along an index of things of one kind, up or down, from behind a position (its score and place) on."""

    kind: type[S]
    index: str
    ascending: bool
    until: int | None = None
    """The last score to which the way leads."""

    async def find(self, db: Session, start: tuple[int, int] | None, limit: int, keep: Keep[S]) -> list[Found[S]]:
        """Return up to ``limit`` things that a list shows."""
        found: list[Found[S]] = []
        while len(found) < limit:
            size = min(_AT_ONCE, limit if not found else _AT_ONCE)
            entries = await self._entries(db, start, size)
            things = await self._confirmed(db, entries)
            shown = await keep([each.thing for each in things])
            found += [each for each, is_shown in zip(things, shown, strict=True) if is_shown]
            if len(entries) < size or self._is_beyond(entries[-1][1]):
                break
            member, score = entries[-1]
            start = (score, int(member.partition(b":")[0]))
        return found[:limit]

    async def _entries(self, db: Session, start: tuple[int, int] | None, count: int) -> list[tuple[bytes, int]]:
        words: list[Word] = ["up" if self.ascending else "down", count, *(start or ())]
        (flat,) = await db.ask(db.server.script("page", [db.keys.index(self.index)], *words))
        return [(member, int(float(score))) for member, score in zip(flat[::2], flat[1::2], strict=True)]

    async def _confirmed(self, db: Session, entries: Sequence[tuple[bytes, int]]) -> list[Found[S]]:
        things = await db.find_all(self.kind, [id_of(member) for member, _ in entries])
        gone: list[Command] = []
        found: list[Found[S]] = []
        for (member, score), thing in zip(entries, things, strict=True):
            if thing is None:
                gone.append(("ZREM", db.keys.index(self.index), member))
            elif thing.places.get(self.index) == score and not self._is_beyond(score):
                found.append(Found(thing, score))
        await db.ask(*gone)
        return found

    def _is_beyond(self, score: int) -> bool:
        return self.until is not None and (score > self.until if self.ascending else score < self.until)


async def all_of(things: Sequence[S]) -> Sequence[bool]:
    """Show them all."""
    return [True] * len(things)


async def page(
    db: Session, kind: type[S], index: str, window: Window, order: Order, *, keep: Keep[S] = all_of
) -> Slice[S]:
    """Return a page of an index whose scores are the places themselves."""
    scan = Scan.over(window, order)
    start = None if scan.start is None else int(scan.start[0] or 0)
    walk = Walk(kind, index, scan.ascending)
    found = await walk.find(db, None if start is None else (start, start), scan.rows, keep)
    return scan.slice([(each.thing,) for each in found], lambda row: row[0], _place)


def mapped(found: Slice[S], value: Callable[[S], T]) -> Slice[T]:
    """Return a page of what things stand for."""
    return paged(found, map(value, found.data))


def paged(found: Slice[S], values: Iterable[T]) -> Slice[T]:
    """Return a page with these values in the place of things."""
    return Slice(data=tuple(values), next=found.next, previous=found.previous)


def _place(row: Sequence[S]) -> Position:
    return (row[0].n,)


async def due(db: Session, index: str, until: int, limit: int) -> list[str]:
    """Return ids from the beginning of an index up to a score."""
    key = db.keys.index(index)
    (members,) = await db.ask(("ZRANGEBYSCORE", key, "-inf", until, "LIMIT", 0, limit))
    return [id_of(member) for member in members]
