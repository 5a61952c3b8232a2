"""What a store is asked to do with documents and training: the arguments of the contract's operations. Pure values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from palaver.bot import Bot
from palaver.conversation import Message
from palaver.document import ChunkKey, Document, DocumentSource, DocumentStatus

CHUNKS_AT_ONCE = 200
"""How many chunks or vectors one call writes at most."""
ALIKE_AT_ONCE = 1_000
"""How many fingerprints that have a quarter in common with one are looked at."""
ATTEMPTS_MAX = 3
"""How often a version is claimed before it is given up: what kills the process three times would kill it for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentDraft:
    """A document as a caller describes it. ``sha256`` and the size are those of the content that comes along."""

    id: str
    bot_id: str
    title: str
    source: DocumentSource
    media_type: str
    sha256: str
    url: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """A next version. What is None stays as it is; with no ``sha256`` the content does (the version is made anew).

    Where ``source`` is given, ``url`` is set with it: it is the new content's.
    """

    title: str | None = None
    source: DocumentSource | None = None
    url: str | None = None
    media_type: str | None = None
    sha256: str | None = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFilter:
    """Which documents; every field that is given must hold. ``deleted`` lists those that can be restored, and only these."""

    bot_id: str
    status: DocumentStatus | None = None
    source: DocumentSource | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingestion:
    """The right to make a version ready: whoever writes for it shows the fence, as a turn's worker does."""

    tenant_id: str
    document: Document
    bot: Bot
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """The vectors of some chunks, in their order: little-endian float32, all of one length, by the embedding's name."""

    embedding: str
    vectors: Sequence[bytes]


def vectors_by_chunk(count: int, embedded: Embedded | None) -> Sequence[Mapping[str, bytes]]:
    """Return the vectors of each of ``count`` chunks by their embeddings' names: one, or none."""
    return [{} for _ in range(count)] if embedded is None else [{embedded.embedding: each} for each in embedded.vectors]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkQuery:
    """Words to find in the chunks of a bot, as a person writes them: the best ``k`` are wanted, by their relevance.

    ``where`` compares the text of top-level values of the documents' metadata, as ``ConversationFilter.metadata`` does.
    """

    bot_id: str
    text: str
    k: int
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorQuery:
    """The nearest ``k`` chunks of a bot to a vector (little-endian float32), by the cosine."""

    bot_id: str
    embedding: str
    vector: bytes
    k: int
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BotIndex:
    """What there is to find for a bot.

    ``revision`` grows with every change of the documents that can be found (0: nothing ever could), so a cache that knows a
    revision knows whether it is fresh. (The chunks that a deleted turn takes with it are missed when they are looked up.)
    ``embedding`` is the one whose vectors serve (None: words alone do).
    """

    revision: int = 0
    embedding: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexChange:
    """A document as the index has it since ``revision``: its ready version (None: it is gone) and metadata."""

    revision: int
    document_id: str
    version: int | None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Vector:
    """The vector of a chunk: little-endian float32."""

    key: ChunkKey
    vector: bytes


class TrainingPolicy(StrEnum):
    """Which past turns become knowledge: all that completed, those whose answer (or else whose conversation) was rated at
    least ``min_rating``, or those of conversations that have ended or were archived."""

    ALL = "all"
    RATED = "rated"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFilter:
    """Which turns of a bot are wanted."""

    bot_id: str
    policy: TrainingPolicy = TrainingPolicy.ALL
    min_rating: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A completed turn that is in no training document yet: its question and its answer, both with text.

    ``rating`` is the answer's, else its conversation's.
    """

    question: Message
    answer: Message
    rating: int | None = None
