"""From answers and events to ``Reply`` and ``Accepted``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from palaver.client.nouns import shaped
from palaver.client.transport import Answer
from palaver.conversation import Message, Turn
from palaver.events import Event
from palaver.results import Accepted, Reply, reply_of, unless_failed


def _message(raw: Any) -> Message | None:
    return None if raw is None else shaped(Message, raw)


def _joined(opening: Mapping[str, Any], end: Mapping[str, Any], *, replayed: bool) -> Reply:
    turn = shaped(Turn, end.get("turn"))
    return reply_of(turn, _message(opening.get("user_message")), _message(end.get("message")), replayed=replayed)


def told_reply(first: Event, last: Event) -> Reply:
    """Return what the first and the last event of a turn tell, whatever its outcome."""
    return _joined(first.data, last.data, replayed=False)


def stored_reply(answer: Answer) -> Reply:
    """Return the reply that the answer to a send holds. Raises ``TurnFailed``."""
    return unless_failed(_joined(answer.body, answer.body, replayed=answer.replayed))


def accepted_of(answer: Answer) -> Accepted:
    """Return what a send with ``Prefer: respond-async`` was answered."""
    return Accepted(
        turn=shaped(Turn, answer.body.get("turn")),
        user_message=_message(answer.body.get("user_message")),
        replayed=answer.replayed,
    )
