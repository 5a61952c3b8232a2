"""Puts the records of documents and chunks where they belong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from palaver.document import DocumentSource, DocumentStatus
from palaver.errors import Conflict
from palaver.stores.knowledge_orders import BotIndex
from palaver.stores.knowledge_rows import document_record_columns
from palaver.stores.records import ChunkRecord, DocumentRecord
from palaver.stores.redis import announcements, chunk_rows, taught
from palaver.stores.redis.claims import find_claim, take
from palaver.stores.redis.documents import put_content
from palaver.stores.redis.session import Session
from palaver.stores.redis.step import Move
from palaver.stores.redis.stored import StoredConversation, StoredDocument
from palaver.stores.redis.training import run_name
from palaver.stores.redis.values import once_columns


def put_index(db: Session, bot_id: str, index: BotIndex) -> None:
    """Keep what there is to find for a new bot, as part of the step."""
    fields = {"revision": index.revision, "embedding": index.embedding}
    words = [word for name, value in fields.items() if value for word in (name, value)]
    if words:
        db.write("HSET", announcements.state_key(db.keys, bot_id), *words)


def document_of_record(tenant_id: str, record: DocumentRecord) -> StoredDocument:
    """Return what is kept of a document, before its chunks come."""
    columns = {name: each for name, each in document_record_columns(record).items() if name != "revision"}
    once = once_columns(record.once)
    return StoredDocument(**columns, **once, tenant_id=tenant_id, bot_id=record.document.bot_id)


async def put_document(db: Session, kept: StoredDocument, record: DocumentRecord) -> None:
    """Keep a new document with its content, as part of the step; the list of its bot's changes follows."""
    if (kept.source, kept.status) == (DocumentSource.TRAINING, DocumentStatus.PROCESSING):
        take(db, run_name(kept.bot_id), kept.id, await find_claim(db, run_name(kept.bot_id)))
    db.put(kept)
    if record.content:
        put_content(db, kept, record.content)
    if record.revision:
        changes = announcements.changes_key(db.keys, kept.bot_id)
        db.step.after.append(Move([], [("ZADD", changes, record.revision, kept.id)]))


async def put_chunks(db: Session, tenant_id: str, records: Sequence[ChunkRecord]) -> None:
    """Keep chunks of the ready version of a document, with their vectors. What is there stays."""
    kept = await db.find(StoredDocument, records[0].chunk.document_id)
    versions = {each.chunk.version for each in records}
    if kept is None or kept.tenant_id != tenant_id or versions != {kept.ready_version}:
        raise Conflict("A chunk is of a version that is not there.")
    chats = [each.chunk.provenance.conversation_id for each in records if each.chunk.provenance is not None]
    found = await db.find_all(StoredConversation, chats)
    if any(each is None or each.tenant_id != tenant_id for each in found):
        raise Conflict("A chunk was made of a conversation that is not there.")
    taught.note(db, kept.bot_id, [each.chunk for each in records])
    for record in records:
        at = record.chunk.ordinal
        where = chunk_rows.chunks_key(db.keys, kept.id, record.chunk.version)
        db.write("HSETNX", where, at, chunk_rows.packed_chunk(record.chunk))
        for embedding, vector in record.vectors.items():
            kept = chunk_rows.with_embedding(kept, embedding)
            db.write("HSETNX", chunk_rows.vectors_key(db.keys, kept.id, record.chunk.version, embedding), at, vector)
    db.put(replace(kept, span=max([kept.span, *(each.chunk.ordinal + 1 for each in records)])))
