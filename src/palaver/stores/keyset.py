"""Walks along an integer key."""

from __future__ import annotations

from palaver.stores.scan import Scan

END = 2**63 - 1
"""Beyond every integer key."""


def by_key(scan: Scan, column: str) -> tuple[str, str, int]:
    """Return the condition, the order and the ``:start`` of a walk along one integer column."""
    start = scan.start[0] if scan.start else None
    if scan.ascending:
        return f"{column} > :start", f"{column} ASC", -1 if start is None else int(start or 0)
    return f"{column} < :start", f"{column} DESC", END if start is None else int(start or 0)


def number_of(scan: Scan, part: int = 0) -> int:
    """Return the number that a walk upwards begins behind: one part of its position, or what precedes every key."""
    return -1 if scan.start is None else int(scan.start[part] or 0)
