"""The days of a time zone, in quarters of an hour.

Every clock that is in use differs from UTC by a multiple of a quarter of an hour, so that a day begins with a quarter: one of 23
or 25 hours, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from palaver.clock import from_micros, to_micros
from palaver.stores.figures import QUARTER_MICROS


def moment_of(quarter: int) -> datetime:
    """Return when a quarter begins."""
    return from_micros(quarter * QUARTER_MICROS)


def quarter_of(moment: datetime, *, up: bool = False) -> int:
    """Return the quarter of an hour that a moment is in; ``up``: the first that does not begin before it."""
    return -(-to_micros(moment) // QUARTER_MICROS) if up else to_micros(moment) // QUARTER_MICROS


def begin_of_day(day: date, zone: ZoneInfo) -> int:
    """Return the quarter in which a day begins. Where the clocks skip midnight, that is the first moment that there is."""
    return quarter_of(datetime.combine(day, time(), zone).astimezone(UTC))


def days_between(first: int, last: int, zone: ZoneInfo) -> Mapping[str, int]:
    """Return the days between two quarters, and the quarter in which each begins there."""
    day = moment_of(first).astimezone(zone).date()
    found: dict[str, int] = {}
    while (begin := begin_of_day(day, zone)) < last:
        found[day.isoformat()] = max(begin, first)
        day += timedelta(days=1)
    return found
