"""Rows as every store can read and write them, for a copy from one to another. Pure values.

A record holds a value and what a store knows beyond it. Nothing in it depends on the store that it comes from, so two
stores hold the same if their records are equal.

``place`` is a number in the order of making: unique among all records of its kind in the store, and larger than those
of all that was made before. A store keeps the places that it is given and takes new ones from beyond them: lists stay in
their order, and the cursors that lead through them hold. What comes from elsewhere has no place (None) and gets the next
one; what is listed always has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from palaver.attachment import Attachment
from palaver.bot import Bot
from palaver.conversation import Conversation, InterruptReason, Message, Turn
from palaver.document import Chunk, Document
from palaver.entity import Entity
from palaver.errors import Conflict
from palaver.events import Event
from palaver.stores.knowledge_orders import BotIndex
from palaver.stores.orders import Once
from palaver.tenant import ApiKey, Tenant


class Shelf(StrEnum):
    """What a tenant has, in the order in which a copy moves it."""

    KEYS = "keys"
    BOTS = "bots"
    ENTITIES = "entities"
    ATTACHMENTS = "attachments"
    CONVERSATIONS = "conversations"
    DOCUMENTS = "documents"


class Inside(StrEnum):
    """What a conversation has, in the order in which a copy moves it."""

    TURNS = "turns"
    MESSAGES = "messages"
    EVENTS = "events"


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRecord:
    """A tenant."""

    tenant: Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """A key and the keyed hash of its secret."""

    key: ApiKey
    digest: bytes
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BotRecord:
    """A bot, the key that it was created with, and what there is to find for it."""

    bot: Bot
    once: Once | None = None
    index: BotIndex = field(default_factory=BotIndex)
    place: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRecord:
    """An entity, and the key that it was created with."""

    entity: Entity
    once: Once | None = None
    place: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentRecord:
    """A reference, its bytes, whether a message ever referred to it, and the key that it was created with. A listing leaves
    the bytes out (None)."""

    attachment: Attachment
    content: bytes | None = None
    used: bool
    once: Once | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRecord:
    """A conversation (of its ``entity`` only the id counts), its counters, and the key that it was created with.

    ``deletion`` is the id of what was deleted: the conversation itself, or its bot. ``lost_head_id`` is that of the turn
    that was its head and was deleted, until another is made the head.
    """

    conversation: Conversation
    last_seq: int
    last_index: int
    deletion: str | None = None
    lost_head_id: str | None = None
    once: Once | None = None
    place: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRecord:
    """A turn, and what its worker, its queue and its retries need. Times are microseconds of the store's clock.

    ``origin_id`` is that of the deleted turn which it would continue (``stores.tree``): it stands on the same parent.
    """

    turn: Turn
    once: Once | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    queued: bool = False
    interrupting: bool = False
    owner: str | None = None
    fence: int = 0
    lease_micros: int | None = None
    lease_until: int | None = None
    stop_reason: InterruptReason | None = None
    last_seq: int | None = None
    deleted_at: datetime | None = None
    origin_id: str | None = None
    place: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRecord:
    """A message as its row has it (the answer of a running turn is empty), and whether it is on the active path.

    ``place`` orders the messages of all conversations, which only a search needs: a store without one may forget it, and
    give twice the place of the turn, one less for a question. A comparison of stores leaves it out.
    """

    message: Message
    on_path: bool
    deleted_at: datetime | None = None
    place: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRecord:
    """A document, its newest content (a listing leaves it out: None), and what its way into the index needs.

    ``revision`` is that of the bot's index when the document last changed in it. ``lease_until`` is in microseconds of the
    store's clock.
    """

    document: Document
    content: bytes | None = None
    once: Once | None = None
    revision: int = 0
    owner: str | None = None
    fence: int = 0
    attempts: int = 0
    lease_until: int | None = None
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRecord:
    """A chunk of a document's ready version, and its vectors by the embedding's name."""

    chunk: Chunk
    vectors: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """An event of the log of the turn with this ``index``, and when it was written, in microseconds."""

    index: int
    turn_id: str
    event: Event
    at: int


Record = (
    TenantRecord
    | KeyRecord
    | BotRecord
    | EntityRecord
    | AttachmentRecord
    | ConversationRecord
    | TurnRecord
    | MessageRecord
    | EventRecord
    | DocumentRecord
    | ChunkRecord
)


def taken(any_id: str) -> Conflict:
    """Return the refusal of a record whose id is that of something else."""
    return Conflict(f"{any_id} is the id of something else.")


def check_tenant(record: TenantRecord, tenant_id: str) -> None:
    """Raise ``Conflict`` unless a record is the one of this tenant."""
    if record.tenant.id != tenant_id:
        raise Conflict("A tenant's record is put for that tenant.")
