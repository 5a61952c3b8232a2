"""Things as they are kept: each a JSON array under its own key, and a place in the indexes that it says.

New fields go to the end, with a default. ``places`` names every index that a thing may ever be in, whatever its state, with
its score there (None: it is not in it): what an index should hold can always be told from the thing alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, TypeVar

from palaver.conversation import ConversationStatus, EndReason, TurnStatus
from palaver.document import DocumentSource, DocumentStatus

Places = Mapping[str, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Something with an id. ``n`` is its place in the order of making; times are microseconds."""

    KIND: ClassVar[str]

    tenant_id: str
    id: str
    n: int

    @property
    def places(self) -> Places:
        """Its score in each index."""
        return {}

    @property
    def member(self) -> str:
        """What stands for it in an index."""
        return f"{self.n:016d}:{self.id}"


S = TypeVar("S", bound=Stored)


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@cache
def _values(kind: Any) -> attrgetter[Any]:
    return attrgetter(*_names(kind))


@cache
def _fillers(kind: Any) -> tuple[Callable[[Any, Any], None], ...]:
    """What sets each field. It goes round the ``__init__`` of a frozen class, which takes twice as long."""
    return tuple(getattr(kind, name).__set__ for name in _names(kind))


@cache
def _defaults(kind: Any) -> list[Any]:
    return [field.default for field in fields(kind)]


def packed(thing: Stored) -> str:
    """Return what is kept of a thing."""
    kind: Any = type(thing)
    return json.dumps(_values(kind)(thing), separators=(",", ":"), ensure_ascii=False)


def unpacked(kind: type[S], kept: bytes | str) -> S:
    """Return the thing that was kept."""
    values = json.loads(kept if isinstance(kept, str) else kept.decode())
    any_kind: Any = kind
    made: S = object.__new__(kind)
    for fill, value in zip(_fillers(any_kind), values + _defaults(any_kind)[len(values) :], strict=False):
        fill(made, tuple(value) if type(value) is list else value)
    return made


