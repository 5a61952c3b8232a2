"""What happens to conversations with time: idle ones end, deleted ones are purged, old logs go.

Every step is short and safe to repeat, so any number of processes may do it on one store.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from palaver.stores.base import Store

ROWS_AT_ONCE = 200
STEP_PAUSE_SECONDS = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long things are kept: the log of an ended turn in hours (≥ 24), deleted things in days."""

    log_hours: float = 24.0
    purge_days: float = 30.0


class Lifecycle:
    """Does what is due. ``step`` is its loop's body."""

    def __init__(self, store: Store, retention: Retention) -> None:
        self._store = store
        self._retention = retention

    async def step(self) -> None:
        """End what is idle, drop what has expired, remove a stretch of what was deleted long ago."""
        while await self._store.end_idle(ROWS_AT_ONCE) == ROWS_AT_ONCE:
            pass
        await self._store.expire_logs(older_than_seconds=self._retention.log_hours * 3600, limit=ROWS_AT_ONCE)
        await self._store.purge(deleted_before_seconds=self._retention.purge_days * 86_400, limit=ROWS_AT_ONCE)

    async def purge_now(self) -> int:
        """Remove everything that is deleted now, whenever it was. Returns the number of rows."""
        total = 0
        while removed := await self._store.purge(deleted_before_seconds=0, limit=ROWS_AT_ONCE):
            total += removed
            await asyncio.sleep(STEP_PAUSE_SECONDS)  # for the writes of others, and the readers that are in the way
        return total
