"""A conversation and what it is made of: turns, messages, parts. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal, Self

from palaver.document import Citation
from palaver.entity import Entity


class Kind(StrEnum):
    """What a conversation carries; ``vision`` is ``text`` with image parts."""

    TEXT = "text"
    VISION = "vision"


class ConversationStatus(StrEnum):
    """``active → ended → archived``, and back by reopen."""

    ACTIVE = "active"
    ENDED = "ended"
    ARCHIVED = "archived"


class EndReason(StrEnum):
    """Who or what ended a conversation."""

    USER = "user"
    BOT = "bot"
    ADMIN = "admin"
    IDLE = "idle"


class TurnStatus(StrEnum):
    """``queued → running → completed | interrupted | failed``. The last three never change."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    FAILED = "failed"

    @property
    def is_terminal(self) -> bool:
        """Whether the turn has ended for good."""
        return self not in _OPEN


_OPEN = frozenset({TurnStatus.QUEUED, TurnStatus.RUNNING})


class InterruptReason(StrEnum):
    """Why a turn was interrupted."""

    STOPPED = "stopped"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    DISCONNECTED_BY_MODEL = "disconnected_by_model"
    STALLED = "stalled"
    SERVER_RESTART = "server_restart"
    SHUTDOWN = "shutdown"
    STORE_UNAVAILABLE = "store_unavailable"
    DELETED = "deleted"
    ENDED = "ended"
    LIMIT = "limit"


class Role(StrEnum):
    """Whose message it is."""

    USER = "user"
    ASSISTANT = "assistant"


class Policy(StrEnum):
    """What a send does when a turn is running."""

    REJECT = "reject"
    QUEUE = "queue"
    INTERRUPT = "interrupt"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPart:
    """What a person reads."""

    type: Literal["text"] = "text"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningPart:
    """What the model thought aloud; never part of ``Message.text``, never sent back to a model."""

    type: Literal["reasoning"] = "reasoning"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePart:
    """An image, by reference to its attachment."""

    type: Literal["image"] = "image"
    attachment_id: str
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """A file, by reference to its attachment."""

    type: Literal["file"] = "file"
    attachment_id: str
    media_type: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallPart:
    """The model asked for a tool; ``arguments`` is JSON text as the model wrote it."""

    type: Literal["tool_call"] = "tool_call"
    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResultPart:
    """What a tool answered."""

    type: Literal["tool_result"] = "tool_result"
    call_id: str
    text: str


Part = TextPart | ReasoningPart | ImagePart | FilePart | ToolCallPart | ToolResultPart
PART_TYPES: Mapping[str, type[Part]] = {
    "text": TextPart,
    "reasoning": ReasoningPart,
    "image": ImagePart,
    "file": FilePart,
    "tool_call": ToolCallPart,
    "tool_result": ToolResultPart,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as the provider counted them (0 where it did not say); ``cost_micro`` in millionths of a currency unit."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_micro: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextUse:
    """What the model was given: messages of history, retrieved chunks, and our estimate of all its tokens."""

    history_messages: int
    chunks: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnError:
    """Why a turn failed: a code of the contract and our sentence, never the provider's."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One request and everything done about it: the unit of storage, concurrency, retry, streaming, cost and recovery.

    ``index`` counts the turns of a conversation from 1, in the order of acceptance. ``parent_id`` is the turn it
    continues: two turns with one parent are branches. ``message_id`` is the answer; turns that were appended without
    a model may lack the question or the answer. ``metadata`` are texts of the caller's own, given with the send.
    """

    id: str
    conversation_id: str
    index: int
    parent_id: str | None
    status: TurnStatus
    reason: InterruptReason | None = None
    error: TurnError | None = None
    model: str
    user_message_id: str | None
    message_id: str | None
    usage: Usage = field(default_factory=Usage)
    context: ContextUse | None = None
    created_at: datetime
    started_at: datetime | None = None
    first_token_at: datetime | None = None
    finished_at: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTurn(Turn):
    """A turn in a list, which goes over many conversations: it says whose it is, and which bot answers. Nothing that was said."""

    tenant_id: str
    bot_id: str
    bot_name: str

    @classmethod
    def of(cls, turn: Turn, *, tenant_id: str, bot_id: str, bot_name: str) -> Self:
        """Return a turn as a list shows it."""
        told: dict[str, Any] = {each.name: getattr(turn, each.name) for each in fields(turn)}
        return cls(**told, tenant_id=tenant_id, bot_id=bot_id, bot_name=bot_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One speaker's contribution. ``status`` is its turn's for an answer, ``completed`` for a question.

    ``seq`` orders the messages of a conversation: 1..n as they were accepted, never reused.
    """

    JSON_PROPERTIES: ClassVar[tuple[str, ...]] = ("text",)

    id: str
    conversation_id: str
    turn_id: str
    seq: int
    role: Role
    parts: tuple[Part, ...]
    citations: tuple[Citation, ...] = ()
    rating: int | None = None
    feedback: str | None = None
    model: str | None = None
    status: TurnStatus
    created_at: datetime

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return text_of(self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """A message as a model needs it: of which turn of the branch, whose, and what."""

    turn_id: str
    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return text_of(self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Ordered turns of one entity with one bot.

    ``message_count`` and ``turn_count`` count what is stored and not deleted, on every branch. ``head_turn_id`` is the
    end of the active path. ``version`` grows with edits, status and head; a turn does not bump it.
    """

    id: str
    bot_id: str
    kind: Kind = Kind.TEXT
    title: str | None = None
    status: ConversationStatus = ConversationStatus.ACTIVE
    end_reason: EndReason | None = None
    entity: Entity | None = None
    external_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    rating: int | None = None
    feedback: str | None = None
    message_count: int = 0
    turn_count: int = 0
    head_turn_id: str | None = None
    running_turn_id: str | None = None
    started_at: datetime
    last_activity_at: datetime
    ended_at: datetime | None = None
    deleted_at: datetime | None = None
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One of several turns that continue the same turn (``parent_id``; None at the beginning of the conversation).

    ``leaf_turn_id`` is the newest end reached by following the branch: switch the head there to see all of it.
    """

    parent_id: str | None
    turn_id: str
    leaf_turn_id: str
    active: bool


def text_of(parts: tuple[Part, ...]) -> str:
    """Return the text parts joined."""
    if len(parts) == 1 and isinstance(parts[0], TextPart):
        return parts[0].text
    return "".join(part.text for part in parts if isinstance(part, TextPart))
