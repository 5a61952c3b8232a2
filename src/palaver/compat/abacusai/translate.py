"""From conversations and messages to the shapes that clients build their objects of. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from palaver.conversation import Conversation, ConversationStatus, ImagePart, Message, Role, Turn, TurnStatus
from palaver.document import Citation, Document, DocumentSource
from palaver.errors import (
    Conflict,
    FeatureAbsent,
    Forbidden,
    InvalidInput,
    Limited,
    ModelError,
    NameTaken,
    NotFound,
    PalaverError,
    Unauthenticated,
)
from palaver.events import Event, EventType, dumps
from palaver.jsonable import decode

Shape = dict[str, Any]

USEFUL, NOT_USEFUL = 5, 1
"""The ratings of a message that was found useful, and of one that was not. 4 counts as useful, 2 as not."""
ROLES: Mapping[Role, str] = {Role.USER: "USER", Role.ASSISTANT: "BOT"}

_TYPES_OF_CODES: Mapping[str, str] = {
    "missing_field": "MissingParameterError",
    "empty_message": "MissingParameterError",
    "method_not_allowed": "MethodNotAllowed",
    "request_timeout": "RequestTimeoutError",
}
_TYPES: Sequence[tuple[type[PalaverError], str]] = (
    (Unauthenticated, "GenericPermissionDeniedError"),
    (Forbidden, "PermissionDeniedError"),
    (NotFound, "DataNotFoundError"),
    (NameTaken, "AlreadyExistsError"),
    (Conflict, "ConflictError"),
    (Limited, "TooManyRequestsError"),
    (FeatureAbsent, "InvalidRequest"),
    (ModelError, "FailedDependencyError"),
)


def error_type(error: PalaverError, status: int) -> str:
    """Return the name of the exception that a client raises."""
    if error.code in _TYPES_OF_CODES:
        return _TYPES_OF_CODES[error.code]
    if isinstance(error, InvalidInput):
        return "InvalidParameterError" if status == 422 else "InvalidRequest"
    return next((name for kind, name in _TYPES if isinstance(error, kind)), "InternalServerError")


def failure(error: PalaverError, status: int) -> Shape:
    """Return an error as the envelope that clients look into before they look at the status."""
    return {"success": False, "error": error.message, "errorType": error_type(error, status)}


def moment(value: datetime) -> str:
    """Return ``2026-01-31T12:00:00+00:00``, as their service writes it."""
    return value.isoformat(timespec="seconds")


def is_useful(rating: int | None) -> bool | None:
    """Return whether a rating of 1–5 finds a message useful; None for 3 and for none."""
    return None if rating is None or rating == 3 else rating > 3


def segments(message: Message) -> list[Shape]:
    """Return the text of a message as a list of one segment, or of none where it is empty."""
    return [{"type": "text", "text": message.text, "segment": message.text}] if message.text else []


def _images(message: Message) -> list[str]:
    return [part.attachment_id for part in message.parts if isinstance(part, ImagePart)]


def chat_message(message: Message) -> Shape:
    """Return a message of a chat session."""
    return {
        "role": ROLES[message.role],
        "text": segments(message),
        "timestamp": moment(message.created_at),
        "isUseful": is_useful(message.rating),
        "feedback": message.feedback,
        "docIds": _images(message) or None,
    }


def building_task(document: Document) -> Shape:
    """Return the work on a document, or on what a bot is trained on, as the task that comes next."""
    if document.source is DocumentSource.TRAINING:
        return {"task": "Train on past conversations", "taskType": "training"}
    return {"task": f"Make {document.title} ready", "taskType": "document"}


def newest_answer(messages: Sequence[Message]) -> str | None:
    """Return the text of the last answer that has one."""
    return next((each.text for each in reversed(messages) if each.role is Role.ASSISTANT and each.text), None)


def chat_session(conversation: Conversation, messages: Sequence[Message] | None, unready: Sequence[Document]) -> Shape:
    """Return a conversation as a chat session; with no history where ``messages`` are None, as in lists.

    ``unready`` are the documents of its bot that are still worked on, the next one first.
    """
    shape: Shape = {
        "chatSessionId": conversation.id,
        "projectId": conversation.bot_id,
        "name": conversation.title,
        "createdAt": moment(conversation.started_at),
        "status": conversation.status.value,
        "aiBuildingInProgress": bool(unready),
        "nextAiBuildingTask": building_task(unready[0]) if unready else None,
    }
    if messages is not None:
        shape |= {"answer": newest_answer(messages), "chatHistory": [chat_message(each) for each in messages]}
    return shape


def _error_of(message: Message) -> str | None:
    return f"The answer ended {message.status}." if message.status in _BROKEN else None


_BROKEN = frozenset({TurnStatus.FAILED, TurnStatus.INTERRUPTED})


def event(index: int, message: Message) -> Shape:
    """Return a message of a deployment conversation."""
    return {
        "role": ROLES[message.role],
        "text": message.text,
        "timestamp": moment(message.created_at),
        "messageIndex": index,
        "regenerateAttempt": 0,
        "isUseful": is_useful(message.rating),
        "feedback": message.feedback,
        "docInfos": [{"docId": each} for each in _images(message)] or None,
        "searchResults": [cited(each) for each in message.citations] or None,
        "segments": segments(message),
        "error": _error_of(message),
        "llmDisplayName": message.model,
    }


def cited(citation: Citation) -> Shape:
    """Return what an answer quotes as a search result."""
    return {
        "document": citation.document_id,
        "title": citation.title,
        "answer": citation.quote,
        "score": citation.score,
    }


def deployment_conversation(
    conversation: Conversation, events: Sequence[tuple[int, Message]] | None, total: int | None = None
) -> Shape:
    """Return a conversation as a deployment conversation; with no history where ``events`` are None, as in lists.

    ``events`` are messages with their indices, ``total`` is how many there are on the path.
    """
    shape: Shape = {
        "deploymentConversationId": conversation.id,
        "name": conversation.title,
        "deploymentId": conversation.bot_id,
        "ownerUserId": conversation.entity and conversation.entity.id,
        "createdAt": moment(conversation.started_at),
        "lastEventCreatedAt": moment(conversation.last_activity_at),
        "hasHistory": conversation.message_count > 0,
        "externalSessionId": conversation.external_id,
        "externalApplicationId": conversation.metadata.get(EXTERNAL_APPLICATION),
        "metadata": dict(conversation.metadata),
        "totalEvents": conversation.message_count if total is None else total,
        "isArchived": conversation.status is ConversationStatus.ARCHIVED,
    }
    if events is not None:
        shape["history"] = [event(index, message) for index, message in events]
    return shape


EXTERNAL_APPLICATION = "externalApplicationId"
"""In the metadata of a conversation: the application that it was created for."""


def spoken(*, is_user: bool, text: str) -> Shape:
    """Return a message as the two answering calls write it."""
    return {"is_user": is_user, "text": text}


def conversation_response(conversation: Conversation, messages: Sequence[Message]) -> Shape:
    """Return the whole conversation once it was answered."""
    results = [
        {"msgId": index, "results": [cited(each) for each in message.citations]}
        for index, message in enumerate(messages)
        if message.citations
    ]
    return {
        "deploymentConversationId": conversation.id,
        "externalSessionId": conversation.external_id,
        "messages": [spoken(is_user=each.role is Role.USER, text=each.text) for each in messages],
        "searchResults": results,
    }


def chat_response(said: Sequence[Shape], answer: str, found: Sequence[Shape]) -> Shape:
    """Return the client's own messages with the answer behind them."""
    results = [{"msgId": len(said), "results": list(found)}] if found else []
    return {"messages": [*said, spoken(is_user=False, text=answer)], "searchResults": results}


