"""Chunks by their names, the index of a bot, and vectors as rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial

from palaver.document import Chunk, ChunkKey, Hit
from palaver.errors import FeatureAbsent, NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.keyset import END
from palaver.stores.knowledge_orders import BotIndex, ChunkQuery, IndexChange, Vector, VectorQuery
from palaver.stores.knowledge_rows import CHUNK_WIDTH, chunk_of
from palaver.stores.scan import Scan
from palaver.stores.sqlite.access import Access
from palaver.stores.sqlite.chunk_search import search
from palaver.stores.sqlite.chunk_writes import ChunkWriting
from palaver.stores.sqlite.cutter import Cutters
from palaver.stores.sqlite.document_rows import live_document
from palaver.stores.sqlite.transaction import Row, Transaction

_NONE = -1  # the key of an embedding that has no vectors


class SqliteChunks(Access):
    """``stores.knowledge.ChunkRows``"""

    async def page_chunks(
        self, tenant_id: str, document_id: str, window: Window, *, version: int | None = None
    ) -> Slice[Chunk]:
        return await self._read(lambda tx: _page(tx, tenant_id, document_id, window, version), snapshot=True)

    async def find_chunks(self, tenant_id: str, bot_id: str, keys: Sequence[ChunkKey]) -> Sequence[Hit]:
        return await self._read(partial(_find, tenant_id=tenant_id, bot_id=bot_id, keys=keys), snapshot=True)

    async def search_chunks(self, tenant_id: str, query: ChunkQuery) -> Sequence[Hit]:
        search_by_words = partial(_search, cutters=self._cutters, tenant_id=tenant_id, query=query)
        return await self._read(search_by_words, snapshot=True)

    async def search_vectors(self, tenant_id: str, query: VectorQuery) -> Sequence[Hit]:
        del tenant_id, query
        raise FeatureAbsent("A SQLite file has no index of vectors: one in the process finds them.")

    async def bot_index(self, tenant_id: str, bot_id: str) -> BotIndex:
        return (await self._read(partial(_index, tenant_id=tenant_id, bot_id=bot_id)))[1]

    async def index_changes(self, tenant_id: str, bot_id: str, *, after: int, limit: int) -> Sequence[IndexChange]:
        return await self._read(lambda tx: _changes(tx, tenant_id, bot_id, after, limit), snapshot=True)

    async def page_vectors(self, tenant_id: str, key: tuple[str, int], embedding: str, window: Window) -> Slice[Vector]:
        return await self._read(lambda tx: _vectors(tx, tenant_id, key, embedding, window), snapshot=True)

    async def unembedded_chunks(self, tenant_id: str, bot_id: str, embedding: str, window: Window) -> Slice[Chunk]:
        return (await self._read(lambda tx: _unembedded(tx, tenant_id, bot_id, embedding, window), snapshot=True))[1]

    async def put_vectors(self, tenant_id: str, embedding: str, vectors: Sequence[Vector]) -> None:
        await self._write(partial(_put_vectors, tenant_id=tenant_id, embedding=embedding, vectors=vectors), cheap=True)

    async def claim_embedding(self, tenant_id: str, bot_id: str, owner: str, lease_seconds: float) -> bool:
        return await self._write(lambda tx: _claim_embedding(tx, tenant_id, bot_id, owner, lease_seconds))

    async def serve_embedding(self, tenant_id: str, bot_id: str, embedding: str | None) -> bool:
        """All chunks are looked at by a reader; the writer only makes sure that nothing has changed since."""
        while True:
            revision = None
            if embedding is not None:
                first = Window(limit=1)
                look = partial(_unembedded, tenant_id=tenant_id, bot_id=bot_id, embedding=embedding, window=first)
                revision, missing = await self._read(look, snapshot=True)
                if missing.data:
                    return False
            serve = partial(_serve, tenant_id=tenant_id, bot_id=bot_id, embedding=embedding, revision=revision)
            if await self._write(serve):
                return True


def _page(tx: Transaction, tenant_id: str, document_id: str, window: Window, version: int | None) -> Slice[Chunk]:
    document, state = live_document(tx, tenant_id, document_id)
    if state.ready_fence is None or version not in (None, document.ready_version):
        return Slice(data=())
    scan = Scan.over(window, Order.ASC)
    made = {"document_n": state.n, "fence": state.ready_fence}
    name = "ready_chunks" if scan.ascending else "ready_chunks_before"
    rows = tx.rows(name, **made, ordinal=ordinal_of(scan), limit=scan.rows)
    return scan.slice(rows, chunk_of, lambda row: (row[2],))


def ordinal_of(scan: Scan) -> int:
    """Return the place in a version that a walk begins behind."""
    if scan.start is None:
        return -1 if scan.ascending else END
    return int(scan.start[0] or 0)


def hit_of(row: Row, *, score: float, rank: int) -> Hit:
    """``{chunk_columns}, documents.title, …``"""
    return Hit(chunk=chunk_of(row), title=row[CHUNK_WIDTH], score=score, rank=rank)


def _find(tx: Transaction, tenant_id: str, bot_id: str, keys: Sequence[ChunkKey]) -> Sequence[Hit]:
    rows = (tx.row("chunk_by_key", tenant_id=tenant_id, bot_id=bot_id, **key._asdict()) for key in keys)
    return tuple(hit_of(row, score=0, rank=rank) for rank, row in enumerate(filter(None, rows), 1))


def _search(tx: Transaction, cutters: Cutters, tenant_id: str, query: ChunkQuery) -> Sequence[Hit]:
    bot_n, _ = _index(tx, tenant_id, query.bot_id)
    return search(tx, cutters, tenant_id, bot_n, query)


def _index(tx: Transaction, tenant_id: str, bot_id: str) -> tuple[int, BotIndex]:
    row = tx.row("bot_index", id=bot_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    return row[0], BotIndex(revision=row[1], embedding=row[2])


def _changes(tx: Transaction, tenant_id: str, bot_id: str, after: int, limit: int) -> Sequence[IndexChange]:
    bot_n, _ = _index(tx, tenant_id, bot_id)
    return tuple(
        IndexChange(revision=revision, document_id=document_id, version=version, metadata=json.loads(metadata))
        for revision, document_id, version, metadata in tx.rows("index_changes", bot_n=bot_n, after=after, limit=limit)
    )


def _embedding_n(tx: Transaction, bot_n: int, embedding: str) -> int:
    row = tx.row("embedding", bot_n=bot_n, name=embedding)
    return _NONE if row is None else int(row[0])


def _vectors(tx: Transaction, tenant_id: str, key: tuple[str, int], embedding: str, window: Window) -> Slice[Vector]:
    document_id, version = key
    row = tx.row("version_of_document", id=document_id, tenant_id=tenant_id, version=version)
    if row is None:
        return Slice(data=())
    document_n, bot_n, fence = row
    scan = Scan.over(window, Order.ASC)
    made = {"document_n": document_n, "fence": fence, "embedding_n": _embedding_n(tx, bot_n, embedding)}
    name = "vectors_ascending" if scan.ascending else "vectors_descending"
    rows = tx.rows(name, **made, ordinal=ordinal_of(scan), limit=scan.rows)
    return scan.slice(rows, lambda row: Vector(ChunkKey(document_id, version, row[0]), row[1]), lambda row: (row[0],))


def _unembedded(
    tx: Transaction, tenant_id: str, bot_id: str, embedding: str, window: Window
) -> tuple[int, Slice[Chunk]]:
    """Return the revision that was looked at, and chunks without a vector."""
    bot_n, index = _index(tx, tenant_id, bot_id)
    scan = Scan.over(window, Order.ASC)
    n, ordinal = scan.start or (0, -1)
    where = {"bot_n": bot_n, "embedding_n": _embedding_n(tx, bot_n, embedding), "n": n, "ordinal": ordinal}
    rows = tx.rows("unembedded_chunks", **where, limit=scan.rows)
    return index.revision, scan.slice(rows, chunk_of, lambda row: (row[CHUNK_WIDTH], row[2]))


def _put_vectors(tx: Transaction, tenant_id: str, embedding: str, vectors: Sequence[Vector]) -> None:
    for vector in vectors:
        key = vector.key
        version = tx.row("version_of_document", id=key.document_id, tenant_id=tenant_id, version=key.version)
        if version is None:
            continue
        document_n, bot_n, fence = version
        chunk = tx.row("chunk_key", document_n=document_n, fence=fence, ordinal=key.ordinal)
        if chunk is not None:
            ChunkWriting(tx, tenant_id, bot_n).put_vector(chunk[0], embedding, vector.vector)


def _claim_embedding(tx: Transaction, tenant_id: str, bot_id: str, owner: str, lease_seconds: float) -> bool:
    bot_n, _ = _index(tx, tenant_id, bot_id)
    until = tx.now + int(lease_seconds * 1_000_000)
    return tx.run("claim_embedding", n=bot_n, owner=owner, until=until, now=tx.now) == 1


def _serve(tx: Transaction, tenant_id: str, bot_id: str, embedding: str | None, revision: int | None) -> bool:
    """Let an embedding serve that was whole at a revision; False if that is not the last one any more."""
    bot_n, index = _index(tx, tenant_id, bot_id)
    if embedding is not None and index.revision != revision:
        return False
    tx.run("serve_embedding", n=bot_n, embedding=embedding)
    tx.run("drop_embeddings", bot_n=bot_n, name=embedding)
    return True
