"""Where an event of a log stands: one integer key, the turn's in its high bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from palaver.events import Event

SEQ_MAX = 2**24 - 1
"""The largest ``seq`` that a ``turn_log.place`` holds."""


def log_columns(turn_n: int, events: Sequence[Event], now: int) -> list[dict[str, Any]]:
    """Return the rows of ``turn_log`` that hold events."""
    return [{"turn_n": turn_n, "seq": e.seq, "type": str(e.type), "data": e.json, "at": now} for e in events]
