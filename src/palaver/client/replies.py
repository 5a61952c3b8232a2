"""From answers and events to ``Reply`` and ``Accepted``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from palaver.client.nouns import shaped
from palaver.client.transport import Answer
from palaver.conversation import Message, Turn, TurnStatus
from palaver.errors import TurnFailed
from palaver.events import Event
from palaver.surface import Accepted, Reply


def _message(raw: Any) -> Message | None:
    return None if raw is None else shaped(Message, raw)


def unless_failed(reply: Reply) -> Reply:
    """Return the reply of a send.

    Raises:
        TurnFailed: Its turn ended ``failed``.
    """
    if reply.turn.status is not TurnStatus.FAILED:
        return reply
    error = reply.turn.error
    raise TurnFailed(
        error.message if error else "", turn=reply.turn, reply=reply.message, code=error.code if error else None
    )


def _joined(opening: Mapping[str, Any], end: Mapping[str, Any], *, replayed: bool) -> Reply:
    return Reply(
        turn=shaped(Turn, end.get("turn")),
        user_message=_message(opening.get("user_message")),
        message=shaped(Message, end.get("message")),
        replayed=replayed,
    )


def whole_reply(told: Sequence[Event]) -> Reply:
    """Return what all the events of a turn that has ended tell, whatever its outcome."""
    return _joined(told[0].data, told[-1].data, replayed=False)


def reply_of(told: Sequence[Event]) -> Reply:
    """Return the reply that the events of a send tell. Raises ``TurnFailed``."""
    return unless_failed(whole_reply(told))


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
