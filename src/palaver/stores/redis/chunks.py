"""Chunks: written by nobody here, read by everybody. What is live is decided by the rows, at the moment of the call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from palaver.document import Chunk, ChunkKey, Hit
from palaver.errors import FeatureAbsent
from palaver.page import Order, Slice, Window
from palaver.stores.knowledge_orders import BotIndex, ChunkQuery, IndexChange, Vector, VectorQuery
from palaver.stores.redis import announcements, chunk_rows
from palaver.stores.redis.access import Access
from palaver.stores.redis.bots import live_bot
from palaver.stores.redis.documents import live_document
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredBot, StoredDocument, StoredTurn, is_ready
from palaver.stores.redis.turn_lists import live_conversations
from palaver.stores.redis.values import document
from palaver.stores.scan import Scan

_ABSENT = "A Redis store does not search chunks: an index in the process does."


class RedisChunks(Access):
    """The reads of ``stores.knowledge.ChunkRows``, but for the searches"""

    async def page_chunks(
        self, tenant_id: str, document_id: str, window: Window, *, version: int | None = None
    ) -> Slice[Chunk]:
        return await self._run(lambda db: _page(db, tenant_id, document_id, Scan.over(window, Order.ASC), version))

    async def find_chunks(self, tenant_id: str, bot_id: str, keys: Sequence[ChunkKey]) -> Sequence[Hit]:
        return await self._run(partial(found_chunks, tenant_id=tenant_id, bot_id=bot_id, keys=keys))

    async def search_chunks(self, tenant_id: str, query: ChunkQuery) -> Sequence[Hit]:  # noqa: ARG002
        raise FeatureAbsent(_ABSENT)

    async def search_vectors(self, tenant_id: str, query: VectorQuery) -> Sequence[Hit]:  # noqa: ARG002
        raise FeatureAbsent(_ABSENT)

    async def bot_index(self, tenant_id: str, bot_id: str) -> BotIndex:
        return await self._run(partial(_index, tenant_id=tenant_id, bot_id=bot_id))

    async def index_changes(self, tenant_id: str, bot_id: str, *, after: int, limit: int) -> Sequence[IndexChange]:
        return await self._run(lambda db: _changes(db, tenant_id, bot_id, after, limit))

    async def page_vectors(self, tenant_id: str, key: tuple[str, int], embedding: str, window: Window) -> Slice[Vector]:
        scan = Scan.over(window, Order.ASC)
        return await self._run(lambda db: _vectors(db, tenant_id, key, embedding, scan))


async def live_chunks(db: Session, chunks: Sequence[Chunk]) -> Sequence[Chunk]:
    """Return those chunks of live documents that are live: the turns that they were made of are, if there are any."""
    origins = [each.provenance for each in chunks]
    turns = await db.find_all(StoredTurn, [None if each is None else each.turn_id for each in origins])
    chats = await live_conversations(db, [each.conversation_id for each in origins if each is not None])
    return [
        chunk
        for chunk, turn in zip(chunks, turns, strict=True)
        if chunk.provenance is None or (turn and turn.deleted_at is None and turn.conversation_id in chats)
    ]


async def _page(db: Session, tenant_id: str, document_id: str, scan: Scan, version: int | None) -> Slice[Chunk]:
    kept = await live_document(db, tenant_id, document_id)
    ready = kept.ready_version
    if ready is None or version not in (None, ready):
        return Slice(data=())

    async def live(there: Mapping[int, bytes]) -> Mapping[int, Chunk]:
        found = [chunk_rows.unpacked_chunk(ChunkKey(document_id, ready, at), each) for at, each in there.items()]
        return {each.ordinal: each for each in await live_chunks(db, found)}

    rows = await chunk_rows.walk(db, chunk_rows.chunks_key(db.keys, document_id, ready), scan, kept.span, live)
    return scan.slice(rows, lambda row: row[1], lambda row: (row[0],))


async def found_chunks(db: Session, tenant_id: str, bot_id: str, keys: Sequence[ChunkKey]) -> Sequence[Hit]:
    """``ChunkRows.find_chunks``"""
    owning = await db.find(StoredBot, bot_id)
    if owning is None or owning.deleted_at is not None:
        return ()
    documents = await db.find_all(StoredDocument, [key.document_id for key in keys])
    titles = {
        (kept.id, kept.ready_version): kept.title
        for kept in documents
        if kept is not None and (kept.tenant_id, kept.bot_id) == (tenant_id, bot_id) and is_ready(kept)
    }
    ready = [key for key in keys if key[:2] in titles]
    answers = await db.ask(*(("HGET", chunk_rows.chunks_key(db.keys, *key[:2]), key.ordinal) for key in ready))
    there = zip(ready, answers, strict=True)
    live = await live_chunks(db, [chunk_rows.unpacked_chunk(key, each) for key, each in there if each is not None])
    return tuple(
        Hit(chunk=chunk, title=titles[chunk.key[:2]], score=0, rank=rank) for rank, chunk in enumerate(live, 1)
    )


async def _index(db: Session, tenant_id: str, bot_id: str) -> BotIndex:
    index = await announcements.find_index(db, bot_id)
    await live_bot(db, tenant_id, bot_id)
    return index


async def _changes(db: Session, tenant_id: str, bot_id: str, after: int, limit: int) -> Sequence[IndexChange]:
    await live_bot(db, tenant_id, bot_id)
    where = announcements.changes_key(db.keys, bot_id)
    (flat,) = await db.ask(("ZRANGEBYSCORE", where, f"({after}", "+inf", "WITHSCORES", "LIMIT", 0, limit))
    ids = [each.decode() for each in flat[::2]]
    documents = await db.find_all(StoredDocument, ids)
    return tuple(map(_change, ids, flat[1::2], documents))


def _change(document_id: str, score: bytes, kept: StoredDocument | None) -> IndexChange:
    revision = int(float(score))
    if kept is None or kept.deleted_at is not None:
        return IndexChange(revision=revision, document_id=document_id, version=None)
    metadata = document(kept).metadata
    return IndexChange(revision=revision, document_id=document_id, version=kept.ready_version, metadata=metadata)


async def _vectors(db: Session, tenant_id: str, key: tuple[str, int], embedding: str, scan: Scan) -> Slice[Vector]:
    document_id, version = key
    kept = await db.find(StoredDocument, document_id)
    if kept is None or kept.tenant_id != tenant_id:
        return Slice(data=())

    async def vectors(there: Mapping[int, bytes]) -> Mapping[int, Vector]:
        return {at: Vector(ChunkKey(document_id, version, at), each) for at, each in there.items()}

    where = chunk_rows.vectors_key(db.keys, document_id, version, embedding)
    rows = await chunk_rows.walk(db, where, scan, chunk_rows.span_of(kept, version), vectors)
    return scan.slice(rows, lambda row: row[1], lambda row: (row[0],))
