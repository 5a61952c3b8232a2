"""Rows → values and back, for every store that keeps columns. The order of the fields is that of the ``*_columns`` parts of
its queries."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from palaver.attachment import Attachment
from palaver.bot import Bot
from palaver.clock import from_micros, to_micros
from palaver.conversation import (
    PART_TYPES,
    ContextUse,
    Conversation,
    ConversationStatus,
    EndReason,
    InterruptReason,
    Kind,
    ListedTurn,
    Message,
    Part,
    Role,
    TextPart,
    Turn,
    TurnError,
    TurnStatus,
    Usage,
    Utterance,
    text_of,
)
from palaver.document import Citation
from palaver.entity import Entity, EntityType
from palaver.events import Event
from palaver.jsonable import decode, encode
from palaver.stores.knowledge_orders import BotIndex
from palaver.tenant import ApiKey, Scope, Tenant

Row = Sequence[Any]
BOT_WIDTH = 14
ENTITY_WIDTH = 9
TURN_WIDTH = 22
MESSAGE_WIDTH = 13


def to_json(value: Any) -> str:
    """Return compact JSON of a value."""
    return json.dumps(encode(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def parts_columns(parts: tuple[Part, ...]) -> tuple[str, str | None]:
    """Return the columns ``text`` and ``parts``: one text part, or none, needs no JSON."""
    if not parts:
        return "", None
    if len(parts) == 1 and isinstance(parts[0], TextPart) and parts[0].text:
        return parts[0].text, None
    return text_of(parts), to_json(parts)


def citations_column(citations: tuple[Citation, ...]) -> str | None:
    """Return the column ``citations``."""
    return to_json(citations) if citations else None


def _parts(text: str, parts: str | None) -> tuple[Part, ...]:
    if parts is None:
        return (TextPart(text=text),) if text else ()
    return tuple(decode(PART_TYPES[raw["type"]], raw) for raw in json.loads(parts))


def tenant_of(row: Row) -> Tenant:
    """``tenants.id, created_at``"""
    return Tenant(id=row[0], created_at=from_micros(row[1]))


def key_of(row: Row) -> ApiKey:
    """``{key_columns}``"""
    key_id, tenant_id, name, prefix, scope, bot_id, entity_id, created, expires, used, revoked = row
    return ApiKey(
        id=key_id,
        tenant_id=tenant_id,
        name=name,
        prefix=prefix,
        scope=Scope(scope),
        bot_id=bot_id,
        entity_id=entity_id,
        created_at=from_micros(created),
        expires_at=None if expires is None else from_micros(expires),
        last_used_at=None if used is None else from_micros(used),
        revoked_at=None if revoked is None else from_micros(revoked),
    )


def bot_of(row: Row) -> Bot:
    """``{bot_columns}``"""
    bot_id, name, instructions, model, params, retrieval, idle, widget, metadata, *made, version, _ = row
    created, updated, deleted = made
    return Bot(
        id=bot_id,
        name=name,
        instructions=instructions,
        model=model,
        params=json.loads(params),
        retrieval=json.loads(retrieval),
        idle_timeout_minutes=idle,
        widget=None if widget is None else json.loads(widget),
        metadata=json.loads(metadata),
        created_at=from_micros(created),
        updated_at=from_micros(updated),
        deleted_at=None if deleted is None else from_micros(deleted),
        version=version,
    )


def index_of(row: Row) -> BotIndex:
    """``{index_columns}``"""
    return BotIndex(revision=row[0], embedding=row[1])


def entity_of(row: Row) -> Entity:
    """``{entity_columns}``"""
    entity_id, kind, external_id, name, email, metadata, created, updated, version = row
    return Entity(
        id=entity_id,
        type=EntityType(kind),
        external_id=external_id,
        name=name,
        email=email,
        metadata=json.loads(metadata),
        created_at=from_micros(created),
        updated_at=from_micros(updated),
        version=version,
    )


def conversation_of(row: Row) -> Conversation:
    """``{conversation_columns}``, which end with ``{entity_columns}``"""
    conversation_id, bot_id, kind, title, status, end_reason, external_id, metadata, rating, feedback = row[:10]
    messages, turns, head_id, running_id, started, active, ended, deleted, version = row[10:19]
    entity = row[19 : 19 + ENTITY_WIDTH]
    return Conversation(
        id=conversation_id,
        bot_id=bot_id,
        kind=Kind(kind),
        title=title,
        status=ConversationStatus(status),
        end_reason=None if end_reason is None else EndReason(end_reason),
        entity=None if entity[0] is None else entity_of(entity),
        external_id=external_id,
        metadata=json.loads(metadata),
        rating=rating,
        feedback=feedback,
        message_count=messages,
        turn_count=turns,
        head_turn_id=head_id,
        running_turn_id=running_id,
        started_at=from_micros(started),
        last_activity_at=from_micros(active),
        ended_at=None if ended is None else from_micros(ended),
        deleted_at=None if deleted is None else from_micros(deleted),
        version=version,
    )


def turn_of(row: Row) -> Turn:
    """``{turn_columns}``"""
    turn_id, conversation_id, index, parent_id, status, reason, error_code, error_message, model = row[:9]
    question_id, answer_id, input_tokens, output_tokens, cost, messages, chunks, tokens = row[9:17]
    created, started, first_token, finished = row[17:21]
    return Turn(
        id=turn_id,
        conversation_id=conversation_id,
        index=index,
        parent_id=parent_id,
        status=TurnStatus(status),
        reason=None if reason is None else InterruptReason(reason),
        error=None if error_code is None else TurnError(code=error_code, message=error_message),
        model=model,
        user_message_id=question_id,
        message_id=answer_id,
        usage=Usage(input_tokens=input_tokens, output_tokens=output_tokens, cost_micro=cost),
        context=None if tokens is None else ContextUse(history_messages=messages, chunks=chunks, tokens=tokens),
        created_at=from_micros(created),
        started_at=None if started is None else from_micros(started),
        first_token_at=None if first_token is None else from_micros(first_token),
        finished_at=None if finished is None else from_micros(finished),
        metadata=params_of(row).get("metadata", {}),
    )


def params_of(row: Row) -> dict[str, Any]:
    """``{turn_columns}``: the parameters of the turn's own send."""
    params = row[TURN_WIDTH - 1]
    return json.loads(params) if params else {}


