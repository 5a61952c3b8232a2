"""The queue in front of a database thread. It is closed until the thread works, and after it was told to stop."""

from __future__ import annotations

import queue
import threading
from typing import Generic, TypeVar

from palaver.errors import StoreUnavailable

J = TypeVar("J")


class Jobs(Generic[J]):
    """Jobs of any thread for one or more working threads. Every job that was taken in is given out."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[J | None] = queue.SimpleQueue()
        self._door = threading.Lock()  # so that no job slips in behind the last one
        self._is_open = False

    def open(self) -> None:
        """Begin to take jobs in."""
        with self._door:
            self._is_open = True

    def close(self, workers: int) -> None:
        """Take no more in; each of the workers is told to stop when it has done what is left."""
        with self._door:
            self._is_open = False
            for _ in range(workers):
                self._queue.put(None)

    def put(self, job: J) -> None:
        """Take a job in.

        Raises:
            StoreUnavailable: The store is not open.
        """
        with self._door:
            if not self._is_open:
                raise StoreUnavailable("The store is not open.")
            self._queue.put(job)

    def next(self) -> J | None:
        """Wait for a job; None tells the worker to stop."""
        return self._queue.get()

    def group(self, first: J, limit: int) -> list[J]:
        """Return the first job with those that wait behind it, up to ``limit`` of them."""
        group = [first]
        while len(group) < limit:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                break
            if job is None:
                self._queue.put(None)
                break
            group.append(job)
        return group
