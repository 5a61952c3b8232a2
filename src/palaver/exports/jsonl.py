"""Everything that is told of a conversation, a JSON object a line: the format to keep, and to import (``imports``).

The first line names the schema. Then comes, once each and before it is referred to: a ``bot``, a ``conversation`` (with its
entity), and in the order of what was said its ``turn``, ``attachment`` (with its bytes in base64) and ``message`` lines, of
every branch. An object has the fields of the HTTP API, but for those that follow from others: how much there is, and which
turn is the head (that of the last message ``on_path``). Left out is what is no history: idempotency keys, event logs,
deleted things, and turns that have not ended.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from typing import Any

from palaver.attachment import Attachment
from palaver.conversation import Conversation, FilePart, ImagePart, Message
from palaver.events import dumps
from palaver.exports.chapter import Chapter
from palaver.jsonable import encode

SCHEMA = "palaver.export"
SCHEMA_VERSION = 1
"""Grows when a reader of the one before would lose something."""
DERIVED = ("message_count", "turn_count", "head_turn_id", "running_turn_id", "deleted_at")
"""Fields of a conversation that follow from its lines."""
_CONTENT_BYTES = 3 * 16 * 1024


class JsonlWriter:
    """See ``base.Writer``."""

    def __init__(self) -> None:
        self._bots: set[str] = set()

    def begin(self, title: str) -> bytes:  # noqa: ARG002  # what is kept has no title
        """The schema."""
        return _line("schema", {"name": SCHEMA, "version": SCHEMA_VERSION})

    async def conversation(self, chapter: Chapter) -> AsyncGenerator[bytes]:
        """The lines of a conversation."""
        if chapter.bot.id not in self._bots:
            self._bots.add(chapter.bot.id)
            yield _line("bot", encode(chapter.bot))
        yield _line("conversation", conversation_fields(chapter.conversation))
        told: set[str] = set()
        async with aclosing(chapter.said()) as said:
            async for record, turn in said:
                if turn.id not in told:
                    told.add(turn.id)
                    yield _line("turn", encode(turn))
                async with aclosing(_attachments(chapter, record.message, told)) as parts:
                    async for part in parts:
                        yield part
                yield _line("message", {**encode(record.message), "on_path": record.on_path})

    def end(self) -> bytes:
        """Nothing."""
        return b""


def conversation_fields(conversation: Conversation) -> dict[str, Any]:
    """Return what a line says of a conversation."""
    return {name: value for name, value in encode(conversation).items() if name not in DERIVED}


def _line(kind: str, fields: Mapping[str, Any]) -> bytes:
    return dumps({"line": kind, **fields}).encode() + b"\n"


async def _attachments(chapter: Chapter, message: Message, told: set[str]) -> AsyncGenerator[bytes]:
    for part in message.parts:
        if isinstance(part, ImagePart | FilePart) and part.attachment_id not in told:
            told.add(part.attachment_id)
            found = await chapter.find_attachment(part.attachment_id)
            if found is not None:
                for piece in _attachment(*found):
                    yield piece


def _attachment(attachment: Attachment, content: bytes) -> Iterator[bytes]:
    """Yield the line of an attachment in pieces: its bytes are never all in it at once."""
    head = _line("attachment", {**encode(attachment), "content": ""})
    yield head.removesuffix(b'"}\n')
    for start in range(0, len(content), _CONTENT_BYTES):
        yield b64encode(content[start : start + _CONTENT_BYTES])
    yield b'"}\n'
