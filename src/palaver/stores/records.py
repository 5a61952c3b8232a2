"""Rows as every store can read and write them, for a copy from one to another. Pure values.

A record holds a value and what a store knows beyond it. Nothing in it depends on the store that it comes from, so two
stores hold the same if their records are equal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from palaver.attachment import Attachment
from palaver.bot import Bot
from palaver.conversation import Conversation, InterruptReason, Message, Turn
from palaver.entity import Entity
from palaver.events import Event
from palaver.jsonable import encode
from palaver.stores.orders import Once
from palaver.tenant import ApiKey


class Shelf(StrEnum):
    """What a tenant has, in the order in which a copy moves it."""

    KEYS = "keys"
    BOTS = "bots"
    ENTITIES = "entities"
    ATTACHMENTS = "attachments"
    CONVERSATIONS = "conversations"
    ONCE = "once"


class Inside(StrEnum):
    """What a conversation has, in the order in which a copy moves it."""

    TURNS = "turns"
    MESSAGES = "messages"
    EVENTS = "events"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """A key and the keyed hash of its secret."""

    key: ApiKey
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BotRecord:
    """A bot."""

    bot: Bot


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRecord:
    """An entity."""

    entity: Entity


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentRecord:
    """A reference, its bytes, and whether a message ever referred to it."""

    attachment: Attachment
    content: bytes
    used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OnceRecord:
    """What the key of a create made: ``kind`` is ``bot``, ``entity`` or ``conversation``."""

    kind: str
    once: Once
    resource_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRecord:
    """A conversation (its ``entity`` is compared by its id) and its counters.

    ``deletion`` is the id of what was deleted: the conversation itself, or its bot.
    """

    conversation: Conversation
    last_seq: int
    last_index: int
    deletion: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRecord:
    """A turn, and what its worker, its queue and its retries need. Times are those of the store's clock."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRecord:
    """A message as its row has it (the answer of a running turn is empty), and whether it is on the active path."""

    message: Message
    on_path: bool
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """An event of the log of the turn with this ``index``, and when it was written, in microseconds."""

    index: int
    turn_id: str
    event: Event
    at: int


Record = (
    KeyRecord
    | BotRecord
    | EntityRecord
    | AttachmentRecord
    | OnceRecord
    | ConversationRecord
    | TurnRecord
    | MessageRecord
    | EventRecord
)


def content_hash(record: Record) -> bytes:
    """Return the SHA-256 of a record's canonical JSON: equal in two stores that hold the same."""
    plain = json.dumps(_plain(record), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(plain.encode()).digest()


def _plain(record: Record) -> Any:
    match record:
        case AttachmentRecord(attachment=attachment, used=used):
            return ["attachment", encode(attachment), hashlib.sha256(record.content).hexdigest(), used]
        case KeyRecord(key=key, digest=digest):
            return ["key", encode(key), digest.hex()]
        case OnceRecord(kind=kind, once=once, resource_id=resource_id):
            return ["once", kind, once.key, once.fingerprint.hex(), resource_id]
        case ConversationRecord(conversation=conversation):
            plain = encode(conversation)
            plain["entity"] = conversation.entity and conversation.entity.id
            return ["conversation", plain, record.last_seq, record.last_index, record.deletion]
        case TurnRecord(once=once):
            plain = {name: encode(getattr(record, name)) for name in _TURN_FIELDS}
            return ["turn", plain, once and [once.key, once.fingerprint.hex()]]
        case EventRecord(event=event):
            return ["event", record.turn_id, event.seq, str(event.type), event.json, record.at]
        case _:
            return [record.__class__.__name__, encode(record)]


_TURN_FIELDS = tuple(name for name in TurnRecord.__dataclass_fields__ if name != "once")
