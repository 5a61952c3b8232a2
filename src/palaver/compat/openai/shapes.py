"""From our values to the objects of this client. Pure: what is told of a stored turn is a function of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from palaver.bot import Bot
from palaver.compat.endings import check_whole, was_willed
from palaver.conversation import (
    Conversation,
    ImagePart,
    InterruptReason,
    Message,
    ReasoningPart,
    Role,
    TextPart,
    Turn,
    TurnStatus,
    Usage,
)
from palaver.document import Citation

OWNER = "palaver"
_STATUS: Mapping[TurnStatus, str] = {
    TurnStatus.QUEUED: "queued",
    TurnStatus.RUNNING: "in_progress",
    TurnStatus.COMPLETED: "completed",
    TurnStatus.FAILED: "failed",
}
_ITEM_STATUS: Mapping[TurnStatus, str] = {
    TurnStatus.QUEUED: "in_progress",
    TurnStatus.RUNNING: "in_progress",
    TurnStatus.COMPLETED: "completed",
}


def seconds(time: datetime) -> int:
    """Return a time in whole seconds since 1970."""
    return int(time.timestamp())


def model(bot: Bot) -> dict[str, Any]:
    """A bot as a model. ``name`` is beyond the client's own fields."""
    created = seconds(bot.created_at)
    return {"id": bot.id, "object": "model", "created": created, "owned_by": OWNER, "name": bot.name}


def conversation(value: Conversation) -> dict[str, Any]:
    """A conversation."""
    made = seconds(value.started_at)
    return {"id": value.id, "object": "conversation", "created_at": made, "metadata": value.metadata}


def listed(rows: Sequence[Mapping[str, Any]], *, has_more: bool, last_id: str | None = None) -> dict[str, Any]:
    """A list; ``last_id`` is what leads behind it."""
    first, last = (rows[0]["id"], rows[-1]["id"]) if rows else ("", "")
    return {"object": "list", "data": rows, "first_id": first, "last_id": last_id or last, "has_more": has_more}


def item(message: Message) -> dict[str, Any]:
    """A message as an item of a conversation."""
    content = [_output_text(message)] if message.role is Role.ASSISTANT else [*_inputs(message)]
    return {
        "id": message.id,
        "type": "message",
        "role": message.role.value,
        "status": _ITEM_STATUS.get(message.status, "incomplete"),
        "content": content,
    }


def _inputs(message: Message) -> Sequence[Mapping[str, Any]]:
    shown = []
    for part in message.parts:
        match part:
            case TextPart():
                shown.append({"type": "input_text", "text": part.text})
            case ImagePart():
                shown.append({"type": "input_image", "detail": "auto", "file_id": part.attachment_id})
    return shown


def _output_text(message: Message) -> dict[str, Any]:
    return output_text(message.text, message.citations)


def output_text(text: str, cited: Sequence[Citation] = ()) -> dict[str, Any]:
    """An answer's text with what it cites."""
    return {"type": "output_text", "text": text, "annotations": file_citations(text, cited), "logprobs": []}


def file_citations(text: str, cited: Sequence[Citation]) -> list[dict[str, Any]]:
    """What an answer cites: the documents, each at the place of its mark, or at the end where it has none."""
    return [
        {
            "type": "file_citation",
            "file_id": each.document_id,
            "filename": each.title,
            "index": at if (at := text.find(f"[{each.rank}]")) >= 0 else len(text),
        }
        for each in cited
    ]


def reasoning_item(message_id: str, number: int, text: str, status: str) -> dict[str, Any]:
    """What was thought aloud for an answer, for the first, second … time."""
    return {
        "id": f"rs_{message_id.removeprefix('msg_')}_{number}",
        "type": "reasoning",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": text}],
        "status": status,
    }


def message_item(message_id: str, content: Sequence[Mapping[str, Any]], status: str) -> dict[str, Any]:
    """An answer as an item of a response."""
    return {"id": message_id, "type": "message", "role": "assistant", "status": status, "content": [*content]}


