"""Values as Knowrithm's clients read them. Every id is the thing's own, whatever it is called here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from palaver.bot import Bot
from palaver.compat.knowrithm.answers import Record
from palaver.conversation import Conversation, Message, Turn, TurnStatus
from palaver.document import Chunk, Citation, Document, DocumentStatus, Hit
from palaver.entity import Entity, EntityType
from palaver.jsonable import encode
from palaver.results import Reply
from palaver.tenant import ApiKey, Scope

CONTEXT_LENGTH = "max_context_length"
"""Under which key of its metadata a conversation keeps how many tokens its model is given at most."""
STATUS = "status"
"""Under which key of their metadata agents and leads keep their status, a word of the caller's."""

_DOCUMENT_STATUS: Mapping[DocumentStatus, str] = {DocumentStatus.READY: "processed"}
_SCOPES: Mapping[str, Scope] = {
    "read": Scope.READ,
    "write": Scope.WRITE,
    "update": Scope.WRITE,
    "delete": Scope.WRITE,
    "admin": Scope.ADMIN,
    "full_access": Scope.ADMIN,
}
_GRANTED: Mapping[Scope, tuple[str, ...]] = {
    Scope.READ: ("read",),
    Scope.WRITE: ("read", "write", "update", "delete"),
    Scope.ADMIN: ("read", "write", "update", "delete", "admin", "full_access"),
}


def with_copy(name: str, record: Record) -> Record:
    """Return a record with itself under a name: some clients read ``['id']``, others ``['conversation']['id']``."""
    return {**record, name: record}


def conversation_record(conversation: Conversation) -> Record:
    """Return a conversation."""
    entity = conversation.entity
    metadata = dict(conversation.metadata)
    return {
        "id": conversation.id,
        "agent_id": conversation.bot_id,
        "entity_type": (EntityType.USER if entity is None else entity.type).value,
        "entity_id": None if entity is None else entity.id,
        "lead_id": entity.id if entity is not None and entity.type is EntityType.LEAD else None,
        "status": conversation.status.value if conversation.deleted_at is None else "deleted",
        "title": conversation.title,
        "message_count": conversation.message_count,
        "rating": conversation.rating,
        "satisfaction_rating": conversation.rating,
        "feedback": conversation.feedback,
        "end_reason": encode(conversation.end_reason),
        CONTEXT_LENGTH: metadata.pop(CONTEXT_LENGTH, None),
        "metadata": encode(metadata),
        "started_at": encode(conversation.started_at),
        "ended_at": encode(conversation.ended_at),
        "created_at": encode(conversation.started_at),
        "updated_at": encode(conversation.last_activity_at),
    }


def _source(citation: Citation) -> Record:
    return {
        "document_id": citation.document_id,
        "title": citation.title,
        "content": citation.quote,
        "score": citation.score,
        "rank": citation.rank,
    }


def message_record(message: Message, turn: Turn | None = None) -> Record:
    """Return a message; of an answer whose turn is known, how long it took in seconds."""
    sources = [_source(each) for each in message.citations]
    return {
        "id": message.id,
        "conversation_id": message.conversation_id,
        "role": message.role.value,
        "content": message.text,
        "status": message.status.value,
        "rating": message.rating,
        "feedback": message.feedback,
        "model_used": message.model,
        "processing_time": None if turn is None else seconds_of(turn),
        "metadata": {"turn_id": message.turn_id, "cited_sources": sources, "all_sources": sources},
        "created_at": encode(message.created_at),
    }


def seconds_of(turn: Turn) -> float | None:
    """Return how long a turn ran, once it has ended."""
    if turn.started_at is None or turn.finished_at is None:
        return None
    return round((turn.finished_at - turn.started_at).total_seconds(), 3)


def why_not(turn: Turn) -> str | None:
    """Return in a sentence why a turn that has ended is no whole answer; None where it is one."""
    if turn.status is TurnStatus.COMPLETED:
        return None
    if turn.error is not None:
        return turn.error.message
    return f"The answer was interrupted ({turn.reason})."


def reply_record(reply: Reply) -> Record:
    """Return an answer as every generation reads it: flat, as ``response``, and behind its question in two lists."""
    record = message_record(reply.message, reply.turn)
    question = reply.user_message
    asked = "" if question is None else question.text
    return {
        **record,
        "message_id": record["id"],
        "response": reply.text,
        "messages": [*([] if question is None else [message_record(question)]), record],
        "history": [{"user_message": asked, "assistant_response": reply.text}],
    }


