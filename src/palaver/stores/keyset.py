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


def by_time(scan: Scan, at: str, column: str, span: tuple[int, int]) -> tuple[str, str, dict[str, int]]:
    """Return the condition, the order and the bounds of a walk along a time and an integer column, within a half-open span."""
    first, last = span
    start_at, start_n = scan.start or ((first, -1) if scan.ascending else (last, -1))
    bounds = {"first": first, "last": last, "start_at": int(start_at or 0), "start_n": int(start_n or 0)}
    sign, direction = (">", "ASC") if scan.ascending else ("<", "DESC")
    where = f"{at} >= :first AND {at} < :last AND ({at}, {column}) {sign} (:start_at, :start_n)"
    return where, f"{at} {direction}, {column} {direction}", bounds
