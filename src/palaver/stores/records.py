"""Rows as every store can read and write them, for a copy from one to another. Pure values.

A record holds a value and what a store knows beyond it. Nothing in it depends on the store that it comes from, so two
stores hold the same if their records are equal.

``place`` is a number in the order of making: unique among all records of its kind in the store, and larger than those
of all that was made before. A store keeps the places that it is given and takes new ones from beyond them: lists stay in
their order, and the cursors that lead through them hold.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from palaver.attachment import Attachment
from palaver.bot import Bot
from palaver.clock import to_micros
from palaver.conversation import Conversation, InterruptReason, Message, Turn
from palaver.entity import Entity
from palaver.events import Event
from palaver.jsonable import encode
from palaver.stores.orders import Once
from palaver.tenant import ApiKey, Tenant


class Shelf(StrEnum):
    """What a tenant has, in the order in which a copy moves it."""

    KEYS = "keys"
    BOTS = "bots"
    ENTITIES = "entities"
    ATTACHMENTS = "attachments"
    CONVERSATIONS = "conversations"


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
    """A bot, and the key that it was created with."""

    bot: Bot
    once: Once | None = None
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRecord:
    """An entity, and the key that it was created with."""

    entity: Entity
    once: Once | None = None
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentRecord:
    """A reference, its bytes, and whether a message ever referred to it. A listing leaves the bytes out (None)."""

    attachment: Attachment
    content: bytes | None = None
    used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRecord:
    """A conversation (of its ``entity`` only the id counts), its counters, and the key that it was created with.

    ``deletion`` is the id of what was deleted: the conversation itself, or its bot.
    """

    conversation: Conversation
    last_seq: int
    last_index: int
    deletion: str | None = None
    once: Once | None = None
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRecord:
    """A turn, and what its worker, its queue and its retries need. Times are microseconds of the store's clock."""

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
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRecord:
    """A message as its row has it (the answer of a running turn is empty), and whether it is on the active path.

    ``place`` orders the messages of all conversations, which only a search needs: a store without one may forget it, and
    give twice the place of the turn, one less for a question. ``content_hash`` leaves it out.
    """

    message: Message
    on_path: bool
    deleted_at: datetime | None = None
    place: int


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
)


def content_hash(record: Record) -> bytes:
    """Return the SHA-256 of a record's canonical JSON: equal in two stores that hold the same."""
    plain = json.dumps(_plain(record), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(plain.encode()).digest()


def _plain(record: Record) -> Any:
    match record:
        case TenantRecord(tenant=tenant):
            return ["tenant", encode(tenant)]
        case KeyRecord(key=key, digest=digest):
            return ["key", encode(key), digest.hex(), record.place]
        case BotRecord(bot=bot):
            return ["bot", _numbers(encode(bot)), _once(record.once), record.place]
        case EntityRecord(entity=entity):
            return ["entity", _numbers(encode(entity)), _once(record.once), record.place]
        case AttachmentRecord(attachment=attachment, used=used):
            return ["attachment", encode(attachment), used]
        case ConversationRecord(conversation=conversation):
            plain = _numbers(encode(replace(conversation, entity=None)))
            entity_id = conversation.entity and conversation.entity.id
            counters = [record.last_seq, record.last_index]
            return ["conversation", plain, entity_id, counters, record.deletion, _once(record.once), record.place]
        case TurnRecord():
            plain = {name: _numbers(encode(getattr(record, name))) for name in _TURN_FIELDS}
            return ["turn", plain, _once(record.once)]
        case MessageRecord(message=message):
            deleted_at = record.deleted_at and to_micros(record.deleted_at)
            return ["message", encode(message), record.on_path, deleted_at]
        case EventRecord(event=event):
            return ["event", record.turn_id, event.seq, str(event.type), event.json, record.at]


def _once(once: Once | None) -> Any:
    return once and [once.key, once.fingerprint.hex()]


def _numbers(plain: Any) -> Any:
    """Return JSON shapes in which 100, 100.0 and 1e2 are one number, which is all that a store has to keep of it."""
    match plain:
        case float() if plain.is_integer():
            return int(plain)
        case dict():
            return {name: _numbers(value) for name, value in plain.items()}
        case list():
            return [_numbers(value) for value in plain]
        case _:
            return plain


_TURN_FIELDS = tuple(name for name in TurnRecord.__dataclass_fields__ if name != "once")
