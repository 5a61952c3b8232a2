"""The clock of a database server, kept in this process.

Leases are compared on the store's clock, so that two machines whose own clocks disagree agree on whose lease is over. The
server is asked now and then; in between, the local monotonic clock counts on from its last answer.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

SYNC_SECONDS = 30.0


class RemoteClock:
    """``palaver.clock.Clock`` of a server. ``sync`` before the first ``micros``, and every ``SYNC_SECONDS`` from then on."""

    def __init__(self) -> None:
        self._offset = 0
        self._asked_at = 0

    def micros(self) -> int:
        """Microseconds since 1970-01-01T00:00:00Z, as the server counts them; wrong by half a round trip at most."""
        return _monotonic() + self._offset

    @property
    def is_due(self) -> bool:
        """Whether the server should be asked again. A clock that was never asked is always due."""
        return not self._asked_at or _monotonic() - self._asked_at > SYNC_SECONDS * 1_000_000

    async def sync(self, ask: Callable[[], Awaitable[int]]) -> None:
        """Ask the server for its time, in microseconds since 1970, over a connection that is at hand: waiting for one would
        count as a round trip."""
        before = _monotonic()
        theirs = await ask()
        after = _monotonic()
        self._offset = theirs - (before + after) // 2
        self._asked_at = after


def _monotonic() -> int:
    # Unlike time.monotonic on Linux, this one goes on while the machine sleeps: a lease that ran out then has run out.
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
    return time.monotonic_ns() // 1000
