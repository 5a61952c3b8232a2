"""Conversations as a table: for spreadsheets, in which no cell is a formula.

A byte order mark stands in front: without it spreadsheets take UTF-8 for the old encoding of their country.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing

from palaver.clock import rfc3339
from palaver.conversation import Conversation, Message
from palaver.exports.base import Rows
from palaver.exports.chapter import Chapter
from palaver.exports.pairs import Pair, pairs_of
from palaver.jsonable import encode
from palaver.sheet import csv_row
from palaver.stores.rows import to_json

COLUMNS: Mapping[Rows, tuple[str, ...]] = {
    Rows.MESSAGES: (
        *("conversation_id", "title", "bot", "seq", "role", "text", "created_at", "status", "model", "rating"),
        *("feedback", "citations", "turn_id", "message_id"),
    ),
    Rows.TURNS: (
        *("conversation_id", "title", "bot", "question", "answer", "asked_at", "answered_at", "status", "model"),
        *("rating", "feedback", "turn_id", "message_id"),
    ),
    Rows.CONVERSATIONS: (
        *("conversation_id", "title", "bot", "status", "end_reason", "kind", "entity_type", "entity_external_id"),
        *("entity_name", "entity_email", "external_id", "message_count", "turn_count", "rating", "feedback"),
        *("started_at", "last_activity_at", "ended_at", "metadata"),
    ),
}
"""The columns of each kind of table. ``citations`` are the titles of what an answer quotes, a line each."""


class CsvWriter:
    """See ``base.Writer``."""

    def __init__(self, rows: Rows = Rows.MESSAGES) -> None:
        self._rows = rows

    def begin(self, title: str) -> bytes:  # noqa: ARG002  # a table has no title
        """The names of the columns."""
        return BOM_UTF8 + csv_row(COLUMNS[self._rows])

    async def conversation(self, chapter: Chapter) -> AsyncGenerator[bytes]:
        """A row each."""
        match self._rows:
            case Rows.CONVERSATIONS:
                yield _row(_conversation(chapter))
            case Rows.TURNS:
                async with aclosing(chapter.messages()) as messages, aclosing(pairs_of(messages)) as pairs:
                    async for pair in pairs:
                        yield _row(_turn(chapter, pair))
            case Rows.MESSAGES:
                async with aclosing(chapter.messages()) as messages:
                    async for message in messages:
                        yield _row(_message(chapter, message))

    def end(self) -> bytes:
        """Nothing."""
        return b""


def _row(cells: Iterable[object]) -> bytes:
    return csv_row("" if cell is None else str(encode(cell)) for cell in cells)


def _of(chapter: Chapter) -> tuple[object, ...]:
    return chapter.conversation.id, chapter.conversation.title, chapter.bot.name


def _message(chapter: Chapter, message: Message) -> Iterable[object]:
    cited = "\n".join(citation.title for citation in message.citations)
    said = (message.seq, message.role, message.text, message.created_at, message.status, message.model)
    return *_of(chapter), *said, message.rating, message.feedback, cited, message.turn_id, message.id


def _turn(chapter: Chapter, pair: Pair) -> Iterable[object]:
    question, answer = pair.question, pair.answer
    last = answer or question
    rated = (answer.rating, answer.feedback) if answer else (None, None)
    asked = question and question.created_at
    return (
        *_of(chapter),
        question and question.text,
        answer and answer.text,
        asked,
        answer and answer.created_at,
        last and last.status,
        answer and answer.model,
        *rated,
        last and last.turn_id,
        last and last.id,
    )


def _conversation(chapter: Chapter) -> Iterable[object]:
    found: Conversation = chapter.conversation
    entity = found.entity
    who = (entity.type, entity.external_id, entity.name, entity.email) if entity else (None, None, None, None)
    return (
        *_of(chapter),
        *(found.status, found.end_reason, found.kind),
        *who,
        *(found.external_id, found.message_count, found.turn_count, found.rating, found.feedback),
        *(found.started_at, found.last_activity_at, found.ended_at and rfc3339(found.ended_at)),
        to_json(found.metadata) if found.metadata else None,
    )
