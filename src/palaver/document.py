"""What a bot knows: documents, the chunks they are cut into, and the citation, a snapshot of a chunk under an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from os import PathLike
from typing import Any, NamedTuple

from palaver.errors import InvalidInput

Source = bytes | str | PathLike[str]
"""Bytes, the path of a file, the URL of a page, or a text. A string is a URL if it begins with ``http://`` or
``https://``, else the file of that name, if there is one, else a text, if it has blanks and does not end like a file's
name."""

MARK = re.compile(r"[\[【]\s*(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\s*[\]】]")
"""The marks [1], [1, 3] and 【2】 as models write them; a number is a rank."""
_MARKS = re.compile(rf"[^\S\n]*{MARK.pattern}")


class DocumentSource(StrEnum):
    """Where a document came from. ``training``: from past conversations of its bot."""

    FILE = "file"
    TEXT = "text"
    URL = "url"
    TRAINING = "training"


class DocumentStatus(StrEnum):
    """How far the newest version is: ``pending → processing → ready | failed``."""

    PENDING = "pending"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentError:
    """Why a version failed: a code (``file_unreadable``, ``embedding_failed`` …) and our sentence."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a bot answers from.

    ``version`` counts the contents from 1; a replacement is the next one. Answers come from ``ready_version`` (None: from
    none yet), which stays until a newer version is ready: then the one takes the place of the other in one step.
    ``status`` and ``error`` are the newest version's; ``chunk_count`` and ``ready_at`` are those of ``ready_version``. While the first
    version is made ready, ``chunk_count`` tells how many chunks are written so far.
    ``size_bytes`` and ``sha256`` (64 hex digits) describe the newest content as it was given.
    """

    id: str
    bot_id: str
    title: str
    source: DocumentSource
    media_type: str
    url: str | None = None
    status: DocumentStatus = DocumentStatus.PENDING
    error: DocumentError | None = None
    version: int = 1
    ready_version: int | None = None
    size_bytes: int
    sha256: str
    chunk_count: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime
    updated_at: datetime
    ready_at: datetime | None = None
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """The turn that a chunk of a training document was made of.

    ``fingerprint`` (16 hex digits) is on the first chunk of a pair: those of pairs that say nearly the same are alike.
    """

    conversation_id: str
    turn_id: str
    fingerprint: str | None = None


class ChunkKey(NamedTuple):
    """Names a chunk: of which document and version, and which one (``ordinal`` counts from 0)."""

    document_id: str
    version: int
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A retrievable slice of one version of a document.

    ``start`` and ``end`` are code points in the document's extracted text, ``text`` is exactly that slice and ``sha256``
    (64 hex digits) its hash. ``tokens`` is our estimate. ``heading`` is the path of headings above it, outermost first,
    joined with " › "; ``page`` counts from 1, where the format has pages.
    """

    document_id: str
    version: int
    ordinal: int
    text: str
    start: int
    end: int
    tokens: int
    sha256: str
    heading: str | None = None
    page: int | None = None
    provenance: Provenance | None = None

    @property
    def key(self) -> ChunkKey:
        """Its name."""
        return ChunkKey(self.document_id, self.version, self.ordinal)

    @property
    def passage(self) -> str:
        """What is embedded and searched: see ``passage_of``."""
        return passage_of(self.text, self.heading)


def passage_of(text: str, heading: str | None) -> str:
    """Return the text of a chunk below its headings, which alone may say what it is about."""
    return f"{heading}\n{text}" if heading else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A chunk that was found. ``score`` is 0–1, 1 is best; ``rank`` counts from 1."""

    chunk: Chunk
    title: str
    score: float
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedPair:
    """A question and its answer, as training uses them."""

    question: str
    answer: str
    conversation_id: str
    turn_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingReport:
    """What a run of training used or, for a dry run, would use.

    ``used`` pairs of ``conversations`` conversations are in it; ``duplicates`` said nearly the same as others and are not.
    ``document`` is what the pairs became: None for a dry run, and where nothing was new. ``pairs`` are the first of those that a
    dry run found.
    """

    document: Document | None = None
    used: int = 0
    duplicates: int = 0
    conversations: int = 0
    pairs: tuple[TrainedPair, ...] = ()

    def counts(self) -> dict[str, int]:
        """Its counts, as the training document keeps them in its metadata (under ``training``)."""
        return {"used": self.used, "duplicates": self.duplicates, "conversations": self.conversations}


TRAINING_COUNTS = "training"
"""Under which key a training document's metadata has the counts of its run."""


def report_of(document: Document) -> TrainingReport:
    """Return the report of the run that a training document came from."""
    return TrainingReport(document=document, **document.metadata.get(TRAINING_COUNTS, {}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A quote as it was when the answer was given. ``start`` and ``end`` are code points in the document's text.

    ``rank`` is the number by which the answer's text names it: ``[1]``. ``gone`` says that the document was deleted since;
    once it is purged, ``title`` and ``quote`` are empty. ``chunk_sha256`` is the hash of the chunk.
    """

    document_id: str
    version: int
    title: str
    quote: str
    start: int
    end: int
    score: float
    rank: int
    chunk_sha256: str = ""
    gone: bool = False


def citation_of(hit: Hit) -> Citation:
    """Return the snapshot of a chunk that was found."""
    chunk = hit.chunk
    return Citation(
        document_id=chunk.document_id,
        version=chunk.version,
        title=hit.title,
        quote=chunk.text,
        start=chunk.start,
        end=chunk.end,
        score=hit.score,
        rank=hit.rank,
        chunk_sha256=chunk.sha256,
    )


def unmarked(text: str) -> str:
    """Return a text without the marks of passages, which mean nothing where those are not at hand."""
    return _MARKS.sub("", text)


def cited_by(text: str, found: Sequence[Citation]) -> tuple[Citation, ...]:
    """Return those of the passages found that an answer cites: those whose mark it has, or else all it could rest on.

    An answer without text cites nothing.
    """
    if not text:
        return ()
    ranks = {int(rank) for match in MARK.finditer(text) for rank in re.split(r"[,;]", match[1])}
    marked = tuple(citation for citation in found if citation.rank in ranks)
    return marked or tuple(found)


def check_trained(document: Document) -> None:
    """Raise ``InvalidInput`` unless a run of training made this document."""
    if document.source is not DocumentSource.TRAINING:
        raise InvalidInput("This document was added, not trained: delete it instead.")
