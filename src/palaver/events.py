"""What happens in a turn, as a reader sees it: numbered events, each one line of JSON.

The log of a turn keeps only what the rows do not: deltas and citations. The first events (``turn.queued``,
``turn.accepted``) and the last (``turn.completed`` …) are pure functions of the turn's row and its messages, which
never change in what these events show; so they are written nowhere twice and read the same live, resumed, or a year
later. What may come later (a rating, a document that is gone) is left out of them by name. Three fields can differ in a
replay, after a delete: the ``parent_id`` of a turn whose parent is gone, the ``turn_id`` of a question whose first turn is
gone, and the title and quote of a citation whose document was purged.

Sequence numbers begin at 1 with no gap: [queued,] accepted, the log, the end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from json.encoder import encode_basestring_ascii
from typing import Any

from palaver.conversation import Message, Turn, TurnStatus, Usage
from palaver.document import Citation
from palaver.jsonable import encode

_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


class EventType(StrEnum):
    """The events of the HTTP API. Readers ignore those that they do not know."""

    TURN_QUEUED = "turn.queued"
    TURN_ACCEPTED = "turn.accepted"
    RETRIEVAL_DONE = "retrieval.done"
    TEXT_DELTA = "text.delta"
    REASONING_DELTA = "reasoning.delta"
    CITATIONS = "citations"
    TURN_COMPLETED = "turn.completed"
    TURN_INTERRUPTED = "turn.interrupted"
    TURN_FAILED = "turn.failed"


ENDS: Mapping[TurnStatus, EventType] = {
    TurnStatus.COMPLETED: EventType.TURN_COMPLETED,
    TurnStatus.INTERRUPTED: EventType.TURN_INTERRUPTED,
    TurnStatus.FAILED: EventType.TURN_FAILED,
}
TERMINAL = frozenset(ENDS.values())


@dataclass(frozen=True, slots=True)
class Event:
    """One event. ``json`` is its data: one line, ASCII only, exactly as it goes over the wire.

    ``type`` is an ``EventType``'s value, or a newer server's word.
    """

    seq: int
    type: str
    json: str

    @property
    def data(self) -> dict[str, Any]:
        """The data, parsed."""
        parsed: dict[str, Any] = json.loads(self.json)
        return parsed

    @property
    def text(self) -> str:
        """The text of a ``text.delta``; "" of every other event."""
        return str(self.data["text"]) if self.type == EventType.TEXT_DELTA else ""

    @property
    def is_terminal(self) -> bool:
        """Whether the stream ends here."""
        return self.type in TERMINAL


def dumps(data: Mapping[str, Any]) -> str:
    """Return one line of ASCII JSON. A surrogate pair stands for each character beyond the first plane."""
    return _ENCODER.encode(data)


def _only_text(text: str) -> str:
    # What dumps({"text": text}) returns: there is one for every tick of every stream, and this takes a tenth of the time.
    return f'{{"text":{encode_basestring_ascii(text)}}}'


def text_delta(seq: int, text: str) -> Event:
    """What was said since the last event."""
    return Event(seq, EventType.TEXT_DELTA, _only_text(text))


def reasoning_delta(seq: int, text: str) -> Event:
    """What was thought aloud since the last event."""
    return Event(seq, EventType.REASONING_DELTA, _only_text(text))


def retrieval_done(seq: int, found: Sequence[Citation]) -> Event:
    """What was found for the question and given to the model."""
    return Event(seq, EventType.RETRIEVAL_DONE, dumps({"citations": encode(tuple(found))}))


def citations(seq: int, cited: Sequence[Citation]) -> Event:
    """What the answer cites."""
    return Event(seq, EventType.CITATIONS, dumps({"citations": encode(tuple(cited))}))


def log_begins_at(*, queued: bool) -> int:
    """The sequence number of the first event of the log: what precedes it is derived from the rows."""
    return 3 if queued else 2


def _at_start(turn: Turn, status: TurnStatus) -> Turn:
    started_at = None if status is TurnStatus.QUEUED else turn.started_at
    return replace(
        turn,
        status=status,
        reason=None,
        error=None,
        usage=Usage(),
        context=None,
        started_at=started_at,
        first_token_at=None,
        finished_at=None,
    )


def _as_said(message: Message | None) -> Message | None:
    if message is None:
        return None
    # Of a document that was purged nothing is left to quote.
    there = tuple(replace(citation, gone=not citation.quote) for citation in message.citations)
    return replace(message, rating=None, feedback=None, citations=there)


def _opening(seq: int, kind: EventType, turn: Turn, question: Message | None, answer: Message | None) -> Event:
    empty = (
        None
        if answer is None
        else replace(answer, parts=(), citations=(), rating=None, feedback=None, status=turn.status)
    )
    data = {
        "turn": encode(turn),
        "user_message": encode(_as_said(question)),
        "message_id": turn.message_id,
        "message": encode(empty),
    }
    return Event(seq, kind, dumps(data))


def beginning(turn: Turn, question: Message | None, answer: Message | None, *, queued: bool) -> tuple[Event, ...]:
    """The events before the log: that the turn waits in the queue (where it did), that it runs (once it does)."""
    opening = []
    if queued:
        waiting = _at_start(turn, TurnStatus.QUEUED)
        opening.append(_opening(1, EventType.TURN_QUEUED, waiting, question, answer))
    if turn.started_at is not None:
        running = _at_start(turn, TurnStatus.RUNNING)
        opening.append(_opening(len(opening) + 1, EventType.TURN_ACCEPTED, running, question, answer))
    return tuple(opening)


def ending(seq: int, turn: Turn, answer: Message | None) -> Event:
    """The last event of a turn that has ended."""
    return Event(seq, ENDS[turn.status], dumps({"turn": encode(turn), "message": encode(_as_said(answer))}))
