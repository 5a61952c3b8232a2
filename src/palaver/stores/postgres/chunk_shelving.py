"""Puts chunks where they belong: with what finds them, under the fence of their document's ready version."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from palaver.errors import Conflict
from palaver.stores.postgres.chunk_writes import Batch, put_batch
from palaver.stores.postgres.session import Session
from palaver.stores.records import ChunkRecord, Record


async def put_chunks(db: Session, tenant_id: str, records: Sequence[Record]) -> None:
    """``RecordRows.put_records`` for chunks."""
    found: dict[str, list[ChunkRecord]] = defaultdict(list)
    for record in records:
        if isinstance(record, ChunkRecord):
            found[record.chunk.document_id].append(record)
    for document_id, alike in found.items():
        await _put(db, tenant_id, document_id, alike)


async def _put(db: Session, tenant_id: str, document_id: str, records: Sequence[ChunkRecord]) -> None:
    row = await db.row("document_of_chunks", tenant_id=tenant_id, id=document_id)
    if row is None:
        raise Conflict("The document of this chunk is not there, or not ready.")
    bot_id, fence = row
    chunks, vectors = [record.chunk for record in records], [record.vectors for record in records]
    batch = await asyncio.to_thread(Batch.of, chunks, vectors, tenant_id, bot_id)
    await put_batch(db, batch, tenant_id=tenant_id, document_id=document_id, bot_id=bot_id, fence=fence)
