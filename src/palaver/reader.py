"""Reads the events of a turn: from any number, by any number of readers, on any process, while it runs or later.

The turn's log in the store is the truth. A live feed of this process only saves a reader the way there; where the turn
runs on another process, the reader looks at the store when it is woken, and every ``poll_seconds``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from palaver.conversation import Message, Turn
from palaver.errors import ResumeWindowGone
from palaver.events import Event, beginning, ending, log_begins_at, text_delta
from palaver.feed import Feed, LiveTurn
from palaver.stores.base import Store
from palaver.stores.orders import TurnLog

PAGE_EVENTS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedTurn:
    """A turn that has ended, its question and its answer."""

    turn: Turn
    question: Message | None
    answer: Message | None


class TurnReader:
    """Follows turns."""

    def __init__(self, store: Store, feed: Feed, *, poll_seconds: float) -> None:
        self._store = store
        self._feed = feed
        self._poll_seconds = poll_seconds

    async def follow(self, tenant_id: str, turn_id: str, *, after: int = 0) -> AsyncGenerator[Sequence[Event], None]:
        """Yield the events after number ``after`` in batches, up to the terminal event.

        Raises:
            NotFound: There is no such turn.
            ResumeWindowGone: ``after`` is beyond the log, or in the middle of one that has expired.
            StoreUnavailable: The store is down: resume later from the last event that was read.
        """
        with self._feed.use(turn_id) as live:
            stirs = live.stirs
            log = await self._store.read_log(tenant_id, turn_id, after=after, limit=PAGE_EVENTS)
            check_cursor(log, after)
            cursor = after
            while True:
                events = compose(log, cursor)
                if events:
                    yield events
                    cursor = events[-1].seq
                if log.expired or (log.turn.status.is_terminal and cursor >= log.last_seq):
                    return
                while len(log.events) < PAGE_EVENTS and (events := await self._announced(live, cursor, stirs)):
                    yield events
                    cursor = events[-1].seq
                    if events[-1].is_terminal:
                        return
                stirs = live.stirs
                log = await self._read(tenant_id, turn_id, cursor)
                check_cursor(log, cursor)

    async def _read(self, tenant_id: str, turn_id: str, after: int) -> TurnLog:
        """Read on: a turn that is deleted under its reader has an end all the same."""
        return await self._store.read_log(tenant_id, turn_id, after=after, limit=PAGE_EVENTS, deleted=True)

    async def _announced(self, live: LiveTurn, cursor: int, stirs: int) -> Sequence[Event]:
        """Return what is announced here next, without a gap; nothing when the store has to be asked.

        ``stirs`` is the number from before the store was asked last.
        """
        events = live.after(cursor)
        if events or live.has_passed(cursor) or live.stirs != stirs:
            return events
        await live.changed(None if live.is_local else self._poll_seconds)
        return live.after(cursor)

    async def wait(self, tenant_id: str, turn_id: str, *, begun: bool = False) -> EndedTurn:
        """Wait for the end of a turn, whatever it is, and return it as it is stored.

        ``begun`` says that it was waited for before: then it may have been deleted since.
        """
        with self._feed.use(turn_id) as live:
            while True:
                stirs = live.stirs
                log = await self._store.read_log(tenant_id, turn_id, after=0, limit=0, deleted=begun)
                begun = True
                if log.turn.status.is_terminal:
                    return EndedTurn(turn=log.turn, question=log.question, answer=log.answer)
                if not live.is_local and live.stirs == stirs:
                    await live.changed(self._poll_seconds)
                while live.is_local and live.stirs == stirs:
                    await live.changed(None)


def check_cursor(log: TurnLog, after: int) -> None:
    """Raise ``ResumeWindowGone`` where the log does not go on after that event."""
    if after == 0 or (after <= log.last_seq and not log.expired):
        return
    raise ResumeWindowGone(
        "The log of this turn does not hold that event; read the turn instead.",
        turn_id=log.turn.id,
        url=f"/v1/turns/{log.turn.id}",
    )


def compose(log: TurnLog, after: int) -> Sequence[Event]:
    """Return the events of a stretch of a log with ``seq > after``, those that the rows tell included.

    An expired log is told from the rows alone: accepted, the whole text as one delta, the end.
    """
    first = log_begins_at(queued=log.queued)
    events: list[Event] = []
    if after < first - 1:
        opening = beginning(log.turn, log.question, log.answer, queued=log.queued)
        events.extend(event for event in opening if event.seq > after)
    if log.expired:
        return _synthesised(log, events)
    events.extend(log.events)
    reached = events[-1].seq if events else after
    if log.turn.status.is_terminal and reached == log.last_seq - 1:
        events.append(ending(log.last_seq, log.turn, log.answer))
    return events


def _synthesised(log: TurnLog, opening: list[Event]) -> Sequence[Event]:
    events = list(opening)
    if log.answer is not None and log.answer.text:
        events.append(text_delta(len(events) + 1, log.answer.text))
    events.append(ending(len(events) + 1, log.turn, log.answer))
    return events