def output(answer: Message) -> list[dict[str, Any]]:
    """The items of a response, in the order in which they began: each thought, and the whole text. Nothing was said: none."""
    status = _ITEM_STATUS.get(answer.status, "incomplete")
    items: list[dict[str, Any]] = []
    thoughts, spoken = 0, False
    for number, part in enumerate(answer.parts, 1):
        if isinstance(part, ReasoningPart):
            thoughts += 1
            is_over = number < len(answer.parts)
            items.append(reasoning_item(answer.id, thoughts, part.text, "completed" if is_over else status))
        elif isinstance(part, TextPart) and not spoken:
            spoken = True
            items.append(message_item(answer.id, [_output_text(answer)], status))
    return items


def response(turn: Turn, answer: Message | None, bot_id: str) -> dict[str, Any]:
    """A turn as a response. Of an aside nothing is kept, so it is in no conversation."""
    return {
        "id": turn.id,
        "object": "response",
        "created_at": seconds(turn.created_at),
        "completed_at": _completed_at(turn),
        "status": status_of(turn),
        "background": None,
        "conversation": {"id": turn.conversation_id} if turn.conversation_id else None,
        "previous_response_id": turn.parent_id,
        "error": _error(turn),
        "incomplete_details": _incomplete(turn),
        "instructions": None,
        "max_output_tokens": None,
        "metadata": turn.metadata,
        "model": bot_id,
        "output": [] if answer is None else output(answer),
        "parallel_tool_calls": False,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "none",
        "tools": [],
        "top_p": None,
        "truncation": "auto",
        "usage": _response_usage(turn.usage) if turn.status.is_terminal else None,
    }


def status_of(turn: Turn) -> str:
    """A response's status. An answer that somebody stopped is ``cancelled``, one that broke off ``incomplete``."""
    if turn.status is TurnStatus.INTERRUPTED:
        return "cancelled" if was_willed(turn) else "incomplete"
    return _STATUS[turn.status]


def _completed_at(turn: Turn) -> int | None:
    ended = turn.status is TurnStatus.COMPLETED and turn.finished_at is not None
    return seconds(turn.finished_at) if ended and turn.finished_at else None


def _error(turn: Turn) -> dict[str, Any] | None:
    if turn.status is not TurnStatus.FAILED:
        return None
    limited = turn.error is not None and turn.error.code == "provider_rate_limited"
    said = turn.error.message if turn.error else "The turn failed."
    return {"code": "rate_limit_exceeded" if limited else "server_error", "message": said}


def _incomplete(turn: Turn) -> dict[str, Any] | None:
    if status_of(turn) != "incomplete":
        return None
    return {"reason": "max_output_tokens" if turn.reason is InterruptReason.LIMIT else None}


def _response_usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def completion_usage(usage: Usage) -> dict[str, Any]:
    """Tokens as chat completions count them."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def finish_reason(turn: Turn) -> str:
    """Why a completion ended. Raises ``ModelError`` where it has no whole answer: there is no word for that."""
    if turn.reason is InterruptReason.LIMIT:
        return "length"
    check_whole(turn)
    return "stop"


def completion(turn: Turn, answer: Message, bot_id: str) -> dict[str, Any]:
    """A turn that has ended as a chat completion. ``conversation_id``, ``reasoning_content`` and ``citations`` are beyond its own fields.

    Raises:
        ModelError: It has no whole answer.
    """
    said: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None, "annotations": []}
    if thought := "".join(part.text for part in answer.parts if isinstance(part, ReasoningPart)):
        said["reasoning_content"] = thought
    if answer.citations:
        said["citations"] = file_citations(answer.text, answer.citations)
    choice = {"index": 0, "message": said, "finish_reason": finish_reason(turn), "logprobs": None}
    return {
        "id": turn.id,
        "object": "chat.completion",
        "created": seconds(turn.created_at),
        "model": bot_id,
        "choices": [choice],
        "usage": completion_usage(turn.usage),
        **({"conversation_id": turn.conversation_id} if turn.conversation_id else {}),
    }