def agent_record(bot: Bot) -> Record:
    """Return an agent: what was kept of it, and over it what it is."""
    provider, _, model = bot.model.partition(":")
    return {
        STATUS: "active",
        "description": None,
        **encode(bot.metadata),
        "id": bot.id,
        "name": bot.name,
        "instructions": bot.instructions,
        "llm_provider": provider if model else None,
        "llm_model": model or bot.model,
        "llm_temperature": bot.params.get("temperature"),
        "llm_max_tokens": bot.params.get("max_tokens"),
        "idle_timeout_minutes": bot.idle_timeout_minutes,
        "metadata": encode(bot.metadata),
        "created_at": encode(bot.created_at),
        "updated_at": encode(bot.updated_at),
    }


def lead_record(entity: Entity) -> Record:
    """Return a lead."""
    return {
        STATUS: "new",
        "first_name": None,
        "last_name": None,
        "phone": None,
        "notes": None,
        **encode(entity.metadata),
        "id": entity.id,
        "name": entity.name,
        "email": entity.email,
        "metadata": encode(entity.metadata),
        "created_at": encode(entity.created_at),
        "updated_at": encode(entity.updated_at),
    }


def document_record(document: Document) -> Record:
    """Return a document. Its status is ``pending``, ``processing``, ``processed`` or ``failed``."""
    return {
        "id": document.id,
        "agent_id": document.bot_id,
        "name": document.title,
        "filename": document.title,
        "url": document.url,
        "type": document.media_type,
        "size": document.size_bytes,
        STATUS: _DOCUMENT_STATUS.get(document.status, document.status.value),
        "error_message": None if document.error is None else document.error.message,
        "chunk_count": document.chunk_count,
        "version": document.version,
        "metadata": encode(document.metadata),
        "created_at": encode(document.created_at),
        "updated_at": encode(document.updated_at),
    }


def document_status(word: str) -> DocumentStatus:
    """Return the status that a word of theirs or ours stands for. Raises ``ValueError``."""
    theirs = {name: status for status, name in _DOCUMENT_STATUS.items()}
    return theirs.get(word) or DocumentStatus(word)


def chunk_record(chunk: Chunk) -> Record:
    """Return a chunk. Its id names its document, the version and its number."""
    return {
        "id": f"{chunk.document_id}:{chunk.version}:{chunk.ordinal}",
        "document_id": chunk.document_id,
        "chunk_index": chunk.ordinal,
        "content": chunk.text,
        "page": chunk.page,
        "heading": chunk.heading,
    }


def hit_record(hit: Hit) -> Record:
    """Return a chunk that was found."""
    return {**chunk_record(hit.chunk), "document_title": hit.title, "score": hit.score, "rank": hit.rank}


def key_record(key: ApiKey) -> Record:
    """Return a key, without its secret."""
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix.replace("pk_", "ak_", 1),
        "company_id": key.tenant_id,
        "scopes": list(granted(key.scope)),
        "is_active": key.revoked_at is None,
        "created_at": encode(key.created_at),
        "last_used_at": encode(key.last_used_at),
        "expires_at": encode(key.expires_at),
        "revoked_at": encode(key.revoked_at),
    }


def granted(scope: Scope) -> tuple[str, ...]:
    """Return the scopes, in their words, that a scope of ours holds."""
    return _GRANTED.get(scope, _GRANTED[Scope.ADMIN])


def scope_of(words: Sequence[str]) -> Scope:
    """Return the least scope that holds all of these. Raises ``ValueError`` for an unknown word."""
    wanted = {_known(word) for word in words}
    return next(scope for scope in (Scope.ADMIN, Scope.WRITE, Scope.READ) if scope in wanted)


def _known(word: str) -> Scope:
    if word not in _SCOPES:
        raise ValueError(f"One of: {', '.join(_SCOPES)}.")
    return _SCOPES[word]


def lead_fields(said: Mapping[str, Any], further: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said of a lead as fields of an entity: parts of a name are kept, and make the name."""
    kept = {part: said[part] for part in ("first_name", "last_name", "agent_id") if said.get(part) is not None}
    fields = {name: said[name] for name in ("name", "email") if said.get(name) is not None}
    names = [kept[part] for part in ("first_name", "last_name") if part in kept]
    if names and "name" not in fields:
        fields["name"] = " ".join(names)
    metadata = {**further, **(said.get("metadata") or {}), **kept}
    return {**fields, "metadata": metadata} if metadata else fields
