"""Chunks by their names, and what a cache of them goes by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial

from palaver.document import Chunk, ChunkKey, Hit
from palaver.errors import NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.keyset import by_key
from palaver.stores.knowledge_orders import BotIndex, ChunkQuery, IndexChange
from palaver.stores.knowledge_rows import CHUNK_WIDTH, chunk_of
from palaver.stores.postgres.access import Access
from palaver.stores.postgres.chunk_rows import hit_of
from palaver.stores.postgres.chunk_search import search
from palaver.stores.postgres.session import Session
from palaver.stores.rows import index_of
from palaver.stores.scan import Scan


class PostgresChunks(Access):
    """The chunks of ``stores.knowledge.ChunkRows``"""

    async def page_chunks(
        self, tenant_id: str, document_id: str, window: Window, *, version: int | None = None
    ) -> Slice[Chunk]:
        return await self._read(lambda db: _page(db, tenant_id, document_id, window, version))

    async def find_chunks(self, tenant_id: str, bot_id: str, keys: Sequence[ChunkKey]) -> Sequence[Hit]:
        return await self._read(partial(_find, tenant_id=tenant_id, bot_id=bot_id, keys=keys))

    async def search_chunks(self, tenant_id: str, query: ChunkQuery) -> Sequence[Hit]:
        spells = self._extensions.trigrams is not None
        return await self._read(partial(search, tenant_id=tenant_id, query=query, spells=spells))

    async def bot_index(self, tenant_id: str, bot_id: str) -> BotIndex:
        return await self._read(partial(index_of_bot, tenant_id=tenant_id, bot_id=bot_id))

    async def index_changes(self, tenant_id: str, bot_id: str, *, after: int, limit: int) -> Sequence[IndexChange]:
        return await self._read(lambda db: _changes(db, tenant_id, bot_id, after, limit))


async def index_of_bot(db: Session, tenant_id: str, bot_id: str) -> BotIndex:
    """``ChunkRows.bot_index``"""
    row = await db.row("bot_index", tenant_id=tenant_id, id=bot_id)
    if row is None:
        raise NotFound
    return index_of(row)


async def _page(db: Session, tenant_id: str, document_id: str, window: Window, version: int | None) -> Slice[Chunk]:
    if await db.row("document", tenant_id=tenant_id, id=document_id) is None:
        raise NotFound
    scan = Scan.over(window, Order.ASC)
    where, order, start = by_key(scan, "c.ordinal")
    rows = await db.select(
        f"SELECT {db.queries['chunk_columns']} FROM {db.queries['document_tables']} CROSS JOIN LATERAL ("  # noqa: S608 - constants
        "SELECT * FROM chunks c WHERE c.tenant_id = d.tenant_id AND c.document_id = d.id AND c.fence = d.ready_fence"
        f" AND {db.queries['turn_of_chunk_is_there']} AND {where} ORDER BY {order} LIMIT :limit) c"
        f" WHERE d.tenant_id = :tenant_id AND d.id = :id AND {db.queries['live_document']}"
        f" AND d.ready_version = coalesce(:version, d.ready_version) ORDER BY {order}",
        {"tenant_id": tenant_id, "id": document_id, "version": version, "start": start, "limit": scan.rows},
    )
    return scan.slice(rows, chunk_of, lambda row: (row[2],))


async def _find(db: Session, tenant_id: str, bot_id: str, keys: Sequence[ChunkKey]) -> Sequence[Hit]:
    rows = await db.rows(
        "chunks_of_keys",
        tenant_id=tenant_id,
        bot_id=bot_id,
        document_ids=[key.document_id for key in keys],
        versions=[key.version for key in keys],
        ordinals=[key.ordinal for key in keys],
    )
    return tuple(hit_of(row, score=0, rank=row[CHUNK_WIDTH + 1]) for row in rows)


async def _changes(db: Session, tenant_id: str, bot_id: str, after: int, limit: int) -> Sequence[IndexChange]:
    await index_of_bot(db, tenant_id, bot_id)
    rows = await db.rows("index_changes", tenant_id=tenant_id, bot_id=bot_id, after=after, limit=limit)
    return tuple(
        IndexChange(revision=revision, document_id=document_id, version=version, metadata=json.loads(metadata))
        for revision, document_id, version, metadata in rows
    )
