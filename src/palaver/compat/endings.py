"""How a turn ended, for clients that know less words for it than we do."""

from __future__ import annotations

from palaver.conversation import InterruptReason, Turn, TurnStatus
from palaver.errors import ModelError

_WILLED = frozenset(
    {
        InterruptReason.STOPPED,
        InterruptReason.CANCELLED,
        InterruptReason.SUPERSEDED,
        InterruptReason.DELETED,
        InterruptReason.ENDED,
    }
)


def was_willed(turn: Turn) -> bool:
    """Whether somebody wanted a turn to be interrupted: its text so far is the answer."""
    return turn.reason in _WILLED


def check_whole(turn: Turn) -> None:
    """Raise ``ModelError`` with the turn's own code where it failed, or broke off and nobody wanted that."""
    if turn.status is TurnStatus.COMPLETED or was_willed(turn):
        return
    if turn.error is not None:
        raise ModelError(turn.error.message, code=turn.error.code)
    raise ModelError("The answer broke off.", code=str(turn.reason))
