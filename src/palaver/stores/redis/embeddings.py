"""Embedding anew: vectors of chunks that are there, and which of them serve a bot."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial

from palaver.document import Chunk, ChunkKey
from palaver.page import Order, Slice, Window
from palaver.stores.knowledge_orders import Vector
from palaver.stores.redis import announcements, chunk_rows, pruning
from palaver.stores.redis.access import Access
from palaver.stores.redis.announcements import EMBEDDER
from palaver.stores.redis.bots import live_bot
from palaver.stores.redis.chunks import live_chunks
from palaver.stores.redis.indexes import Walk
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredDocument
from palaver.stores.scan import Scan

_AT_ONCE = 200


class RedisEmbeddings(Access):
    """The writes of ``stores.knowledge.ChunkRows``"""

    async def unembedded_chunks(self, tenant_id: str, bot_id: str, embedding: str, window: Window) -> Slice[Chunk]:
        return await self._run(lambda db: _unembedded(db, tenant_id, bot_id, embedding, window))

    async def put_vectors(self, tenant_id: str, embedding: str, vectors: Sequence[Vector]) -> None:
        for document_id in dict.fromkeys(each.key.document_id for each in vectors):
            about = [each for each in vectors if each.key.document_id == document_id]
            operation = partial(_put_vectors, tenant_id=tenant_id, embedding=embedding, vectors=about)
            await self._run(operation, document_id)

    async def claim_embedding(self, tenant_id: str, bot_id: str, owner: str, lease_seconds: float) -> bool:
        return await self._run(lambda db: _claim(db, tenant_id, bot_id, owner, lease_seconds), bot_id)

    async def serve_embedding(self, tenant_id: str, bot_id: str, embedding: str | None) -> bool:
        return await self._run(lambda db: _serve(db, tenant_id, bot_id, embedding), bot_id)


async def _unembedded(db: Session, tenant_id: str, bot_id: str, embedding: str, window: Window) -> Slice[Chunk]:
    await live_bot(db, tenant_id, bot_id)
    scan = Scan.over(window, Order.ASC)
    found: list[tuple[Chunk, int, int]] = []
    walk = Walk(StoredDocument, f"documents.live:{bot_id}", ascending=True)
    score, n, ordinal = (int(part or 0) for part in scan.start or (-1, -1, -1))
    start = (score, n - 1)  # so that the document of the position is the first
    while len(found) < scan.rows and (documents := await walk.find(db, start, _AT_ONCE, partial(_lack, db, embedding))):
        for each in documents:
            begun = Window(limit=scan.rows - len(found), after=(ordinal,) if each.thing.n == n else None)
            found += [(chunk, each.score, each.thing.n) for chunk in await _bare(db, each.thing, embedding, begun)]
            if len(found) >= scan.rows:
                break
        start = (documents[-1].score, documents[-1].thing.n)
    return scan.slice(found, lambda row: row[0], lambda row: (row[1], row[2], row[0].ordinal))


async def _lack(db: Session, embedding: str, documents: Sequence[StoredDocument]) -> Sequence[bool]:
    """Say of which documents chunks lack a vector, most likely: those of deleted turns need none."""
    counts = await db.ask(
        *(
            ("HLEN", key)
            for each in documents
            for key in (
                chunk_rows.chunks_key(db.keys, each.id, each.ready_version or 0),
                chunk_rows.vectors_key(db.keys, each.id, each.ready_version or 0, embedding),
            )
        )
    )
    return [chunks > vectors for chunks, vectors in zip(counts[::2], counts[1::2], strict=True)]


async def _bare(db: Session, kept: StoredDocument, embedding: str, window: Window) -> Sequence[Chunk]:
    """Return chunks of a document that have no vector."""
    version = kept.ready_version or 0
    vectors = chunk_rows.vectors_key(db.keys, kept.id, version, embedding)

    async def lacking(there: Mapping[int, bytes]) -> Mapping[int, Chunk]:
        have = await db.ask(*(("HEXISTS", vectors, at) for at in there))
        bare = [at for at, has in zip(there, have, strict=True) if not has]
        chunks = [chunk_rows.unpacked_chunk(ChunkKey(kept.id, version, at), there[at]) for at in bare]
        return {each.ordinal: each for each in await live_chunks(db, chunks)}

    scan = Scan.over(window, Order.ASC)
    rows = await chunk_rows.walk(db, chunk_rows.chunks_key(db.keys, kept.id, version), scan, kept.span, lacking)
    return [chunk for _, chunk in rows[: window.limit]]


async def _put_vectors(db: Session, tenant_id: str, embedding: str, vectors: Sequence[Vector]) -> None:
    kept = await db.find(StoredDocument, vectors[0].key.document_id)
    if kept is None or kept.tenant_id != tenant_id or kept.doomed:
        return
    chunks = (chunk_rows.chunks_key(db.keys, *each.key[:2]) for each in vectors)
    there = await db.ask(*(("HEXISTS", key, each.key.ordinal) for key, each in zip(chunks, vectors, strict=True)))
    for each, is_there in zip(vectors, there, strict=True):
        if is_there:
            where = chunk_rows.vectors_key(db.keys, kept.id, each.key.version, embedding)
            chunk_rows.write(db, where, {each.key.ordinal: each.vector})
    if any(there):
        db.put(chunk_rows.with_embedding(kept, embedding))


async def _claim(db: Session, tenant_id: str, bot_id: str, owner: str, lease_seconds: float) -> bool:
    await live_bot(db, tenant_id, bot_id)
    state = announcements.state_key(db.keys, bot_id)
    (kept,) = await db.ask(("HGET", state, EMBEDDER))
    if pruning.is_embedding(kept, db.now, by_others_than=owner):
        return False
    db.decide(state)
    db.expect(kept or "", "HGET", state, EMBEDDER)
    db.write("HSET", state, EMBEDDER, json.dumps([owner, db.now + int(lease_seconds * 1_000_000)]))
    return True


async def _serve(db: Session, tenant_id: str, bot_id: str, embedding: str | None) -> bool:
    """Let vectors serve. What is announced meanwhile has not been looked at: then it is decided anew."""
    await live_bot(db, tenant_id, bot_id)
    state = announcements.state_key(db.keys, bot_id)
    (revision,) = await db.ask(("HGET", state, "revision"))
    if embedding is not None and (await _unembedded(db, tenant_id, bot_id, embedding, Window(limit=1))).data:
        return False
    db.decide(state)
    db.expect(revision or "", "HGET", state, "revision")
    db.write("HDEL", state, "embedding", EMBEDDER)
    db.write("HINCRBY", state, "revision", 1)
    if embedding is not None:
        db.write("HSET", state, "embedding", embedding)
    pruning.note(db, bot_id)
    return True
