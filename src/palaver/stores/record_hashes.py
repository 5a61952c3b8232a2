"""A hash of a record: equal in two stores that hold the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from json import JSONEncoder
from typing import Any

from palaver.clock import to_micros
from palaver.jsonable import encode
from palaver.stores.knowledge_rows import chunk_record_columns, document_record_columns
from palaver.stores.orders import Once
from palaver.stores.record_columns import (
    conversation_record_columns,
    key_record_columns,
    message_record_columns,
    turn_record_columns,
)
from palaver.stores.records import (
    AttachmentRecord,
    BotRecord,
    ChunkRecord,
    ConversationRecord,
    DocumentRecord,
    EntityRecord,
    EventRecord,
    KeyRecord,
    MessageRecord,
    Record,
    TenantRecord,
    TurnRecord,
)
from palaver.stores.rows import bot_columns, entity_columns

_canonical = JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=bytes.hex).encode


def content_hash(record: Record) -> bytes:
    """Return the SHA-256 of a record's canonical JSON. Attachments' and documents' bytes are in it by their own hash."""
    plain = _canonical([record.__class__.__name__, _plain(record)])
    return hashlib.sha256(plain.encode()).digest()


def _plain(record: Record) -> Any:
    match record:
        case TenantRecord(tenant=tenant):
            return [tenant.id, to_micros(tenant.created_at)]
        case KeyRecord():
            return [record.key.tenant_id, key_record_columns(record)]
        case BotRecord(bot=bot, index=index):
            free = {name: _free(getattr(bot, name) or {}) for name in ("params", "retrieval", "widget", "metadata")}
            deleted_at = bot.deleted_at and to_micros(bot.deleted_at)
            return [record.place, {**bot_columns(bot), **free}, deleted_at, _once(record.once), encode(index)]
        case EntityRecord(entity=entity):
            free = {"metadata": _free(entity.metadata)}
            return [record.place, {**entity_columns(entity), **free}, _once(record.once)]
        case AttachmentRecord(attachment=attachment, used=used):
            return [encode(attachment), used]
        case DocumentRecord(document=document):
            free = {"metadata": _free(document.metadata)}
            return [document.bot_id, {**document_record_columns(record), **free}, _once(record.once)]
        case ChunkRecord():
            return chunk_record_columns(record)
        case _:
            return _talk(record)


def _talk(record: ConversationRecord | TurnRecord | MessageRecord | EventRecord) -> Any:
    match record:
        case ConversationRecord(conversation=conversation):
            free = {"metadata": _free(conversation.metadata)}
            return [{**conversation_record_columns(record), **free}, _once(record.once)]
        case TurnRecord(params=params):
            return {**turn_record_columns(record), "params": _free(params)}
        case MessageRecord():
            return {**message_record_columns(record), "n": None}  # not every store keeps its place
        case EventRecord(event=event):
            return [record.turn_id, record.index, event.seq, str(event.type), event.json, record.at]


def _once(once: Once | None) -> Any:
    return once and [once.key, once.fingerprint]


def _free(values: Mapping[str, Any]) -> Any:
    return _numbers(encode(values)) if values else None


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
