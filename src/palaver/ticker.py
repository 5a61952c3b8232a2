"""Writes what the models said, for all turns of this process at once, and announces it once it is written.

One tick is one call of the store, whatever the number of turns: with 500 open streams the cost of a commit is shared by
hundreds of deltas. The first words of a turn do not wait for the tick.
"""

from __future__ import annotations

import asyncio

from palaver.errors import Unavailable
from palaver.stores.base import Store
from palaver.stores.orders import Delta, Watch
from palaver.worker import Worker


class Ticker:
    """Gathers, writes, announces. ``run`` is its loop; one at a time."""

    def __init__(self, store: Store, tick_seconds: float) -> None:
        self._store = store
        self._tick_seconds = tick_seconds
        self._dirty: dict[Worker, None] = {}
        self._in_hand: frozenset[Worker] = frozenset()
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        self._flushed = asyncio.Event()
        self._last_at = 0.0

    def mark(self, worker: Worker) -> None:
        """This worker has something to write."""
        self._dirty[worker] = None
        self._wake.set()
        if worker.is_urgent:
            self._urgent.set()

    async def settled(self, worker: Worker) -> None:
        """Wait until nothing of this worker's is being written."""
        while worker in self._in_hand:
            await self._flushed.wait()

    async def step(self) -> None:
        """Wait for something to write, then for the tick, then write it."""
        await self._wake.wait()
        pause = self._last_at + self._tick_seconds - asyncio.get_running_loop().time()
        if pause > 0 and not self._urgent.is_set():
            await self._wait_for_urgent(pause)
        self._wake.clear()
        self._urgent.clear()
        self._last_at = asyncio.get_running_loop().time()
        await self._flush()

    async def _wait_for_urgent(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._urgent.wait()
        except TimeoutError:
            pass

    async def _flush(self) -> None:
        dirty, self._dirty = self._dirty, {}
        ticks = [(worker, delta) for worker in dirty if (delta := worker.take_tick()) is not None]
        if not ticks:
            return
        self._in_hand = frozenset(worker for worker, _ in ticks)
        self._flushed.clear()
        written = False
        try:
            watch = await self._store.append_deltas([delta for _, delta in ticks])
            written = True
            self._announce(ticks, watch)
        except Unavailable:
            pass
        finally:
            if not written:
                for worker, delta in ticks:
                    worker.hand_back(delta)
            self._in_hand = frozenset()
            self._flushed.set()

    def _announce(self, ticks: list[tuple[Worker, Delta]], watch: Watch) -> None:
        seen_at = self._last_at
        for worker, delta in ticks:
            if delta.turn_id in watch.stale:
                worker.lose()
                continue
            worker.seen_at = seen_at
            worker.published(delta.events)
            if delta.turn_id in watch.stopping:
                worker.stop(watch.stopping[delta.turn_id])
