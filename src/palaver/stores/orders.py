"""What a store is asked to do: the arguments of the contract's operations. Pure values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, Final, Generic, Literal, TypeVar

from palaver.bot import Bot
from palaver.conversation import (
    ContextUse,
    ConversationStatus,
    EndReason,
    InterruptReason,
    Kind,
    Message,
    Part,
    Policy,
    Role,
    Turn,
    TurnError,
    TurnStatus,
    Usage,
    Utterance,
)
from palaver.document import Citation
from palaver.entity import EntityType
from palaver.events import Event
from palaver.page import Order
from palaver.stores.knowledge_orders import BotIndex
from palaver.tenant import ApiKey

T = TypeVar("T")

HISTORY_TURNS = 10
"""How many turns a claim brings along: about what a small token budget holds."""


class _Unset(Enum):
    UNSET = "unset"


Unset = Literal[_Unset.UNSET]
UNSET: Final = _Unset.UNSET
"""The field is left as it is (None would clear it)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """Makes an operation idempotent: ``key`` as the client sent it, ``fingerprint`` the SHA-256 of its canonical body."""

    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Made(Generic[T]):
    """A value that was created, or the one that the same key created before."""

    value: T
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BotChange:
    """What an edit of a bot changes. ``metadata`` is merged one level deep; None removes a key."""

    name: str | Unset = UNSET
    instructions: str | Unset = UNSET
    model: str | Unset = UNSET
    params: Mapping[str, Any] | Unset = UNSET
    retrieval: Mapping[str, Any] | Unset = UNSET
    idle_timeout_minutes: int | None | Unset = UNSET
    widget: Mapping[str, Any] | None | Unset = UNSET
    metadata: Mapping[str, Any] | Unset = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityChange:
    """What an edit of an entity changes. ``metadata`` is merged one level deep; None removes a key."""

    type: EntityType | Unset = UNSET
    external_id: str | None | Unset = UNSET
    name: str | None | Unset = UNSET
    email: str | None | Unset = UNSET
    metadata: Mapping[str, Any] | Unset = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationChange:
    """What an edit of a conversation changes. ``metadata`` is merged one level deep; None removes a key.

    ``bot_id``: another bot, while nobody has spoken.
    """

    bot_id: str | Unset = UNSET
    title: str | None | Unset = UNSET
    external_id: str | None | Unset = UNSET
    metadata: Mapping[str, Any] | Unset = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityDraft:
    """An entity as a caller describes it. With an ``external_id`` it is found or made; without one it is made."""

    id: str
    type: EntityType = EntityType.USER
    external_id: str | None = None
    name: str | None = None
    email: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BotDraft:
    """A bot as a caller describes it."""

    id: str
    name: str
    model: str
    instructions: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    retrieval: Mapping[str, Any] = field(default_factory=dict)
    idle_timeout_minutes: int | None = None
    widget: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationDraft:
    """A conversation as a caller describes it. ``entity`` is the id of one that exists, or a draft of one, or None."""

    id: str
    bot_id: str
    kind: Kind = Kind.TEXT
    title: str | None = None
    entity: str | EntityDraft | None = None
    external_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDraft:
    """An API key to be kept: ``digest`` is the keyed hash of its secret, which the store never sees."""

    key: ApiKey
    digest: bytes


