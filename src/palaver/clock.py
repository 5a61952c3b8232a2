"""The one source of time: aware UTC. Stores keep integer microseconds since 1970; order never depends on a clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    """What the time is. Tests give one that they move by hand."""

    def micros(self) -> int:
        """Microseconds since 1970-01-01T00:00:00Z."""
        ...


class SystemClock:
    """The machine's clock."""

    def micros(self) -> int:
        """Microseconds since 1970-01-01T00:00:00Z."""
        return time.time_ns() // 1000


def from_micros(value: int) -> datetime:
    """Return the aware UTC time that ``value`` microseconds since 1970 stand for."""
    return EPOCH + value * _MICROSECOND


def to_micros(value: datetime) -> int:
    """Return microseconds since 1970 of an aware time."""
    return (value - EPOCH) // _MICROSECOND


def rfc3339(value: datetime) -> str:
    """Return ``2026-01-31T12:00:00.000000Z``: always UTC, always six digits, so that text order is time order."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_rfc3339(value: str) -> datetime:
    """Return the aware UTC time of an RFC 3339 text.

    Raises:
        ValueError: It is no RFC 3339 time, or has no offset.
    """
    parsed = datetime.fromisoformat(value)
    if parsed.tzinfo is None:
        raise ValueError("a time needs an offset: 2026-01-31T12:00:00Z")
    return parsed.astimezone(UTC)
