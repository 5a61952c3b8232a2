"""Chunks as they are written: the rows, their words, their vectors as bytes and as pgvector reads them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from palaver.document import Chunk
from palaver.stores.postgres.chunk_rows import chunk_arrays
from palaver.stores.postgres.points import points_of
from palaver.stores.postgres.session import Session
from palaver.stores.postgres.stems import chunk_row_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Chunks of one bot, as the columns that are written of them and, for each embedding, of their vectors."""

    chunks: Mapping[str, Sequence[Any]]
    vectors: Mapping[str, Mapping[str, Sequence[Any]]]

    @classmethod
    def of(cls, chunks: Sequence[Chunk], vectors: Sequence[Mapping[str, bytes]], tenant_id: str, bot_id: str) -> Batch:
        """Return what is written of chunks, each with its vectors by their embeddings' names. Is for a thread."""
        words = [chunk_row_of(chunk.passage, tenant_id, bot_id) for chunk in chunks]
        by_embedding: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
        for chunk, of_chunk in zip(chunks, vectors, strict=True):
            for embedding, vector in of_chunk.items():
                by_embedding[embedding].append((chunk.ordinal, vector))
        return cls(
            chunks={**chunk_arrays(chunks), "words": words},
            vectors={embedding: _vector_arrays(numbered) for embedding, numbered in by_embedding.items()},
        )


def _vector_arrays(numbered: Sequence[tuple[int, bytes]]) -> Mapping[str, Sequence[Any]]:
    vectors = [vector for _, vector in numbered]
    return {"ordinals": [ordinal for ordinal, _ in numbered], "vectors": vectors, "points": points_of(vectors)}


async def put_batch(db: Session, batch: Batch, *, tenant_id: str, document_id: str, bot_id: str, fence: int) -> None:
    """Write chunks of the version that has this fence, and what finds them; what is there stays as it is."""
    place = {"tenant_id": tenant_id, "document_id": document_id, "fence": fence}
    await db.run("insert_chunks", **place, bot_id=bot_id, **batch.chunks)
    for embedding, vectors in batch.vectors.items():
        await db.run("insert_vectors", **place, embedding=embedding, **vectors)
