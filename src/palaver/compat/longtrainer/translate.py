"""From Palaver's values to the shapes that LongTrainer returns. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from palaver.compat.longtrainer import questions
from palaver.conversation import Conversation, ImagePart, Message, Role
from palaver.document import Chunk, Citation, Document, DocumentStatus, Hit

TRAINED = "Trainer updated with new chat history."
NOTHING_NEW = "No new chats found for training."
_JOB = {DocumentStatus.READY: "success"}
_FENCE = re.compile(r"\s*```[^\n]*\n(.*?)\n?```\s*", re.DOTALL)


class Answer(NamedTuple):
    """What was answered, and the titles of the documents that the answer cites, each once, the best first.

    ``str()`` of it is the answer: it can be unpacked and printed. ``answer`` is a text or, where a schema was given, a dict of
    ``status``, ``data``, ``raw_llm_output`` and ``error``.
    """

    answer: Any
    sources: list[str]

    def __str__(self) -> str:
        return str(self.answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A question and its answer."""

    question: Message
    answer: Message

    @property
    def images(self) -> Sequence[str]:
        """The ids of the question's images."""
        return [part.attachment_id for part in self.question.parts if isinstance(part, ImagePart)]


def exchanges(messages: Iterable[Message]) -> Iterator[Exchange]:
    """Yield the questions of a path that have an answer, oldest first. One that failed, or is under way, has none."""
    for before, after in pairwise(messages):
        if before.role is Role.USER and after.role is Role.ASSISTANT and after.text and after.status.is_terminal:
            yield Exchange(question=before, answer=after)


def cited(citations: Iterable[Citation]) -> list[str]:
    """Return the titles of what is cited, each once, the best first."""
    return list(dict.fromkeys(each.title for each in citations if each.title))


def row(conversation: Conversation, exchange: Exchange, image_names: Sequence[str] | None = None) -> dict[str, Any]:
    """Return an exchange as a row of a chat's history; with ``image_names`` as one of a vision chat's."""
    asked = questions.read(exchange.question.text)
    return {
        "_id": exchange.answer.turn_id,
        "bot_id": conversation.bot_id,
        "chat_id" if image_names is None else "vision_chat_id": conversation.id,
        "timestamp": exchange.answer.created_at,
        **({} if image_names is None else {"image_path": ",".join(image_names)}),
        "question": asked.query,
        "answer" if image_names is None else "response": exchange.answer.text,
        "web_sources": cited(exchange.answer.citations),
        "uploaded_files": [dict(file) for file in asked.files] or None,
    }


def moment(at: datetime) -> str:
    """Return a time as LongTrainer's server writes it: ISO 8601 in UTC, with no offset."""
    return at.replace(tzinfo=None).isoformat()


def sent_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as it goes over the wire."""
    kept = {name: value for name, value in row.items() if name != "_id"}
    return {**kept, "timestamp": moment(kept["timestamp"])}


def found_metadata(document: Document, hit: Hit) -> dict[str, Any]:
    """Return what is said of a chunk that was found: the document's metadata, and where it stands."""
    where = {"page": hit.chunk.page} if hit.chunk.page is not None else {}
    return {**document.metadata, "title": hit.title, "document_id": document.id, **where}


def whole_text(chunks: Iterable[Chunk]) -> str:
    """Return the text that chunks in their order were cut of. What lies between two is blanks."""
    parts: list[str] = []
    end = 0
    for chunk in chunks:
        parts.append("\n" * (chunk.start - end) if parts else "")
        parts.append(chunk.text[max(end - chunk.start, 0) :])
        end = max(end, chunk.end)
    return "".join(parts)


def job_of(document: Document) -> dict[str, Any]:
    """Return a document in the making as a job."""
    return {
        "job_id": document.id,
        "bot_id": document.bot_id,
        "type": "document_ingest",
        "status": _JOB.get(document.status, document.status.value),
        "created_at": moment(document.created_at),
        "updated_at": moment(document.updated_at),
        "error": None if document.error is None else document.error.message,
    }


def unfenced(text: str) -> str:
    """Return an answer without the Markdown fence that is around all of it, if one is."""
    found = _FENCE.fullmatch(text)
    return found[1] if found else text