class ConversationSort(StrEnum):
    """What conversations can be ordered by. Ties are broken by the time of their making, so that pages never overlap."""

    LAST_ACTIVITY_AT = "last_activity_at"
    STARTED_AT = "started_at"
    CREATED_AT = "created_at"
    RATING = "rating"
    MESSAGE_COUNT = "message_count"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationFilter:
    """Which conversations; every field that is given must hold. Times are half-open: ``after <= started_at < before``.

    ``metadata`` compares the text of top-level values; ``q`` is a literal, case-insensitive part of the title, or words
    that one of its messages holds. ``deleted`` lists the deleted ones that can still be restored, and only these. The ratings,
    1–5 and both included, leave those out that were not rated.
    """

    bot_id: str | None = None
    status: ConversationStatus | None = None
    entity_id: str | None = None
    entity_type: EntityType | None = None
    external_id: str | None = None
    kind: Kind | None = None
    min_rating: int | None = None
    max_rating: int | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    q: str | None = None
    deleted: bool = False
    sort: ConversationSort = ConversationSort.LAST_ACTIVITY_AT
    order: Order = Order.DESC


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a conversation ends."""

    reason: EndReason = EndReason.USER
    rating: int | None = None
    feedback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A new user message: its id and its parts."""

    message_id: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Continue:
    """The turn continues ``parent_id`` (None: the head of the active path) with a new question."""

    question: Question
    parent_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Regenerate:
    """The turn answers the question of this answer's turn again, beside it."""

    answer_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EditQuestion:
    """The turn asks a changed question beside the turn of ``message_id``, a user message."""

    message_id: str
    question: Question


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnOrder:
    """A turn to begin.

    Attributes:
        opening: What kind of turn it is.
        turn_id: Ids come with the order, so that a retry inside the store makes the same rows.
        once: None where the caller can't retry: then nothing is compared, and no key is stored.
        params: The send's own model parameters, laid over the bot's; ``metadata`` among them is the turn's.
        queue_cap: How many queued turns a conversation may hold.
        owner: The process that will run it, and whose lease it is.
        history_turns: How many turns before it the claim brings along, to save the worker a second call.
    """

    conversation_id: str
    turn_id: str
    answer_id: str
    opening: Continue | Regenerate | EditQuestion
    once: Once | None
    policy: Policy = Policy.REJECT
    params: Mapping[str, Any] = field(default_factory=dict)
    queue_cap: int = 8
    owner: str
    lease_seconds: float = 15.0
    history_turns: int = HISTORY_TURNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to run a turn: whoever writes for it shows the fence.

    ``question`` is what the model is asked, ``history`` what was said in up to ``history_turns`` turns before it (10 for
    a turn that waited), newest first, as ``MessageRows.lineage`` returns it. ``next_seq`` is the sequence number of the
    next event of its log; ``params`` are the send's own. ``index`` is what there was to find for the bot at that moment.
    """

    tenant_id: str
    turn: Turn
    question: Message | None
    history: Sequence[Utterance] = ()
    bot: Bot
    index: BotIndex = field(default_factory=BotIndex)
    fence: int
    next_seq: int
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A turn that was accepted, or the one that the same key began before.

    ``claim`` is given when the turn runs now and the caller has to run it; a queued or replayed turn has none.
    ``superseded`` is the running turn that was asked to stop for this one.
    """

    turn: Turn
    question: Message | None
    claim: Claim | None = None
    replayed: bool = False
    superseded: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """One tick of one turn: events whose ``seq`` go on where the last tick ended."""

    tenant_id: str
    turn_id: str
    fence: int
    events: Sequence[Event]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What a worker must know of its turns: which are no longer its own, and which were asked to stop, and why."""

    stale: frozenset[str] = frozenset()
    stopping: Mapping[str, InterruptReason] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a turn ended. ``parts`` is the whole answer.

    ``events`` are those of its log that may not be written yet; those that the log has stay as they are. ``behind`` is the
    number of the last event before them that was written: a log that ends before it has lost something. ``consulted`` are
    the ids of all documents whose text is in its log or its citations: a purge of one finds what to empty by it. ``title`` is
    what the conversation is called from now on if it has no title in that moment; its version stays.
    """

    status: TurnStatus
    reason: InterruptReason | None = None
    error: TurnError | None = None
    parts: tuple[Part, ...] = ()
    citations: tuple[Citation, ...] = ()
    consulted: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)
    context: ContextUse | None = None
    first_token_at: datetime | None = None
    title: str | None = None
    events: Sequence[Event] = ()
    behind: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A turn that has ended, its answer, the sequence number of its last event, and the queued turn that runs next."""

    turn: Turn
    answer: Message | None
    last_seq: int
    promoted: Claim | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What a recovery did: turns ended because their worker was gone, and queued ones that the caller has to run now."""

    ended: Sequence[str] = ()
    claimed: Sequence[Claim] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Running turns of an ``owner`` that it does not know of: they began at least ``after_seconds`` ago, have said nothing,
    and are none of ``known``."""

    owner: str
    known: Collection[str]
    after_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLog:
    """A stretch of a turn's log, and the rows that its first and last events are made of, read in one snapshot.

    Attributes:
        events: The logged events with ``seq > after``, in order, at most the limit asked for.
        queued: Whether the turn ever waited in the queue.
        last_seq: The sequence number of the last event of all: of the end, if the turn has ended, else of the last
            event written so far (1 while it waits in the queue).
        expired: The log is gone; only the rows are left.
    """

    turn: Turn
    question: Message | None
    answer: Message | None
    events: Sequence[Event]
    queued: bool
    last_seq: int
    expired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendedMessage:
    """A message to be stored with no model call."""

    message_id: str
    turn_id: str
    role: Role
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """Words to find in messages, all of them, as they are written; at most 1,000 characters."""

    text: str
    bot_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreHealth:
    """What an acknowledgement means here.

    ``survives_kill`` and ``survives_power_cut`` say whether an acknowledged write does; ``detail`` is for a person.
    ``settings`` are those of the engine that decide it, as they were found. ``risks`` are settings by which what was
    acknowledged can be lost: a server does not start with any, unless it is told ``--unsafe-durability``. ``notes`` are
    worth knowing, and keep nobody from starting.
    """

    engine: str
    survives_kill: bool
    survives_power_cut: bool
    schema_version: int
    detail: str
    engine_version: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    risks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
