"""Kept things → values, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TypedDict

from palaver.attachment import Attachment
from palaver.bot import Bot
from palaver.clock import to_micros
from palaver.conversation import Conversation, Message, Turn
from palaver.document import Document
from palaver.entity import Entity
from palaver.stores.knowledge_rows import document_columns, document_of
from palaver.stores.orders import Once
from palaver.stores.redis.stored import (
    StoredAttachment,
    StoredBot,
    StoredConversation,
    StoredDocument,
    StoredEntity,
    StoredKey,
    StoredMessage,
    StoredTurn,
)
from palaver.stores.rows import (
    ENTITY_WIDTH,
    attachment_columns,
    attachment_of,
    bot_columns,
    bot_of,
    conversation_of,
    entity_columns,
    entity_of,
    key_of,
    message_of,
    turn_of,
)
from palaver.tenant import ApiKey

_NO_ENTITY = (None,) * ENTITY_WIDTH


class OnceFields(TypedDict):
    """The fields that hold what something was made with."""

    key: str | None
    fingerprint: str | None


def once_columns(once: Once | None) -> OnceFields:
    """Return the fields that hold what something was made with."""
    if once is None:
        return {"key": None, "fingerprint": None}
    return {"key": once.key, "fingerprint": once.fingerprint.hex()}


def api_key(kept: StoredKey) -> ApiKey:
    """An API key."""
    about = (kept.id, kept.tenant_id, kept.name, kept.prefix, kept.scope, kept.bot_id, kept.entity_id)
    return key_of((*about, kept.created_at, kept.expires_at, kept.last_used_at, kept.revoked_at))


def bot(kept: StoredBot) -> Bot:
    """A bot."""
    about = (kept.id, kept.name, kept.instructions, kept.model, kept.params, kept.retrieval)
    times = (kept.created_at, kept.updated_at, kept.deleted_at)
    return bot_of((*about, kept.idle_timeout_minutes, kept.widget, kept.metadata, *times, kept.version, kept.n))


def stored_bot(tenant_id: str, n: int, value: Bot, once: Once | None) -> StoredBot:
    """What is kept of a bot."""
    deleted_at = None if value.deleted_at is None else to_micros(value.deleted_at)
    return StoredBot(tenant_id=tenant_id, n=n, **bot_columns(value), deleted_at=deleted_at, **once_columns(once))


def entity(kept: StoredEntity) -> Entity:
    """An entity."""
    return entity_of(_entity_row(kept))


def _entity_row(kept: StoredEntity) -> tuple[object, ...]:
    about = (kept.id, kept.type, kept.external_id, kept.name, kept.email, kept.metadata)
    return (*about, kept.created_at, kept.updated_at, kept.version)


def stored_entity(tenant_id: str, n: int, value: Entity, once: Once | None) -> StoredEntity:
    """What is kept of an entity."""
    return StoredEntity(tenant_id=tenant_id, n=n, **entity_columns(value), **once_columns(once))


def conversation(kept: StoredConversation, of: StoredEntity | None, deleted_at: int | None = None) -> Conversation:
    """A conversation with its entity, if that is still there. ``deleted_at`` is its bot's."""
    about = (kept.id, kept.bot_id, kept.kind, kept.title, kept.status, kept.end_reason, kept.external_id, kept.metadata)
    counted = (kept.rating, kept.feedback, kept.message_count, kept.turn_count, kept.head_id, kept.running_id)
    times = (kept.started_at, kept.last_activity_at, kept.ended_at, kept.deleted_at or deleted_at)
    return conversation_of((*about, *counted, *times, kept.version, *(_entity_row(of) if of else _NO_ENTITY)))


def turn(kept: StoredTurn) -> Turn:
    """A turn."""
    about = (kept.id, kept.conversation_id, kept.index, kept.parent_id, kept.status, kept.reason)
    said = (kept.error_code, kept.error_message, kept.model, kept.question_id, kept.answer_id)
    used = (kept.input_tokens, kept.output_tokens, kept.cost_micro)
    context = (kept.context_messages, kept.context_chunks, kept.context_tokens)
    times = (kept.created_at, kept.started_at, kept.first_token_at, kept.finished_at)
    return turn_of((*about, *said, *used, *context, *times, kept.params))


def message(kept: StoredMessage) -> Message:
    """A message as it is kept: the answer of a running turn is empty."""
    about = (kept.id, kept.conversation_id, kept.turn_id, kept.seq, kept.role, kept.text, kept.parts, kept.citations)
    return message_of((*about, kept.rating, kept.feedback, kept.model, kept.status, kept.created_at))


def attachment(kept: StoredAttachment) -> Attachment:
    """A reference to bytes."""
    about = (kept.id, kept.name, kept.media_type, kept.size_bytes, kept.sha256)
    return attachment_of((*about, kept.created_at))


def stored_attachment(
    tenant_id: str, n: int, value: Attachment, once: Once | None, *, used: bool = False
) -> StoredAttachment:
    """What is kept of a reference to bytes."""
    return StoredAttachment(tenant_id=tenant_id, n=n, **attachment_columns(value), used=used, **once_columns(once))


def document(kept: StoredDocument) -> Document:
    """A document."""
    about = (kept.id, kept.bot_id, kept.title, kept.source, kept.media_type, kept.url, kept.status)
    failure = (kept.error_code, kept.error_message)
    content = (kept.version, kept.ready_version, kept.size_bytes, kept.sha256, kept.chunk_count, kept.metadata)
    times = (kept.created_at, kept.updated_at, kept.ready_at, kept.deleted_at)
    return document_of((*about, *failure, *content, *times))


def stored_document(tenant_id: str, n: int, value: Document, once: Once | None) -> StoredDocument:
    """What is kept of a new document."""
    columns = document_columns(value)
    return StoredDocument(tenant_id=tenant_id, n=n, bot_id=value.bot_id, **columns, **once_columns(once))


def with_document(kept: StoredDocument, value: Document) -> StoredDocument:
    """What is kept of a document that has changed."""
    return replace(kept, **document_columns(value))
