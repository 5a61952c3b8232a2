"""The life of a document: what a claim may do, and what each step makes of the row. Pure, for every store alike."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from palaver.document import Chunk, Document, DocumentError, DocumentSource, DocumentStatus
from palaver.errors import FenceLost, TrainingInProgress
from palaver.stores.knowledge_orders import ATTEMPTS_MAX, DocumentDraft, Replacement

CRASHED = DocumentError(code="ingestion_crashed", message=f"Making this document ready died {ATTEMPTS_MAX} times.")
"""Why a version fails that killed whoever made it ready."""
CUT = DocumentError(code="training_cut", message="The run died or was cut off before it was done: train again.")
"""Why a training run fails whose lease ran out."""
NOTHING = b""
"""The content of a training document."""


def new_document(draft: DocumentDraft, size_bytes: int, now: datetime) -> Document:
    """Return the document that a draft describes."""
    return Document(
        id=draft.id,
        bot_id=draft.bot_id,
        title=draft.title,
        source=draft.source,
        media_type=draft.media_type,
        url=draft.url,
        size_bytes=size_bytes,
        sha256=draft.sha256,
        metadata=draft.metadata,
        created_at=now,
        updated_at=now,
    )


def new_run(draft: DocumentDraft, now: datetime) -> Document:
    """Return a training document, which has no content and is being made from its first moment on."""
    document = new_document(draft, len(NOTHING), now)
    return replace(
        document,
        source=DocumentSource.TRAINING,
        sha256=hashlib.sha256(NOTHING).hexdigest(),
        status=DocumentStatus.PROCESSING,
    )


def replaced(document: Document, replacement: Replacement, content: bytes | None, now: datetime) -> Document:
    """Return a document with its next version, which nobody has made ready yet."""
    return replace(
        document,
        title=document.title if replacement.title is None else replacement.title,
        source=document.source if replacement.source is None else replacement.source,
        url=document.url if replacement.source is None else replacement.url,
        media_type=document.media_type if replacement.media_type is None else replacement.media_type,
        metadata=document.metadata if replacement.metadata is None else replacement.metadata,
        sha256=document.sha256 if replacement.sha256 is None else replacement.sha256,
        size_bytes=document.size_bytes if content is None else len(content),
        version=document.version + 1,
        status=DocumentStatus.PENDING,
        error=None,
        chunk_count=ready_chunks(document),
        updated_at=now,
    )


def ready_chunks(document: Document) -> int:
    """Return how many chunks a document has apart from those that a claim has written so far."""
    return 0 if document.ready_version is None else document.chunk_count


def written_so_far(chunks: Sequence[Chunk]) -> int:
    """Return how many chunks of a version are written once these are."""
    return max((chunk.ordinal + 1 for chunk in chunks), default=0)


def begun(document: Document) -> Document:
    """Return a document whose newest version somebody makes ready from now on."""
    return replace(document, status=DocumentStatus.PROCESSING, chunk_count=ready_chunks(document))


def published(
    document: Document,
    *,
    title: str | None,
    metadata: Mapping[str, Any] | None,
    chunk_count: int,
    now: datetime,
) -> Document:
    """Return a document whose newest version is the ready one."""
    return replace(
        document,
        title=document.title if title is None else title,
        metadata=document.metadata if metadata is None else metadata,
        status=DocumentStatus.READY,
        error=None,
        ready_version=document.version,
        chunk_count=chunk_count,
        updated_at=now,
        ready_at=now,
    )


def failed(document: Document, error: DocumentError, now: datetime) -> Document:
    """Return a document whose newest version will not become ready; the ready one, if there is one, answers on."""
    left = ready_chunks(document)
    return replace(document, status=DocumentStatus.FAILED, error=error, chunk_count=left, updated_at=now)


def given_back(document: Document) -> Document:
    """Return a document whose newest version waits again for somebody to make it ready."""
    return replace(document, status=DocumentStatus.PENDING, chunk_count=ready_chunks(document))


def is_indexed_anew(document: Document, replacement: Replacement) -> bool:
    """Whether a replacement changes at once what can be found: its metadata filter the ready version, too."""
    return document.ready_version is not None and replacement.metadata is not None


def is_claimable(document: Document, lease_until: int | None, now: int) -> bool:
    """Whether a live document waits for somebody to make it ready, or did whoever had it die. See ``given_up``."""
    if document.status is DocumentStatus.PENDING:
        return True
    return document.status is DocumentStatus.PROCESSING and (lease_until or 0) < now


def given_up(document: Document, attempts: int) -> DocumentError | None:
    """Return why a document that is claimable fails instead; None: it is claimed."""
    if document.source is DocumentSource.TRAINING:
        return CUT
    return CRASHED if attempts >= ATTEMPTS_MAX else None


def holds(document: Document, lease_until: int | None, now: int) -> bool:
    """Whether the claim with a live document's newest fence goes on. A training run's ends with its lease."""
    if document.status is not DocumentStatus.PROCESSING:
        return False
    return document.source is not DocumentSource.TRAINING or (lease_until or 0) >= now


def claim_lost() -> FenceLost:
    """Return the refusal of a claim that has ended."""
    return FenceLost("This document was deleted, or somebody else makes it ready.")


def training_in_progress() -> TrainingInProgress:
    """Return the refusal of a second run at the same time."""
    return TrainingInProgress("A training run of this bot is not over.")
