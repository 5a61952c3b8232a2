r"""A turn's events in the two forms in which Knowrithm's clients read a stream. Either is told by the events alone.

``chat_status``, ``chat_delta`` and ``chat_response`` are the events of the releases from 0.1.10 on, which read a
conversation's stream after the message was sent. The guide before them shows one request whose answer is ``data:`` lines
with pieces of text; the last line has no text: its readers print whatever ``content`` there is.

The parser of the releases cuts lines at U+2028, U+0085 and the like, takes a comment with a blank line behind it for an
event, and reads Latin-1 where no charset is named: data are ASCII, a heartbeat is one line, lines end with ``\n`` alone.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from palaver.compat.knowrithm.answers import Record
from palaver.compat.knowrithm.translate import message_record, why_not
from palaver.conversation import Message, Turn
from palaver.events import Event, EventType, dumps
from palaver.jsonable import decode

PING = b": ping\n"

_STATUS = {EventType.TURN_QUEUED: "queued", EventType.TURN_ACCEPTED: "in_progress"}

Frame = Callable[[Event], str]


class ChatEvents:
    """The events of a conversation's stream, in their order from the first one on."""

    def __init__(self, conversation_id: str) -> None:
        self._about: Record = {"conversation_id": conversation_id}

    def frame(self, event: Event) -> str:
        """Return what is sent for an event; nothing for most of those that have no text."""
        if event.is_terminal:
            return _named("chat_response", self._response(event.data))
        if event.type == EventType.TEXT_DELTA:
            return _named("chat_delta", {**self._about, "content": event.text})
        if event.type not in _STATUS:
            return ""
        self._about["message_id"] = event.data["message_id"]
        return _named("chat_status", {**self._about, "status": _STATUS[EventType(event.type)]})

    def _response(self, data: dict[str, Any]) -> Record:
        turn, answer = _ended(data)
        error = why_not(turn)
        failed = {} if error is None else {"error": error}
        message = None if answer is None else message_record(answer, turn)
        return {**self._about, "status": "failed" if failed else "completed", "message": message, **failed}


def piece(event: Event) -> Record | None:
    """Return an event as a chunk of the guide: ``content``, and at the end ``done`` and where the answer is."""
    if event.type == EventType.TEXT_DELTA:
        return {"content": event.text}
    if not event.is_terminal:
        return None
    turn, _ = _ended(event.data)
    error = why_not(turn)
    failed = {} if error is None else {"error": error}
    return {"done": True, "conversation_id": turn.conversation_id, "message_id": turn.message_id, **failed}


def piece_frame(event: Event) -> str:
    """Return an event as a line of the guide's stream."""
    chunk = piece(event)
    return "" if chunk is None else f"data: {dumps(chunk)}\n\n"


def _named(name: str, data: Record) -> str:
    return f"event: {name}\ndata: {dumps(data)}\n\n"


def _ended(data: dict[str, Any]) -> tuple[Turn, Message | None]:
    message = data["message"]
    return decode(Turn, data["turn"]), None if message is None else decode(Message, message)


async def framed(events: AsyncGenerator[Event, None], frame: Frame) -> AsyncGenerator[bytes, None]:
    """Yield what is sent for events; ``events`` are closed when the reader leaves."""
    async with aclosing(events):
        async for event in events:
            said = frame(event)
            if said:
                yield said.encode("ascii")


async def nothing() -> AsyncGenerator[bytes, None]:
    """The stream of a conversation in which nothing was said."""
    pieces: tuple[bytes, ...] = ()
    for each in pieces:
        yield each
