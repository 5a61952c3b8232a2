"""Pages by position: one row more than asked for tells whether there is a next page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from palaver.page import Order, Position, Slice, Window
from palaver.stores.rows import Row

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """How an index is walked for a window: from a position (None: from its end), up or down, for so many rows."""

    ascending: bool
    start: Position | None
    rows: int
    backward: bool

    @classmethod
    def over(cls, window: Window, order: Order) -> Scan:
        """Return the walk for a window of a listing in this order."""
        backward = window.before is not None
        return cls(
            ascending=(order is Order.ASC) != backward,
            start=window.before if backward else window.after,
            rows=window.limit + 1,
            backward=backward,
        )

    def slice(self, rows: Sequence[Row], value: Callable[[Row], T], position: Callable[[Row], Position]) -> Slice[T]:
        """Return what the walk found, in the listing's order."""
        more = len(rows) == self.rows
        kept = rows[: self.rows - 1]
        if self.backward:
            kept = kept[::-1]
        if not kept:
            return Slice(data=())
        has_next = self.backward or more
        has_previous = more if self.backward else self.start is not None
        return Slice(
            data=tuple(value(row) for row in kept),
            next=position(kept[-1]) if has_next else None,
            previous=position(kept[0]) if has_previous else None,
        )
