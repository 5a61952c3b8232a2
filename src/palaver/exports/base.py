"""The contract of a format: how one file holds one conversation, or many.

A file is what ``begin`` returns, then each conversation in the order of their making, then what ``end`` returns. A writer
belongs to one file. Nothing in a file says when it was written: the same conversations are the same bytes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from enum import StrEnum
from typing import Protocol

from palaver.exports.chapter import Chapter


class Format(StrEnum):
    """What kind of file: ``html`` and ``markdown`` to read, ``csv`` to calculate with, ``jsonl`` to keep and to import,
    ``finetuning`` to train a model on."""

    HTML = "html"
    MARKDOWN = "markdown"
    CSV = "csv"
    JSONL = "jsonl"
    FINETUNING = "finetuning"


class Rows(StrEnum):
    """What a row of a CSV is: a message, a turn (question and answer), or a conversation."""

    MESSAGES = "messages"
    TURNS = "turns"
    CONVERSATIONS = "conversations"


MEDIA_TYPES: Mapping[Format, str] = {
    Format.HTML: "text/html",
    Format.MARKDOWN: "text/markdown",
    Format.CSV: "text/csv",
    Format.JSONL: "application/x-ndjson",
    Format.FINETUNING: "application/x-ndjson",
}
"""What each is; all are UTF-8."""
SUFFIXES: Mapping[Format, str] = {
    Format.HTML: ".html",
    Format.MARKDOWN: ".md",
    Format.CSV: ".csv",
    Format.JSONL: ".jsonl",
    Format.FINETUNING: ".jsonl",
}
"""What the name of each ends in."""
MARKS: Mapping[Format, bytes] = {
    Format.HTML: b'\n<section class="conversation">',
    Format.JSONL: b'\n{"line":"conversation",',
}
"""With what each conversation begins, in files where nothing that was said can look like it: by these they are counted."""


class Writer(Protocol):
    """Writes one file."""

    def begin(self, title: str) -> bytes:
        """Return what stands before the first conversation."""
        ...

    def conversation(self, chapter: Chapter) -> AsyncGenerator[bytes]:
        """Yield a conversation in parts, each small enough to be held in memory."""
        ...

    def end(self) -> bytes:
        """Return what stands behind the last one."""
        ...
