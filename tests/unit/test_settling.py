"""Waiting for a document."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from palaver.document import Document, DocumentError, DocumentSource, DocumentStatus
from palaver.errors import DocumentFailed
from palaver.settling import settled

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PENDING = Document(
    id="doc_1",
    bot_id="bot_1",
    title="Policy",
    source=DocumentSource.TEXT,
    media_type="text/plain",
    size_bytes=1,
    sha256="",
    created_at=NOW,
    updated_at=NOW,
)
PROCESSING = replace(PENDING, status=DocumentStatus.PROCESSING)
READY = replace(PENDING, status=DocumentStatus.READY, ready_version=1)
BROKEN = DocumentError(code="file_unreadable", message="It is locked.")
FAILED = replace(READY, status=DocumentStatus.FAILED, version=2, error=BROKEN)


async def test_a_document_is_waited_for() -> None:
    """It is looked at until it is ready."""
    looks = iter([PENDING, PROCESSING, READY])

    async def look() -> Document:
        return next(looks)

    assert await settled(look) is READY
    assert next(looks, None) is None


async def test_a_failure_is_raised_with_the_document() -> None:
    """A newest version that failed raises its own code and sentence, though an older one still answers."""

    async def look() -> Document:
        return FAILED

    with pytest.raises(DocumentFailed, match="Policy: It is locked") as failed:
        await settled(look)
    assert (failed.value.code, failed.value.document) == ("file_unreadable", FAILED)
