"""A clock that stands still until it is moved."""

from __future__ import annotations

_START_MICROS = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z


class FakeClock:
    """``palaver.clock.Clock`` for tests: leases run out, logs expire and conversations fall idle without any waiting."""

    def __init__(self, micros: int = _START_MICROS) -> None:
        self._micros = micros

    def micros(self) -> int:
        """Microseconds since 1970-01-01T00:00:00Z."""
        return self._micros

    def advance(self, seconds: float) -> None:
        """Move on; a negative number moves back, as clocks do."""
        self._micros += int(seconds * 1_000_000)
