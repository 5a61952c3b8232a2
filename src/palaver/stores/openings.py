"""How a turn begins: what its conversation allows, whether it runs at once, and the values that it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from palaver.bot import Bot
from palaver.clock import from_micros
from palaver.conversation import ConversationStatus, InterruptReason, Message, Policy, Role, Turn, TurnStatus, Utterance
from palaver.errors import (
    ConversationArchived,
    ConversationEnded,
    InvalidInput,
    KeyReused,
    QueueFull,
    TurnInProgress,
)
from palaver.events import log_begins_at
from palaver.stores.knowledge_orders import BotIndex
from palaver.stores.orders import Begun, Claim, Once, Question, TurnOrder

RETRY_AFTER_SECONDS = 1
SUPERSEDED = InterruptReason.SUPERSEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A queued turn of the conversation; ``interrupting`` if it was sent to stop the one that runs."""

    id: str
    interrupting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Whether a new turn runs now, which running turn it asks to stop, which queued ones it ends (``SUPERSEDED``)."""

    runs: bool
    superseded: str | None = None
    cancelled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a turn stands in its conversation, and what it asks."""

    index: int
    parent_id: str | None
    question_id: str


def check_open(status: str) -> None:
    """Raise ``ConversationEnded`` or ``ConversationArchived`` unless the conversation is active."""
    if status == ConversationStatus.ENDED:
        raise ConversationEnded("This conversation has ended: reopen it first.")
    if status == ConversationStatus.ARCHIVED:
        raise ConversationArchived("This conversation is archived: reopen it first.")


def check_same(once: Once | None, fingerprint: bytes | None) -> None:
    """Raise ``KeyReused`` unless the key that is known here came with the same body."""
    if once is None or fingerprint != once.fingerprint:
        raise KeyReused("This idempotency key was used in this conversation before, with another body.")


def in_progress(turn_id: str | None, conversation_id: str) -> TurnInProgress:
    """Return the refusal of what an open turn is in the way of."""
    return TurnInProgress(
        "A turn runs in this conversation.",
        turn_id=turn_id,
        conversation_id=conversation_id,
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )


def no_parent() -> InvalidInput:
    """Return the refusal of a parent that is no turn of the conversation."""
    return InvalidInput("parent_id is no turn of this conversation.", code="invalid_parent")


def no_message(role: Role) -> InvalidInput:
    """Return the refusal to regenerate or edit what is no answer, or no question, of the conversation."""
    word = "an answer" if role is Role.ASSISTANT else "a question"
    return InvalidInput(f"This is not {word} of this conversation.", code="invalid_parent")


def no_question() -> InvalidInput:
    """Return the refusal to answer again what was never asked."""
    return InvalidInput("This answer has no question to answer again.", code="invalid_parent")


def admit(order: TurnOrder, running_id: str | None, waiting: Sequence[Waiting]) -> Admission:
    """Decide whether a turn runs now, given the one that runs and those that wait, in the order of their making.

    Raises:
        TurnInProgress, QueueFull.
    """
    if running_id is None and not waiting:
        return Admission(runs=True)
    match order.policy:
        case Policy.REJECT:
            raise in_progress(running_id or waiting[0].id, order.conversation_id)
        case Policy.QUEUE:
            if len(waiting) >= order.queue_cap:
                raise QueueFull(
                    "The queue of this conversation is full.",
                    conversation_id=order.conversation_id,
                    retry_after_seconds=RETRY_AFTER_SECONDS,
                )
            return Admission(runs=False)
        case Policy.INTERRUPT:
            cancelled = frozenset(turn.id for turn in waiting if turn.interrupting)
            return Admission(runs=running_id is None, superseded=running_id, cancelled=cancelled)


def new_turn(order: TurnOrder, standing: Standing, bot: Bot, *, runs: bool, now: int) -> Turn:
    """Return the turn that an order makes at ``now``, in microseconds."""
    created_at = from_micros(now)
    return Turn(
        id=order.turn_id,
        conversation_id=order.conversation_id,
        index=standing.index,
        parent_id=standing.parent_id,
        status=TurnStatus.RUNNING if runs else TurnStatus.QUEUED,
        model=bot.model,
        user_message_id=standing.question_id,
        message_id=order.answer_id,
        created_at=created_at,
        started_at=created_at if runs else None,
        metadata=order.params.get("metadata", {}),
    )


def new_question(turn: Turn, question: Question, seq: int) -> Message:
    """Return the message that a turn asks."""
    return Message(
        id=question.message_id,
        conversation_id=turn.conversation_id,
        turn_id=turn.id,
        seq=seq,
        role=Role.USER,
        parts=question.parts,
        status=TurnStatus.COMPLETED,
        created_at=turn.created_at,
    )


def claimed(
    begun: Begun, tenant_id: str, order: TurnOrder, bot: Bot, index: BotIndex, history: Sequence[Utterance]
) -> Begun:
    """Return a turn that runs at once, with the right to run it."""
    claim = Claim(
        tenant_id=tenant_id,
        turn=begun.turn,
        question=begun.question,
        history=history,
        bot=bot,
        index=index,
        fence=1,
        next_seq=log_begins_at(queued=False),
        params=order.params,
    )
    return replace(begun, claim=claim)
