"""Records → columns, for every store that keeps columns. ``rows`` has the way back for their values.

What is a reference in a row (``bot_id``, ``parent_id`` …) is an id here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from palaver.clock import to_micros
from palaver.conversation import Conversation, Turn
from palaver.stores.orders import Once
from palaver.stores.records import ConversationRecord, KeyRecord, MessageRecord, TurnRecord
from palaver.stores.rows import citations_column, parts_columns, to_json

Columns = Mapping[str, Any]


def once_of(key: str | None, fingerprint: bytes | None) -> Once | None:
    """Return what two columns say of the key that something was made with."""
    return None if key is None or fingerprint is None else Once(key=key, fingerprint=fingerprint)


def key_record_columns(record: KeyRecord) -> Columns:
    """Return the columns of an API key."""
    key = record.key
    return {
        "n": record.place,
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "digest": record.digest,
        "scope": key.scope.value,
        "bot_id": key.bot_id,
        "entity_id": key.entity_id,
        "created_at": to_micros(key.created_at),
        "expires_at": key.expires_at and to_micros(key.expires_at),
        "last_used_at": key.last_used_at and to_micros(key.last_used_at),
        "revoked_at": key.revoked_at and to_micros(key.revoked_at),
    }


def conversation_record_columns(record: ConversationRecord) -> Columns:
    """Return the columns of a conversation."""
    conversation = record.conversation
    return {
        "n": record.place,
        "last_seq": record.last_seq,
        "last_index": record.last_index,
        "deletion": record.deletion,
        "lost_id": record.lost_head_id,
        **_about(conversation),
        **_counted(conversation),
    }


def _about(conversation: Conversation) -> Columns:
    return {
        "id": conversation.id,
        "bot_id": conversation.bot_id,
        "entity_id": conversation.entity and conversation.entity.id,
        "kind": conversation.kind.value,
        "title": conversation.title,
        "status": conversation.status.value,
        "end_reason": conversation.end_reason and conversation.end_reason.value,
        "external_id": conversation.external_id,
        "metadata": to_json(conversation.metadata),
        "rating": conversation.rating,
        "feedback": conversation.feedback,
    }


def _counted(conversation: Conversation) -> Columns:
    return {
        "message_count": conversation.message_count,
        "turn_count": conversation.turn_count,
        "head_id": conversation.head_turn_id,
        "running_id": conversation.running_turn_id,
        "started_at": to_micros(conversation.started_at),
        "last_activity_at": to_micros(conversation.last_activity_at),
        "ended_at": conversation.ended_at and to_micros(conversation.ended_at),
        "deleted_at": conversation.deleted_at and to_micros(conversation.deleted_at),
        "version": conversation.version,
    }


def turn_record_columns(record: TurnRecord) -> Columns:
    """Return the columns of a turn."""
    return {
        "n": record.place,
        "key": record.once and record.once.key,
        "fingerprint": record.once and record.once.fingerprint,
        "params": to_json(record.params) if record.params else None,
        "queued": int(record.queued),
        "interrupting": int(record.interrupting),
        "owner": record.owner,
        "fence": record.fence,
        "lease_micros": record.lease_micros,
        "lease_until": record.lease_until,
        "stop_reason": record.stop_reason and record.stop_reason.value,
        "last_seq": record.last_seq,
        "deleted_at": record.deleted_at and to_micros(record.deleted_at),
        "origin_id": record.origin_id,
        **_state(record.turn),
        **_use(record.turn),
    }


def _state(turn: Turn) -> Columns:
    return {
        "id": turn.id,
        "conversation_id": turn.conversation_id,
        "idx": turn.index,
        "parent_id": turn.parent_id,
        "status": turn.status.value,
        "reason": turn.reason and turn.reason.value,
        "error_code": turn.error and turn.error.code,
        "error_message": turn.error and turn.error.message,
        "model": turn.model,
        "question_id": turn.user_message_id,
        "answer_id": turn.message_id,
    }


def _use(turn: Turn) -> Columns:
    return {
        "input_tokens": turn.usage.input_tokens,
        "output_tokens": turn.usage.output_tokens,
        "cost_micro": turn.usage.cost_micro,
        "context_messages": turn.context and turn.context.history_messages,
        "context_chunks": turn.context and turn.context.chunks,
        "context_tokens": turn.context and turn.context.tokens,
        "created_at": to_micros(turn.created_at),
        "started_at": turn.started_at and to_micros(turn.started_at),
        "first_token_at": turn.first_token_at and to_micros(turn.first_token_at),
        "finished_at": turn.finished_at and to_micros(turn.finished_at),
    }


def message_record_columns(record: MessageRecord) -> Columns:
    """Return the columns of a message."""
    message = record.message
    text, parts = parts_columns(message.parts)
    return {
        "n": record.place,
        "id": message.id,
        "conversation_id": message.conversation_id,
        "turn_id": message.turn_id,
        "seq": message.seq,
        "role": message.role.value,
        "text": text,
        "parts": parts,
        "citations": citations_column(message.citations),
        "rating": message.rating,
        "feedback": message.feedback,
        "on_path": int(record.on_path),
        "created_at": to_micros(message.created_at),
        "deleted_at": record.deleted_at and to_micros(record.deleted_at),
    }