def id_of(member: bytes) -> str:
    """Return the id of what stands in an index."""
    return member.decode().partition(":")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey(Stored):
    """An API key; ``digest`` in hex."""

    KIND: ClassVar[str] = "key"

    name: str
    prefix: str
    digest: str
    scope: str
    bot_id: str | None
    entity_id: str | None
    created_at: int
    expires_at: int | None
    last_used_at: int | None = None
    revoked_at: int | None = None

    @property
    def places(self) -> Places:
        return {"keys": self.n, f"keys:{self.tenant_id}": self.n}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBot(Stored):
    """A bot; its documents as JSON text. ``key`` and ``fingerprint`` (in hex) are those it was made with."""

    KIND: ClassVar[str] = "bot"

    name: str
    instructions: str
    model: str
    params: str
    retrieval: str
    idle_timeout_minutes: int | None
    metadata: str
    created_at: int
    updated_at: int
    deleted_at: int | None = None
    version: int = 1
    key: str | None = None
    fingerprint: str | None = None
    widget: str | None = None

    @property
    def places(self) -> Places:
        live = self.deleted_at is None
        return {
            f"bots:{self.tenant_id}": self.n,
            f"bots.live:{self.tenant_id}": self.n if live else None,
            f"bots.deleted:{self.tenant_id}": None if live else self.n,
            "bots.idling": self.n if live and self.idle_timeout_minutes is not None else None,
            "bots.doomed": self.deleted_at,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntity(Stored):
    """An entity; its metadata as JSON text."""

    KIND: ClassVar[str] = "entity"

    type: str
    external_id: str | None
    name: str | None
    email: str | None
    metadata: str
    created_at: int
    updated_at: int
    version: int = 1
    key: str | None = None
    fingerprint: str | None = None

    @property
    def places(self) -> Places:
        return {f"entities:{self.tenant_id}": self.n}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAttachment(Stored):
    """A reference to bytes; ``used`` once a message referred to it, ``doomed`` when none does any more: it is gone, but for
    what a purge has still to do."""

    KIND: ClassVar[str] = "attachment"

    name: str
    media_type: str
    size_bytes: int
    sha256: str
    created_at: int
    used: bool = False
    doomed: bool = False
    key: str | None = None
    fingerprint: str | None = None

    @property
    def places(self) -> Places:
        return {
            f"attachments:{self.tenant_id}": self.n,
            "attachments.unused": 0 if self.doomed else None if self.used else self.created_at,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredConversation(Stored):
    """A conversation. ``queued`` are the ids of the turns that wait, in the order of their making.

    ``entity_id`` may name an entity that was deleted: then there is none. One that is ``doomed`` was deleted, and a purge
    has begun to remove it. ``changed_at`` is when a turn, a rating or its status changed last; ``trained_ids`` are the
    training documents that together have all that was to be learnt from it at ``trained_at``, when the last of them was begun.
    ``counted``: its sheet is as it should be. To put it is to change it, so that it is uncounted then (``Session.put``).
    ``lost_head_id`` is the head that was deleted, until another turn is made the head.
    """

    KIND: ClassVar[str] = "conversation"

    bot_id: str
    entity_id: str | None
    kind: str
    title: str | None
    status: str
    end_reason: str | None
    external_id: str | None
    metadata: str
    rating: int | None
    feedback: str | None
    message_count: int
    turn_count: int
    last_seq: int
    last_index: int
    head_id: str | None
    running_id: str | None
    queued: tuple[str, ...]
    started_at: int
    last_activity_at: int
    ended_at: int | None
    deleted_at: int | None
    version: int
    key: str | None = None
    fingerprint: str | None = None
    doomed: bool = False
    changed_at: int = 0
    trained_ids: tuple[str, ...] = ()
    trained_at: int = 0
    counted: bool = False
    lost_head_id: str | None = None

    @property
    def is_marked(self) -> bool:
        """Whether there is nothing new to learn from it, as long as its training documents are ready."""
        return bool(self.trained_ids) and self.changed_at < self.trained_at

    @property
    def places(self) -> Places:
        live = self.deleted_at is None
        state, other = ("live", "deleted") if live else ("deleted", "live")
        found: dict[str, int | None] = {f"conversations:{self.tenant_id}": self.n, **self._work(live=live)}
        for sort, score in self._sorts().items():
            found[f"conversations.{state}.{sort}:{self.tenant_id}"] = None if self.doomed else score
            found[f"conversations.{other}.{sort}:{self.tenant_id}"] = None
        for status in ConversationStatus:
            shown = live and status == self.status
            found[f"conversations.{status}:{self.tenant_id}"] = self.last_activity_at if shown else None
        found[f"conversations.bot:{self.bot_id}"] = self.last_activity_at if live else None
        found[f"conversations.made:{self.bot_id}"] = self.n if live else None
        found[f"conversations.untrained:{self.bot_id}"] = self.n if live and not self.is_marked else None
        if self.entity_id is not None:
            found[f"conversations.entity:{self.entity_id}"] = self.last_activity_at if live else None
        return found

    def _sorts(self) -> Mapping[str, int]:
        return {
            "activity": self.last_activity_at,
            "started": self.started_at,
            "made": self.n,
            "best": self.rating or 0,
            "worst": self.rating or _BEYOND_RATINGS,
            "count": self.message_count,
        }

    def _work(self, *, live: bool) -> Places:
        """What there may be to do about it."""
        calm = self.running_id is None and not self.queued
        active = live and self.status == ConversationStatus.ACTIVE
        waits = live and self.running_id is None and bool(self.queued)
        uncounted = None if self.counted else self.n
        return {
            UNCOUNTED: uncounted,
            f"{UNCOUNTED}:{self.tenant_id}": uncounted,
            f"conversations.calm:{self.bot_id}": self.last_activity_at if active and calm else None,
            "conversations.waiting": self.n if waits else None,
            "conversations.doomed": self.deleted_at,
        }


def over(kept: StoredConversation, reason: EndReason, now: int) -> StoredConversation:
    """Return a conversation that ends now."""
    ended = ConversationStatus.ENDED.value
    return replace(kept, status=ended, end_reason=reason.value, ended_at=now, changed_at=now, version=kept.version + 1)


UNCOUNTED = "conversations.uncounted"
"""The index of conversations whose sheet is not as it should be; there is one of each tenant's, too."""
_BEYOND_RATINGS = 6  # unrated ones come last in both orders


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTurn(Stored):
    """A turn. While it runs, its fence, its lease and a request to stop are in its hold.

    ``lease_until`` is that of its begin. ``has_log``: it has ended, and its log is still there. ``origin_id`` is the deleted turn
    that it would continue (``stores.tree``). ``deleted_at`` is 0 once a purge has begun: then it can't be restored.
    """

    KIND: ClassVar[str] = "turn"

    conversation_id: str
    bot_id: str
    index: int
    parent_id: str | None
    parent_index: int | None
    status: str
    reason: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    model: str
    question_id: str | None
    answer_id: str | None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micro: int | None = None
    context_messages: int | None = None
    context_chunks: int | None = None
    context_tokens: int | None = None
    created_at: int
    started_at: int | None
    first_token_at: int | None = None
    finished_at: int | None = None
    key: str | None
    fingerprint: str | None
    params: str | None = None
    queued: bool = False
    interrupting: bool = False
    owner: str | None = None
    fence: int = 0
    lease_micros: int | None = None
    lease_until: int | None = None
    stop_reason: str | None = None
    last_seq: int | None = None
    has_log: bool = False
    deleted_at: int | None = None
    origin_id: str | None = None

    @property
    def is_unfound(self) -> bool:
        """Whether its model was given no passage of a document, and answered."""
        answered = self.status == TurnStatus.COMPLETED and bool(self.model)
        return answered and self.context_chunks == 0 and self.deleted_at is None

    @property
    def places(self) -> Places:
        shown = self.deleted_at is None
        is_open = shown and self.status in (TurnStatus.RUNNING, TurnStatus.QUEUED)
        found: dict[str, int | None] = {
            "turns": self.n if shown else None,
            f"turns:{self.tenant_id}": self.n if shown else None,
            f"turns.open:{self.bot_id}": self.n if is_open else None,
            "turns.leased": self.lease_until if self.status == TurnStatus.RUNNING else None,
            "turns.logged": self.finished_at if self.has_log else None,
            "turns.doomed": self.deleted_at,
            f"{UNFOUND}:{self.tenant_id}": self.created_at if self.is_unfound else None,
        }
        for status in _LISTED:
            place = self.n if shown and self.status == status else None
            found[f"turns.{status}"] = found[f"turns.{status}:{self.tenant_id}"] = place
        return found


UNFOUND = "turns.unfound"
"""The index of turns whose model was given no passage of a document, by when they were asked: one of each tenant's."""
_LISTED = (TurnStatus.QUEUED, TurnStatus.RUNNING, TurnStatus.INTERRUPTED, TurnStatus.FAILED)
"""Completed turns are nearly all there are: they are found among them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage(Stored):
    """A message; ``parts`` and ``citations`` as JSON text, None where ``text`` says it all. ``model`` and ``status`` are
    those of an answer's turn. ``deleted_at`` is 0 once a purge has begun on it."""

    KIND: ClassVar[str] = "message"

    conversation_id: str
    turn_id: str
    seq: int
    role: str
    text: str
    parts: str | None
    citations: str | None = None
    rating: int | None = None
    feedback: str | None = None
    model: str
    status: str
    created_at: int
    deleted_at: int | None = None

    @property
    def places(self) -> Places:
        restorable = self.deleted_at or None
        return {
            f"{DELETED_MESSAGES}:{self.tenant_id}": restorable,
            f"{DELETED_MESSAGES}:{self.conversation_id}": restorable,
        }


DELETED_MESSAGES = "messages.deleted"
"""The index of messages that can be restored: of a tenant, and of a conversation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument(Stored):
    """A document; its metadata as JSON text.

    ``span`` is above every ordinal of the ready version, ``next_span`` of the one that is being made. ``embeddings`` are
    the names of all vectors that there may be of either, ``embedding`` of those that the ready version came with. One that
    is ``doomed`` was deleted, and a purge has begun to remove it. ``touches`` grows where whatever is about to be written
    on the ground of this has to be decided anew.
    """

    KIND: ClassVar[str] = "document"

    bot_id: str
    title: str
    source: str
    media_type: str
    url: str | None
    status: str
    error_code: str | None = None
    error_message: str | None = None
    version: int = 1
    ready_version: int | None = None
    size_bytes: int
    sha256: str
    chunk_count: int = 0
    metadata: str
    created_at: int
    updated_at: int
    ready_at: int | None = None
    deleted_at: int | None = None
    key: str | None = None
    fingerprint: str | None = None
    owner: str | None = None
    fence: int = 0
    attempts: int = 0
    lease_until: int | None = None
    span: int = 0
    next_span: int = 0
    embeddings: tuple[str, ...] = ()
    embedding: str | None = None
    doomed: bool = False
    touches: int = 0

    @property
    def places(self) -> Places:
        live = self.deleted_at is None
        found: dict[str, int | None] = {
            f"documents:{self.tenant_id}": self.n,
            f"documents.live:{self.bot_id}": self.n if live else None,
            f"documents.deleted:{self.bot_id}": None if live else self.n,
            "documents.due": self._due_at() if live else None,
            "documents.doomed": self.deleted_at,
        }
        for status in _UNREADY:
            found[f"documents.{status}:{self.bot_id}"] = self.n if live and status == self.status else None
        if self.source == DocumentSource.TRAINING:
            found[f"documents.void:{self.bot_id}"] = None if is_ready(self) else self.n
        return found

    def _due_at(self) -> int | None:
        """Since when it waits for somebody to make its newest version ready: those that nobody has begun come first."""
        return {DocumentStatus.PENDING: 0, DocumentStatus.PROCESSING: self.lease_until or 0}.get(
            DocumentStatus(self.status)
        )


def is_ready(kept: StoredDocument) -> bool:
    """Whether something of a document can be found, if its bot is there."""
    return kept.deleted_at is None and kept.ready_version is not None


_UNREADY = (DocumentStatus.PENDING, DocumentStatus.PROCESSING, DocumentStatus.FAILED)
"""Ready ones are nearly all there are: they are found among them all."""


def hidden_since(*things: StoredBot | StoredConversation | StoredDocument | None) -> int | None:
    """Return when the first of some things, one under the other, was deleted."""
    return min((each.deleted_at for each in things if each is not None and each.deleted_at is not None), default=None)


def number_of(kind: type[Stored], field: str) -> int:
    """Return which field of the kept array it is, counted from 1, as scripts do."""
    any_kind: Any = kind
    return _names(any_kind).index(field) + 1
