"""Rows → documents and chunks and back, for every store that keeps columns; ``rows`` has the rest. The order of the fields is
that of the ``*_columns`` parts of its queries."""

from __future__ import annotations

import json
from typing import Any

from palaver.clock import from_micros, to_micros
from palaver.document import Chunk, Document, DocumentError, DocumentSource, DocumentStatus, Provenance
from palaver.stores.records import ChunkRecord, DocumentRecord
from palaver.stores.rows import Row, to_json

DOCUMENT_WIDTH = 19
CHUNK_WIDTH = 13


def document_of(row: Row) -> Document:
    """``{document_columns}``"""
    document_id, bot_id, title, source, media_type, url, status, error_code, error_message = row[:9]
    version, ready_version, size_bytes, sha256, chunk_count, metadata = row[9:15]
    created, updated, ready, deleted = row[15:19]
    return Document(
        id=document_id,
        bot_id=bot_id,
        title=title,
        source=DocumentSource(source),
        media_type=media_type,
        url=url,
        status=DocumentStatus(status),
        error=None if error_code is None else DocumentError(code=error_code, message=error_message),
        version=version,
        ready_version=ready_version,
        size_bytes=size_bytes,
        sha256=sha256,
        chunk_count=chunk_count,
        metadata=json.loads(metadata),
        created_at=from_micros(created),
        updated_at=from_micros(updated),
        ready_at=None if ready is None else from_micros(ready),
        deleted_at=None if deleted is None else from_micros(deleted),
    )


def document_columns(document: Document) -> dict[str, Any]:
    """Return the columns that hold a document, but for its bot and its delete."""
    return {
        "id": document.id,
        "title": document.title,
        "source": document.source.value,
        "media_type": document.media_type,
        "url": document.url,
        "status": document.status.value,
        "error_code": document.error and document.error.code,
        "error_message": document.error and document.error.message,
        "version": document.version,
        "ready_version": document.ready_version,
        "size_bytes": document.size_bytes,
        "sha256": document.sha256,
        "chunk_count": document.chunk_count,
        "metadata": to_json(document.metadata),
        "created_at": to_micros(document.created_at),
        "updated_at": to_micros(document.updated_at),
        "ready_at": document.ready_at and to_micros(document.ready_at),
    }


def document_record_columns(record: DocumentRecord) -> dict[str, Any]:
    """Return the columns of a document and of its way into the index."""
    deleted_at = record.document.deleted_at
    return {
        **document_columns(record.document),
        "n": record.place,
        "deleted_at": deleted_at and to_micros(deleted_at),
        "revision": record.revision,
        "owner": record.owner,
        "fence": record.fence,
        "attempts": record.attempts,
        "lease_until": record.lease_until,
    }


def chunk_of(row: Row) -> Chunk:
    """``{chunk_columns}``"""
    document_id, version, ordinal, text, start, end, tokens, sha256, heading, page = row[:10]
    fingerprint, conversation_id, turn_id = row[10:13]
    made_of = Provenance(conversation_id=conversation_id, turn_id=turn_id, fingerprint=fingerprint) if turn_id else None
    return Chunk(
        document_id=document_id,
        version=version,
        ordinal=ordinal,
        text=text,
        start=start,
        end=end,
        tokens=tokens,
        sha256=sha256,
        heading=heading,
        page=page,
        provenance=made_of,
    )


def chunk_columns(chunk: Chunk) -> dict[str, Any]:
    """Return the columns that hold a chunk, but for what it is a part of and was made of."""
    return {
        "ordinal": chunk.ordinal,
        "text": chunk.text,
        "start": chunk.start,
        "end": chunk.end,
        "tokens": chunk.tokens,
        "sha256": chunk.sha256,
        "heading": chunk.heading,
        "page": chunk.page,
        "fingerprint": chunk.provenance and chunk.provenance.fingerprint,
    }


def chunk_record_columns(record: ChunkRecord) -> dict[str, Any]:
    """Return all that a chunk's record says."""
    chunk, made_of = record.chunk, record.chunk.provenance
    return {
        **chunk_columns(chunk),
        "document_id": chunk.document_id,
        "version": chunk.version,
        "turn_id": made_of and made_of.turn_id,
        "conversation_id": made_of and made_of.conversation_id,
        "vectors": dict(record.vectors),
    }
