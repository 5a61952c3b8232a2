"""A page of a listing, and the cursor that leads to the next one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from palaver.errors import InvalidInput

T = TypeVar("T")
PAGE_LIMIT = 50
PAGE_LIMIT_MAX = 200

Position = tuple[str | int | None, ...]
"""Where a page begins or ends, in the order of the listing. Only the store that made it knows what it holds."""


class Order(StrEnum):
    """The direction of a listing."""

    ASC = "asc"
    DESC = "desc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which part of a listing is asked for: ``limit`` rows right after ``after``, or right before ``before``.

    Both are positions in the listing's own order; at most one is given.
    """

    limit: int = PAGE_LIMIT
    after: Position | None = None
    before: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice(Generic[T]):
    """What a store returns: rows in the listing's order, and the positions to go on from (None at an end)."""

    data: Sequence[T]
    next: Position | None = None
    previous: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """What a caller gets: rows, and signed cursors to pass as ``after`` (``next``) or ``before`` (``previous``)."""

    data: tuple[T, ...]
    next: str | None = None
    previous: str | None = None

    def __iter__(self) -> Iterator[T]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)


def check_limit(limit: int) -> int:
    """Return a page size of 1 to 200.

    Raises:
        InvalidInput: ``invalid_page``.
    """
    if not 1 <= limit <= PAGE_LIMIT_MAX:
        raise InvalidInput(f"limit is 1 to {PAGE_LIMIT_MAX}.", code="invalid_page")
    return limit
