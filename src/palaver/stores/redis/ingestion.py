"""The way of a document into the index: claimed, written in batches where nobody looks, made ready in one step.

All of a document is in one slot, so a claim, a batch and the step that makes a version ready are each one script there. What
a chunk was made of, and the list of a bot's changes, are in other slots: the one is noted before, the other after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from palaver.clock import from_micros
from palaver.document import Chunk, Document, DocumentError
from palaver.errors import NotFound
from palaver.stores.documents import (
    begun,
    claim_lost,
    failed,
    given_back,
    given_up,
    holds,
    is_claimable,
    published,
    written_so_far,
)
from palaver.stores.knowledge_orders import Embedded, Ingestion
from palaver.stores.redis import chunk_rows, pruning
from palaver.stores.redis.access import Access
from palaver.stores.redis.documents import announce, live_document, unclaimed
from palaver.stores.redis.indexes import Walk
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredBot, StoredDocument
from palaver.stores.redis.taught import teach
from palaver.stores.redis.values import bot, document, with_document


class RedisIngestion(Access):
    """The claims of ``stores.knowledge.DocumentRows``"""

    async def claim_documents(self, owner: str, lease_seconds: float, limit: int) -> Sequence[Ingestion]:
        claim = partial(_claim, owner=owner, lease_micros=_micros(lease_seconds))
        claims: list[Ingestion] = []
        while waiting := await self._run(partial(_waiting, limit=limit - len(claims))):
            made = [await self._run(partial(claim, document_id=each), each) for each in waiting]
            claims += [each for each in made if each is not None]
        return tuple(claims)

    async def renew_ingestions(self, claims: Sequence[Ingestion], lease_seconds: float) -> frozenset[str]:
        renewed = [
            await self._run(partial(_renew, claim=each, lease_micros=_micros(lease_seconds)), each.document.id)
            for each in claims
        ]
        return frozenset(each.document.id for each, is_held in zip(claims, renewed, strict=True) if not is_held)

    async def put_chunks(self, claim: Ingestion, chunks: Sequence[Chunk], embedded: Embedded | None = None) -> None:
        operation = partial(_put_chunks, claim=claim, chunks=chunks, embedded=embedded)
        await self._run(operation, claim.document.id)

    async def publish_document(
        self, claim: Ingestion, *, title: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> Document:
        return await self._run(partial(_publish, claim=claim, title=title, metadata=metadata), claim.document.id)

    async def give_document_back(self, claim: Ingestion) -> Document:
        return await self._run(partial(_give_back, claim=claim), claim.document.id)

    async def fail_document(self, claim: Ingestion, error: DocumentError) -> Document:
        return await self._run(partial(_fail, claim=claim, error=error), claim.document.id)


def _micros(seconds: float) -> int:
    return int(seconds * 1_000_000)


def granted(db: Session, kept: StoredDocument, owner: str, lease_micros: int) -> StoredDocument:
    """Return a document that an owner makes ready from now on."""
    return replace(
        with_document(kept, begun(document(kept))),
        owner=owner,
        fence=kept.fence + 1,
        attempts=kept.attempts + 1,
        lease_until=db.now + lease_micros,
        next_span=0,
    )


async def find_claimed(db: Session, claim: Ingestion) -> StoredDocument | None:
    """Return a document whose claim goes on."""
    try:
        kept = await live_document(db, claim.tenant_id, claim.document.id)
    except NotFound:
        return None
    return kept if kept.fence == claim.fence and holds(document(kept), kept.lease_until, db.now) else None


async def claimed(db: Session, claim: Ingestion) -> StoredDocument:
    """Return a document whose claim goes on, or raise ``FenceLost``."""
    kept = await find_claimed(db, claim)
    if kept is None:
        raise claim_lost()
    return kept


def give_up(db: Session, kept: StoredDocument, error: DocumentError) -> StoredDocument:
    """Let the newest version of a document fail, as part of the step."""
    chunk_rows.forget(db, kept, kept.version)
    given_up = unclaimed(with_document(kept, failed(document(kept), error, from_micros(db.now))))
    db.put(given_up)
    return given_up


async def _waiting(db: Session, limit: int) -> Sequence[str]:
    """Return documents that somebody has to make ready."""
    if limit < 1:
        return ()

    async def of_live_bots(found: Sequence[StoredDocument]) -> Sequence[bool]:
        bots = await db.find_all(StoredBot, [each.bot_id for each in found])
        return [each is not None and each.deleted_at is None for each in bots]

    walk = Walk(StoredDocument, "documents.due", ascending=True, until=db.now - 1)
    return [each.thing.id for each in await walk.find(db, None, limit, of_live_bots)]


async def _claim(db: Session, *, document_id: str, owner: str, lease_micros: int) -> Ingestion | None:
    """Claim a document, unless another process has just done so."""
    kept = await db.find(StoredDocument, document_id)
    if kept is None or kept.deleted_at is not None or not is_claimable(document(kept), kept.lease_until, db.now):
        return None
    owning = await db.find(StoredBot, kept.bot_id)
    if owning is None or owning.deleted_at is not None:
        return None
    error = given_up(document(kept), kept.attempts)
    if error is not None:
        give_up(db, kept, error)
        return None
    chunk_rows.forget(db, kept, kept.version)
    kept = granted(db, kept, owner, lease_micros)
    db.put(kept)
    return Ingestion(tenant_id=kept.tenant_id, document=document(kept), bot=bot(owning), fence=kept.fence)


async def _renew(db: Session, claim: Ingestion, lease_micros: int) -> bool:
    kept = await find_claimed(db, claim)
    if kept is None:
        return False
    db.put(replace(kept, lease_until=db.now + lease_micros))
    return True


async def _put_chunks(db: Session, claim: Ingestion, chunks: Sequence[Chunk], embedded: Embedded | None) -> None:
    kept = await claimed(db, claim)
    written = [at for at, may_be in enumerate(await teach(db, kept.bot_id, chunks)) if may_be]
    where = chunk_rows.chunks_key(db.keys, kept.id, kept.version)
    chunk_rows.write(db, where, {chunks[at].ordinal: chunk_rows.packed_chunk(chunks[at]) for at in written})
    if embedded is not None:
        where = chunk_rows.vectors_key(db.keys, kept.id, kept.version, embedded.embedding)
        chunk_rows.write(db, where, {chunks[at].ordinal: embedded.vectors[at] for at in written})
        kept = chunk_rows.with_embedding(kept, embedded.embedding)
    span = max(kept.next_span, written_so_far(chunks))
    count = span if kept.ready_version is None else kept.chunk_count
    db.put(replace(kept, next_span=span, chunk_count=count, touches=kept.touches + 1))


async def _publish(db: Session, claim: Ingestion, title: str | None, metadata: Mapping[str, Any] | None) -> Document:
    kept = await claimed(db, claim)
    chunks, *vectors = chunk_rows.keys_of(db.keys, kept, kept.version)
    chunk_count, *vector_counts = await db.ask(*(("HLEN", key) for key in (chunks, *vectors)))
    counted = zip(kept.embeddings, vector_counts, strict=True)
    chunk_rows.forget(db, kept, kept.ready_version)
    value = published(document(kept), title=title, metadata=metadata, chunk_count=chunk_count, now=from_micros(db.now))
    embedding = next((name for name, count in counted if count), None)
    ready = replace(unclaimed(with_document(kept, value)), span=kept.next_span, embedding=embedding)
    db.put(ready)
    await pruning.note_others(db, ready)
    announce(db, ready)
    return value


async def _give_back(db: Session, claim: Ingestion) -> Document:
    kept = await claimed(db, claim)
    chunk_rows.forget(db, kept, kept.version)
    value = given_back(document(kept))
    db.put(replace(unclaimed(with_document(kept, value)), attempts=kept.attempts - 1))
    return value


async def _fail(db: Session, claim: Ingestion, error: DocumentError) -> Document:
    return document(give_up(db, await claimed(db, claim), error))