def line(shape: Shape) -> bytes:
    """Return one line of a stream."""
    return dumps(shape).encode() + b"\n"


def streamed(happened: Event, *, with_results: bool) -> Shape | None:
    """Return what a stream tells of an event of a turn; None: nothing."""
    if happened.type == EventType.TEXT_DELTA:
        return {"type": "text", "segment": happened.text}
    if happened.type == EventType.RETRIEVAL_DONE and with_results:
        return {"type": "searchResults", "searchResults": results_of(happened)}
    return None


def results_of(found: Event) -> list[Shape]:
    """Return what was found for a question."""
    return [cited(decode(Citation, each)) for each in found.data["citations"]]


def stream_end(conversation: Conversation | None, last: Event) -> Shape:
    """Return the last line of a stream: how it ended, and which conversation and message it was, if it is kept."""
    turn = decode(Turn, last.data["turn"])
    if conversation is None:
        return {"end": True, **outcome(turn)}
    return {
        "end": True,
        **outcome(turn),
        "deploymentConversationId": conversation.id,
        "externalSessionId": conversation.external_id,
        "messageId": turn.message_id,
    }


def outcome(turn: Turn) -> Shape:
    """Return whether a turn was completed, or else why not."""
    if turn.status is TurnStatus.COMPLETED:
        return {"success": True}
    if turn.error is not None:
        return failure(ModelError(turn.error.message, code=turn.error.code), 502)
    return failure(ModelError(f"The answer was interrupted: {turn.reason}."), 502)
