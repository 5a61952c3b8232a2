"""How a turn ends, and what can be read of one that has not: numbers, values, whose lease is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from palaver.clock import from_micros
from palaver.conversation import InterruptReason, Message, Role, Turn, TurnStatus
from palaver.errors import StoreUnavailable
from palaver.events import Event, EventType, log_begins_at
from palaver.fold import draft_of
from palaver.stores.orders import Outcome, TurnLog
from palaver.stores.quotes import consulted_in

_DELTAS = (EventType.TEXT_DELTA, EventType.REASONING_DELTA)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """An event of a log, and when it was written, in microseconds."""

    event: Event
    at: int


def has_expired(status: str, lease_until: int | None, now: int) -> bool:
    """Whether the worker of a turn let its lease run out."""
    return status == TurnStatus.RUNNING and (lease_until or 0) < now


def recovery_reason(stop_reason: str | None) -> InterruptReason:
    """Return why a turn ends whose worker is gone: it was asked to stop before, or the server died."""
    return InterruptReason(stop_reason or InterruptReason.SERVER_RESTART)


def interruption(log: Sequence[Logged], reason: InterruptReason) -> Outcome:
    """Return the outcome of a turn that ends without its worker: the answer is what its log says."""
    draft = draft_of(line.event for line in log)
    first = next((line.at for line in log if line.event.type in _DELTAS), None)
    return Outcome(
        status=TurnStatus.INTERRUPTED,
        reason=reason,
        parts=draft.parts(),
        citations=draft.citations,
        consulted=consulted_in(line.event for line in log),
        first_token_at=None if first is None else from_micros(first),
    )


def end_seq(turn: Turn, *, queued: bool, log_end: int | None) -> int:
    """Return the number of a turn's last event; ``log_end`` is that of the last one in its log."""
    if turn.started_at is None:
        return 2  # it waited, and it ended
    return (log_end or log_begins_at(queued=queued) - 1) + 1


def reached_seq(status: str, *, last_seq: int | None, queued: bool, log_end: int | None) -> int:
    """Return the number of the last event that a turn has so far; ``last_seq`` is that of its end, once it has one."""
    if last_seq is not None:
        return last_seq
    if status == TurnStatus.QUEUED:
        return 1
    return log_end or log_begins_at(queued=queued) - 1


def check_log(log_end: int | None, outcome: Outcome) -> None:
    """Refuse an end that would stand where a lost event stood. ``log_end`` is the number of the last one in the log.

    Raises:
        StoreUnavailable: The log ends before what was written.
    """
    if outcome.behind is not None and (log_end or 0) < outcome.behind:
        raise StoreUnavailable("The database has lost what it took last.", retry_after_seconds=1)


def ended(turn: Turn, outcome: Outcome, now: int) -> Turn:
    """Return a turn as it is after its end at ``now``, in microseconds."""
    return Turn(
        id=turn.id,
        conversation_id=turn.conversation_id,
        index=turn.index,
        parent_id=turn.parent_id,
        status=outcome.status,
        reason=outcome.reason,
        error=outcome.error,
        model=turn.model,
        user_message_id=turn.user_message_id,
        message_id=turn.message_id,
        usage=outcome.usage,
        context=outcome.context,
        created_at=turn.created_at,
        started_at=turn.started_at,
        first_token_at=outcome.first_token_at,
        finished_at=from_micros(now),
        metadata=turn.metadata,
    )


def final_answer(
    turn: Turn, outcome: Outcome, *, seq: int, rated: tuple[int | None, str | None], created_at: datetime
) -> Message | None:
    """Return the answer of a turn that has ended, with the rating and feedback that it was given while it ran."""
    if turn.message_id is None:
        return None
    return Message(
        id=turn.message_id,
        conversation_id=turn.conversation_id,
        turn_id=turn.id,
        seq=seq,
        role=Role.ASSISTANT,
        parts=outcome.parts,
        citations=outcome.citations,
        rating=rated[0],
        feedback=rated[1],
        model=turn.model or None,
        status=turn.status,
        created_at=created_at,
    )


def said_so_far(answer: Message, log: Sequence[Event]) -> Message:
    """Return the answer of a running turn with what its log says."""
    draft = draft_of(log)
    return replace(answer, parts=draft.parts(), citations=draft.citations)


def log_has_expired(turn: Turn, *, last_seq: int, queued: bool, log_end: int | None) -> bool:
    """Whether a turn had a log that is gone."""
    had_log = turn.started_at is not None and last_seq > log_begins_at(queued=queued)
    return turn.status.is_terminal and had_log and log_end is None


def log_of(
    turn: Turn,
    messages: tuple[Message | None, Message | None],
    events: Sequence[Event],
    *,
    queued: bool,
    ended_seq: int | None,
    log_end: int | None,
) -> TurnLog:
    """Return a stretch of a turn's log with its question and answer. ``ended_seq`` is the number of its end, once it has one."""
    last_seq = reached_seq(turn.status, last_seq=ended_seq, queued=queued, log_end=log_end)
    return TurnLog(
        turn=turn,
        question=messages[0],
        answer=messages[1],
        events=events,
        queued=queued,
        last_seq=last_seq,
        expired=log_has_expired(turn, last_seq=last_seq, queued=queued, log_end=log_end),
    )
