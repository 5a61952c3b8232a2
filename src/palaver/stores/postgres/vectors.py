"""Vectors of chunks: kept as rows, made anew by another embedding, and searched where the database has pgvector."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from functools import partial

from palaver.document import Chunk, ChunkKey, Hit
from palaver.errors import FeatureAbsent
from palaver.page import Order, Slice, Window
from palaver.stores.keyset import by_key
from palaver.stores.knowledge_orders import Vector, VectorQuery
from palaver.stores.knowledge_rows import CHUNK_WIDTH, chunk_of
from palaver.stores.postgres.access import Access
from palaver.stores.postgres.bots import get_bot
from palaver.stores.postgres.chunk_rows import hit_of
from palaver.stores.postgres.chunks import index_of_bot
from palaver.stores.postgres.listing import narrowing_of
from palaver.stores.postgres.points import point_of, points_of
from palaver.stores.postgres.session import Session
from palaver.stores.scan import Scan


class PostgresVectors(Access):
    """The vectors of ``stores.knowledge.ChunkRows``"""

    async def page_vectors(self, tenant_id: str, key: tuple[str, int], embedding: str, window: Window) -> Slice[Vector]:
        return await self._read(lambda db: _page(db, tenant_id, key, embedding, window))

    async def unembedded_chunks(self, tenant_id: str, bot_id: str, embedding: str, window: Window) -> Slice[Chunk]:
        return await self._read(lambda db: _unembedded(db, tenant_id, bot_id, embedding, window))

    async def put_vectors(self, tenant_id: str, embedding: str, vectors: Sequence[Vector]) -> None:
        points = await asyncio.to_thread(points_of, [each.vector for each in vectors])
        await self._step(lambda db: _put(db, tenant_id, embedding, vectors, points))

    async def claim_embedding(self, tenant_id: str, bot_id: str, owner: str, lease_seconds: float) -> bool:
        return await self._step(lambda db: _claim(db, tenant_id, bot_id, owner, lease_seconds))

    async def serve_embedding(self, tenant_id: str, bot_id: str, embedding: str | None) -> bool:
        return await self._write(partial(_serve, tenant_id=tenant_id, bot_id=bot_id, embedding=embedding))

    async def search_vectors(self, tenant_id: str, query: VectorQuery) -> Sequence[Hit]:
        if self._extensions.vectors is None:
            raise FeatureAbsent("This database has no pgvector.")
        return await self._read(partial(_search, tenant_id=tenant_id, query=query))


async def _page(db: Session, tenant_id: str, key: tuple[str, int], embedding: str, window: Window) -> Slice[Vector]:
    scan = Scan.over(window, Order.ASC)
    where, order, start = by_key(scan, "v.ordinal")
    document_id, version = key
    rows = await db.select(
        f"SELECT v.ordinal, v.vector FROM ({db.queries['version']}) d CROSS JOIN LATERAL ("  # noqa: S608 - constants
        "SELECT * FROM chunk_vectors v WHERE v.tenant_id = :tenant_id AND v.document_id = d.id AND v.fence = d.fence"
        f" AND v.embedding = :embedding AND {where} ORDER BY {order} LIMIT :limit) v ORDER BY {order}",
        {
            "tenant_id": tenant_id,
            "document_id": document_id,
            "version": version,
            "embedding": embedding,
            "start": start,
            "limit": scan.rows,
        },
    )
    return scan.slice(rows, lambda row: Vector(ChunkKey(document_id, version, row[0]), row[1]), lambda row: (row[0],))


async def _unembedded(db: Session, tenant_id: str, bot_id: str, embedding: str, window: Window) -> Slice[Chunk]:
    await index_of_bot(db, tenant_id, bot_id)
    scan = Scan.over(window, Order.ASC)
    n, ordinal = scan.start or (0, -1)
    where = {"tenant_id": tenant_id, "bot_id": bot_id, "embedding": embedding, "n": n, "ordinal": ordinal}
    rows = await db.rows("unembedded_chunks", **where, limit=scan.rows)
    return scan.slice(rows, chunk_of, lambda row: (row[CHUNK_WIDTH], row[2]))


async def _put(db: Session, tenant_id: str, embedding: str, vectors: Sequence[Vector], points: Sequence[str]) -> None:
    await db.run(
        "put_vectors",
        tenant_id=tenant_id,
        embedding=embedding,
        document_ids=[each.key.document_id for each in vectors],
        versions=[each.key.version for each in vectors],
        ordinals=[each.key.ordinal for each in vectors],
        vectors=[each.vector for each in vectors],
        points=points,
    )


async def _claim(db: Session, tenant_id: str, bot_id: str, owner: str, lease_seconds: float) -> bool:
    lease_until = db.now + int(lease_seconds * 1_000_000)
    where = {"tenant_id": tenant_id, "id": bot_id}
    if await db.run("claim_embedding", **where, owner=owner, now=db.now, lease_until=lease_until):
        return True
    await index_of_bot(db, tenant_id, bot_id)
    return False


async def _serve(db: Session, tenant_id: str, bot_id: str, embedding: str | None) -> bool:
    await get_bot(db, tenant_id, bot_id, to_change=True)
    if embedding is not None and (await _unembedded(db, tenant_id, bot_id, embedding, Window(limit=1))).data:
        return False
    await db.run("serve_embedding", tenant_id=tenant_id, id=bot_id, embedding=embedding)
    return True


async def _search(db: Session, tenant_id: str, query: VectorQuery) -> Sequence[Hit]:
    await index_of_bot(db, tenant_id, query.bot_id)
    narrowing = narrowing_of(query.where, "d.metadata")
    rows = await db.select(
        _nearest(db, narrowing.sql),
        {
            "tenant_id": tenant_id,
            "bot_id": query.bot_id,
            "embedding": query.embedding,
            "point": point_of(query.vector),
            "bytes": len(query.vector),
            "k": query.k,
            **narrowing.params,
        },
    )
    return tuple(hit_of(row, score=_score(row[CHUNK_WIDTH + 1]), rank=rank) for rank, row in enumerate(rows, 1))


def _score(distance: float) -> float:
    return max(0.0, 1 - distance) if math.isfinite(distance) else 0.0


def _nearest(db: Session, narrowed: str) -> str:
    # The vectors of the bot's documents are compared, all of them and no others.
    return f"""
SELECT {db.queries["chunk_columns"]}, d.title, n.distance FROM (
    SELECT v.document_id, v.ordinal, {db.queries["distance"]} AS distance
    FROM documents d JOIN chunk_vectors v ON v.tenant_id = d.tenant_id AND v.document_id = d.id AND v.fence = d.ready_fence
    WHERE d.tenant_id = :tenant_id AND d.bot_id = :bot_id AND d.deleted_at IS NULL AND v.embedding = :embedding
        AND octet_length(v.vector) = :bytes AND v.point IS NOT NULL{narrowed}
        AND (d.source <> 'training' OR EXISTS (
            SELECT 1 FROM chunks c
            WHERE c.tenant_id = v.tenant_id AND c.document_id = v.document_id AND c.fence = v.fence AND c.ordinal = v.ordinal
                AND {db.queries["turn_of_chunk_is_there"]}
        ))
    ORDER BY distance, v.document_id, v.ordinal LIMIT :k
) n
JOIN documents d ON d.tenant_id = :tenant_id AND d.id = n.document_id
JOIN chunks c ON c.tenant_id = d.tenant_id AND c.document_id = d.id AND c.fence = d.ready_fence AND c.ordinal = n.ordinal
ORDER BY n.distance, n.document_id, n.ordinal
"""  # noqa: S608 - constants
