"""Wakes the readers of a turn in this process. It is never the truth: whoever missed something reads the turn's log.

A reader holds a cursor, not a queue: the recent events of a turn are kept once for all its readers, in a ring. A reader
that is slower than the ring goes back to the store, so a slow client costs no memory and delays nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from palaver.errors import StoreUnavailable
from palaver.events import Event

RING_EVENTS = 64


class LiveTurn:
    """The recent events of one turn, and who waits for the next.

    Attributes:
        holders: How many hold it: its readers, and its worker if that is here.
        is_local: Whether its worker runs in this process, so that every event is sure to be announced here.
        stirs: How often others were heard to have changed it: who reads the store remembers the number from before, so
            that no change falls between the reading and the waiting.
    """

    __slots__ = ("_cut", "_events", "_waiting", "holders", "is_local", "stirs")

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=RING_EVENTS)
        self._waiting: list[asyncio.Future[None]] = []
        self._cut = False
        self.holders = 0
        self.is_local = False
        self.stirs = 0

    def after(self, seq: int) -> Sequence[Event]:
        """Return the events after ``seq`` that are at hand without a gap; none if they have left the ring.

        Raises:
            StoreUnavailable: The stream was cut because its events can't be written.
        """
        if self._cut:
            raise StoreUnavailable("The store does not take what the model says; resume the stream later.")
        events = self._events
        if not events or events[-1].seq <= seq or events[0].seq > seq + 1:
            return ()
        if events[-1].seq == seq + 1:
            return (events[-1],)
        return [event for event in events if event.seq > seq]

    def has_passed(self, seq: int) -> bool:
        """Whether events after ``seq`` were announced that have left the ring: only the store has them now."""
        return bool(self._events) and self._events[0].seq > seq + 1

    @property
    def recent(self) -> Sequence[Event]:
        """What was announced last: at one event a tick more than a second of it."""
        return tuple(self._events)

    @property
    def is_read(self) -> bool:
        """Whether anyone but its worker holds it."""
        return self.holders > 1

    def publish(self, events: Sequence[Event]) -> None:
        """Announce events that are written."""
        self._events.extend(events)
        self.wake()

    def wake(self) -> None:
        """Let every reader look again."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def stir(self) -> None:
        """Somebody else changed the turn: its readers must look at the store."""
        self.stirs += 1
        self.wake()

    def cut(self) -> None:
        """End the readers without a terminal event: there is none in the store yet."""
        self._cut = True
        self.wake()

    def mend(self) -> None:
        """The store is back: new readers are welcome."""
        self._cut = False

    async def changed(self, timeout_seconds: float | None) -> None:
        """Wait for the next announcement, or that long."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            await asyncio.wait((future,), timeout=timeout_seconds)
        finally:
            if not future.done() and future in self._waiting:
                self._waiting.remove(future)


class Feed:
    """The turns that someone here reads or runs."""

    def __init__(self) -> None:
        self._turns: dict[str, LiveTurn] = {}

    def hold(self, turn_id: str) -> LiveTurn:
        """Return a turn's live side; it lives until as many have let go as have held it."""
        live = self._turns.get(turn_id)
        if live is None:
            live = self._turns[turn_id] = LiveTurn()
        live.holders += 1
        return live

    def let_go(self, turn_id: str) -> None:
        """The counterpart of ``hold``."""
        live = self._turns[turn_id]
        live.holders -= 1
        if live.holders == 0:
            del self._turns[turn_id]

    @contextmanager
    def use(self, turn_id: str) -> Iterator[LiveTurn]:
        """Hold a turn's live side while the block runs."""
        live = self.hold(turn_id)
        try:
            yield live
        finally:
            self.let_go(turn_id)

    def wake(self, turn_id: str) -> None:
        """Let the readers of a turn look at the store now."""
        live = self._turns.get(turn_id)
        if live is not None:
            live.stir()
