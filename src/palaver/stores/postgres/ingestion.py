"""How a document becomes ready: claimed, its chunks written under the fence, published in one step."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
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
    published,
    written_so_far,
)
from palaver.stores.knowledge_orders import Embedded, Ingestion, vectors_by_chunk
from palaver.stores.knowledge_rows import DOCUMENT_WIDTH, document_of
from palaver.stores.postgres.access import Access
from palaver.stores.postgres.chunk_writes import Batch, put_batch
from palaver.stores.postgres.documents import (
    STATE_WIDTH,
    DocumentState,
    document_to_change,
    indexed_anew,
    leave_chunks,
    leave_claim,
    save,
    state_of,
)
from palaver.stores.postgres.session import Session
from palaver.stores.rows import bot_of


class PostgresIngestion(Access):
    """The claims of ``stores.knowledge.DocumentRows``"""

    async def claim_documents(self, owner: str, lease_seconds: float, limit: int) -> Sequence[Ingestion]:
        return await self._write(partial(_claim, owner=owner, lease_seconds=lease_seconds, limit=limit))

    async def renew_ingestions(self, claims: Sequence[Ingestion], lease_seconds: float) -> frozenset[str]:
        return await self._step(partial(_renew, claims=claims, lease_seconds=lease_seconds))

    async def put_chunks(self, claim: Ingestion, chunks: Sequence[Chunk], embedded: Embedded | None = None) -> None:
        batch = await asyncio.to_thread(_batch_of, claim, chunks, embedded)
        await self._write(partial(_put, claim=claim, batch=batch, written=written_so_far(chunks)))

    async def publish_document(
        self, claim: Ingestion, *, title: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> Document:
        return await self._write(partial(_publish, claim=claim, title=title, metadata=metadata))

    async def give_document_back(self, claim: Ingestion) -> Document:
        return await self._write(partial(_give_back, claim=claim))

    async def fail_document(self, claim: Ingestion, error: DocumentError) -> Document:
        return await self._write(partial(_fail, claim=claim, error=error))


async def _claim(db: Session, owner: str, lease_seconds: float, limit: int) -> Sequence[Ingestion]:
    lease_until = db.now + int(lease_seconds * 1_000_000)
    claims: list[Ingestion] = []
    for row in await db.rows("documents_to_claim", now=db.now, limit=limit):
        document, state = document_of(row), state_of(row)
        tenant_id, *bot = row[DOCUMENT_WIDTH + STATE_WIDTH :]
        if (error := given_up(document, state.attempts)) is not None:
            await fail(db, tenant_id, document, state, error)
            continue
        await leave_claim(db, tenant_id, document, state)
        fence, attempts = state.fence + 1, state.attempts + 1
        state = state._replace(owner=owner, fence=fence, attempts=attempts, lease_until=lease_until)
        document = await save(db, tenant_id, begun(document), state)
        claims.append(Ingestion(tenant_id=tenant_id, document=document, bot=bot_of(bot), fence=fence))
    return tuple(claims)


async def _renew(db: Session, claims: Sequence[Ingestion], lease_seconds: float) -> frozenset[str]:
    claims = sorted(claims, key=lambda claim: (claim.tenant_id, claim.document.id))  # all hold theirs in one order
    rows = await db.rows(
        "renew_ingestions",
        tenant_ids=[claim.tenant_id for claim in claims],
        ids=[claim.document.id for claim in claims],
        fences=[claim.fence for claim in claims],
        now=db.now,
        lease_until=db.now + int(lease_seconds * 1_000_000),
    )
    held = {row[0]: row[1] for row in rows}  # of two claims of one document only one has its fence
    return frozenset(claim.document.id for claim in claims if held.get(claim.document.id) != claim.fence)


def _batch_of(claim: Ingestion, chunks: Sequence[Chunk], embedded: Embedded | None) -> Batch:
    return Batch.of(chunks, vectors_by_chunk(len(chunks), embedded), claim.tenant_id, claim.document.bot_id)


async def hold_claim(db: Session, claim: Ingestion) -> None:
    """Go on only under a claim that nobody takes away until the commit, which waits for no disk.

    Raises:
        FenceLost.
    """
    document = claim.document
    where = {"tenant_id": claim.tenant_id, "id": document.id, "fence": claim.fence}
    if await db.row("hold_claim", **where, now=db.now) is None:
        raise claim_lost()


async def _put(db: Session, *, claim: Ingestion, batch: Batch, written: int) -> None:
    document = claim.document
    where = {"tenant_id": claim.tenant_id, "id": document.id, "fence": claim.fence}
    if await db.row("hold_claim_to_write", **where, written=written, now=db.now) is None:
        raise claim_lost()
    place = {"tenant_id": claim.tenant_id, "document_id": document.id, "bot_id": document.bot_id}
    await put_batch(db, batch, **place, fence=claim.fence)


async def _held(db: Session, claim: Ingestion) -> tuple[Document, DocumentState]:
    """Return the claimed document, locked. Raises ``FenceLost``."""
    try:
        document, state = await document_to_change(db, claim.tenant_id, claim.document.id)
    except NotFound as error:
        raise claim_lost() from error
    if state.fence != claim.fence or not holds(document, state.lease_until, db.now):
        raise claim_lost()
    return document, state


async def _publish(db: Session, claim: Ingestion, title: str | None, metadata: Mapping[str, Any] | None) -> Document:
    document, state = await _held(db, claim)
    place = {"tenant_id": claim.tenant_id, "document_id": document.id, "fence": claim.fence}
    (count,) = await db.row("count_chunks", **place) or (0,)
    await leave_chunks(db, claim.tenant_id, document.id, state.ready_fence)
    await db.run("first_embedding", **place, bot_id=document.bot_id)
    state = await indexed_anew(db, claim.tenant_id, document, state)
    state = state._replace(owner=None, attempts=0, lease_until=None, ready_fence=claim.fence)
    ready = published(document, title=title, metadata=metadata, chunk_count=count, now=from_micros(db.now))
    return await save(db, claim.tenant_id, ready, state)


async def _give_back(db: Session, claim: Ingestion) -> Document:
    document, state = await _held(db, claim)
    left = await leave_claim(db, claim.tenant_id, document, state)
    return await save(db, claim.tenant_id, given_back(document), left._replace(attempts=state.attempts - 1))


async def _fail(db: Session, claim: Ingestion, error: DocumentError) -> Document:
    document, state = await _held(db, claim)
    return await fail(db, claim.tenant_id, document, state, error)


async def fail(db: Session, tenant_id: str, document: Document, state: DocumentState, error: DocumentError) -> Document:
    """End the newest version of a document that is locked."""
    state = await leave_claim(db, tenant_id, document, state)
    return await save(db, tenant_id, failed(document, error, from_micros(db.now)), state)
