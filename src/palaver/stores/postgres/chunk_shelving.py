"""Puts chunks where they belong: with what finds them, under the fence of their document's ready version."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from palaver.errors import Conflict
from palaver.stores.postgres.chunk_rows import chunk_arrays
from palaver.stores.postgres.points import point_of
from palaver.stores.postgres.session import Session
from palaver.stores.postgres.stems import chunk_row_of
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
    chunks = [record.chunk for record in records]
    words = await asyncio.to_thread(lambda: [chunk_row_of(chunk.text, tenant_id, bot_id) for chunk in chunks])
    place = {"tenant_id": tenant_id, "document_id": document_id, "fence": fence}
    await db.run("insert_chunks", **place, bot_id=bot_id, words=words, **chunk_arrays(chunks))
    vectors: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
    for record in records:
        for embedding, vector in record.vectors.items():
            vectors[embedding].append((record.chunk.ordinal, vector))
    for embedding, numbered in vectors.items():
        await db.run(
            "insert_vectors",
            **place,
            embedding=embedding,
            ordinals=[ordinal for ordinal, _ in numbered],
            vectors=[vector for _, vector in numbered],
            points=[point_of(vector) for _, vector in numbered],
        )
