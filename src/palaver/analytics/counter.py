"""The worker that keeps the roll-ups."""

from __future__ import annotations

import asyncio

from palaver.stores.base import Store

COUNTED_AT_ONCE = 20
BREATH_SECONDS = 0.02


class FigureCounter:
    """Counts what has changed. ``step`` is the body of its loop, which any number of processes may run.

    Args:
        owner: Whose the lease is.
    """

    def __init__(self, store: Store, *, owner: str, lease_seconds: float) -> None:
        self._store = store
        self._owner = owner
        self._lease_seconds = lease_seconds

    async def step(self) -> None:
        """Count until nothing is left to do, with room for the writes of others."""
        counted = COUNTED_AT_ONCE
        while counted == COUNTED_AT_ONCE:
            counted = await self._store.count_figures(self._owner, self._lease_seconds, COUNTED_AT_ONCE)
            await asyncio.sleep(BREATH_SECONDS)