def listed_turn_of(row: Row) -> ListedTurn:
    """``{turn_columns}``, its tenant, its bot's id and name"""
    tenant_id, bot_id, bot_name = row[TURN_WIDTH : TURN_WIDTH + 3]
    return ListedTurn.of(turn_of(row), tenant_id=tenant_id, bot_id=bot_id, bot_name=bot_name)


def message_of(row: Row) -> Message:
    """``{message_columns}``; a question is always ``completed`` and no model wrote it"""
    message_id, conversation_id, turn_id, seq, role, text, parts, citations, rating, feedback = row[:10]
    model, status, created = row[10:13]
    answer = role == "assistant"
    return Message(
        id=message_id,
        conversation_id=conversation_id,
        turn_id=turn_id,
        seq=seq,
        role=Role(role),
        parts=_parts(text, parts),
        citations=() if citations is None else tuple(decode(Citation, raw) for raw in json.loads(citations)),
        rating=rating,
        feedback=feedback,
        model=(model or None) if answer else None,
        status=TurnStatus(status) if answer else TurnStatus.COMPLETED,
        created_at=from_micros(created),
    )


def utterances_of(row: Row) -> Iterator[Utterance]:
    """``turns.id, question.text, parts, n, answer.text, parts, n``: the answer, then its question"""
    turn_id, asked, asked_parts, question_n, answered, answered_parts, answer_n = row
    if answer_n is not None:
        yield Utterance(turn_id=turn_id, role=Role.ASSISTANT, parts=_parts(answered, answered_parts))
    if question_n is not None:
        yield Utterance(turn_id=turn_id, role=Role.USER, parts=_parts(asked, asked_parts))


def event_of(row: Row) -> Event:
    """``turn_log.seq, type, data``"""
    return Event(row[0], row[1], row[2])


def attachment_columns(attachment: Attachment) -> dict[str, Any]:
    """Return the columns that hold a reference to bytes."""
    return {
        "id": attachment.id,
        "name": attachment.name,
        "media_type": attachment.media_type,
        "size_bytes": attachment.size_bytes,
        "sha256": attachment.sha256,
        "created_at": to_micros(attachment.created_at),
    }


def attachment_of(row: Row) -> Attachment:
    """``{attachment_columns}``"""
    attachment_id, name, media_type, size_bytes, sha256, created = row
    return Attachment(
        id=attachment_id,
        name=name,
        media_type=media_type,
        size_bytes=size_bytes,
        sha256=sha256,
        created_at=from_micros(created),
    )


def bot_columns(bot: Bot) -> dict[str, Any]:
    """Return the columns that hold a bot."""
    return {
        "id": bot.id,
        "name": bot.name,
        "instructions": bot.instructions,
        "model": bot.model,
        "params": to_json(bot.params),
        "retrieval": to_json(bot.retrieval),
        "idle_timeout_minutes": bot.idle_timeout_minutes,
        "widget": None if bot.widget is None else to_json(bot.widget),
        "metadata": to_json(bot.metadata),
        "created_at": to_micros(bot.created_at),
        "updated_at": to_micros(bot.updated_at),
        "version": bot.version,
    }


def entity_columns(entity: Entity) -> dict[str, Any]:
    """Return the columns that hold an entity."""
    return {
        "id": entity.id,
        "type": entity.type.value,
        "external_id": entity.external_id,
        "name": entity.name,
        "email": entity.email,
        "metadata": to_json(entity.metadata),
        "created_at": to_micros(entity.created_at),
        "updated_at": to_micros(entity.updated_at),
        "version": entity.version,
    }
