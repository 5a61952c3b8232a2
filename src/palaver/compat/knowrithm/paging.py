"""Pages by number, and stretches by offset, over listings that go on by cursor.

Whoever asks for the last page walks through all before it: numbers are what the clients know, and their lists are short.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from starlette.requests import Request

from palaver.compat.knowrithm.answers import Record
from palaver.compat.knowrithm.schemas import Numbers
from palaver.page import PAGE_LIMIT_MAX, Page

T = TypeVar("T")
COUNTED_MAX = 10_000
"""Behind the page that is asked for, no more than this is counted."""

_OFFSETS = frozenset({"limit", "offset", "sort_by", "sort_order"})

Rows = AsyncGenerator[T, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch(Generic[T]):
    """Rows of a listing from ``start`` on; ``total`` is how many there are, as far as was counted."""

    rows: tuple[T, ...]
    start: int
    size: int
    total: int

    def pagination(self) -> Record:
        """How the clients are told where they are."""
        pages = -(-self.total // self.size)
        return {
            "page": self.start // self.size + 1,
            "per_page": self.size,
            "total": self.total,
            "pages": pages,
            "has_next": self.start + self.size < self.total,
            "has_prev": self.start > 0,
        }


async def each(page_of: Callable[..., Awaitable[Page[T]]], **asked: Any) -> Rows[T]:
    """Yield every row of a listing of the hub."""
    page = await page_of(**asked, limit=PAGE_LIMIT_MAX)
    for row in page:
        yield row
    while page.next is not None:
        page = await page_of(**asked, limit=PAGE_LIMIT_MAX, after=page.next)
        for row in page:
            yield row


async def those(rows: Rows[T], fits: Callable[[T], bool]) -> Rows[T]:
    """Yield the rows that fit."""
    async with aclosing(rows):
        async for row in rows:
            if fits(row):
                yield row


async def stretch(rows: Rows[T], numbers: Numbers, *, counted: bool = True) -> Stretch[T]:
    """Return the rows that are asked for; with ``counted`` the ones behind are counted, too."""
    taken: list[T] = []
    total, end = 0, numbers.start + numbers.size
    async with aclosing(rows):
        async for row in rows:
            total += 1
            if numbers.start < total <= end:
                taken.append(row)
            if total >= (end + COUNTED_MAX if counted else end):
                break
    return Stretch(rows=tuple(taken), start=numbers.start, size=numbers.size, total=total)


def is_plain(request: Request) -> bool:
    """Whether the caller reads a bare list.

    It does who asks by ``limit`` and ``offset``, or sorts as the guide shows it; and the releases up to 0.1.4, which say
    the type of a body where there is none.
    """
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return said == "application/json" or not _OFFSETS.isdisjoint(request.query_params)
