"""Conversations as Markdown: to read, to paste, to keep beside code. What was said stands there as it was said."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

from palaver.conversation import FilePart, ImagePart, Message, TurnStatus
from palaver.exports.chapter import Chapter
from palaver.exports.heads import facts_of, speaker_of, title_of

_SPECIAL = re.compile(r"([\\`*{}\[\]<>#|~!]|(?<!\w)_|_(?!\w))")


class MarkdownWriter:
    """See ``base.Writer``."""

    def begin(self, title: str) -> bytes:  # noqa: ARG002  # each conversation has its own
        """Nothing."""
        return b""

    async def conversation(self, chapter: Chapter) -> AsyncGenerator[bytes]:
        """A heading, what is known of the conversation, and a paragraph a message."""
        facts = "\n".join(f"- {name}: {_plain(value)}" for name, value in facts_of(chapter))
        yield f"# {_plain(title_of(chapter))}\n\n{facts}\n\n".encode()
        async with aclosing(chapter.messages()) as messages:
            async for message in messages:
                yield "".join(_message(chapter, message)).encode()

    def end(self) -> bytes:
        """Nothing."""
        return b""


def _message(chapter: Chapter, message: Message) -> Iterator[str]:
    rated = f", rated {message.rating} of 5" if message.rating else ""
    yield f"**{_plain(speaker_of(chapter, message))}**, {message.created_at:%Y-%m-%d %H:%M} UTC{rated}\n\n"
    for part in message.parts:
        match part:
            case ImagePart(attachment_id=attachment_id):
                yield f"*Image {attachment_id}*\n\n"
            case FilePart(name=name):
                yield f"*File {_plain(name)}*\n\n"
            case _:
                continue
    if message.text:
        yield f"{message.text}\n\n"
    if message.status is not TurnStatus.COMPLETED:
        yield f"*{message.status.value.capitalize()}*\n\n"
    for citation in message.citations:
        yield f"> [{citation.rank}] {_plain(citation.title or citation.document_id)}: {_plain(citation.quote)}\n\n"
    if message.feedback:
        yield f"*Feedback: {_plain(message.feedback)}*\n\n"
    yield "---\n\n"


def _plain(text: str) -> str:
    """Return a text on one line in which nothing is Markdown."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
