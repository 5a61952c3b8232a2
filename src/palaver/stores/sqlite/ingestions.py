"""How documents become ready: claimed, written for, published or failed; and the runs that train on conversations."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from palaver.clock import from_micros
from palaver.document import Chunk, Document, DocumentError, DocumentSource
from palaver.errors import FenceLost
from palaver.stores.documents import (
    CUT,
    NOTHING,
    failed,
    given_back,
    given_up,
    holds,
    new_run,
    published,
    training_in_progress,
    written_so_far,
)
from palaver.stores.knowledge_orders import DocumentDraft, Embedded, Ingestion
from palaver.stores.knowledge_rows import DOCUMENT_WIDTH, document_of
from palaver.stores.rows import bot_of
from palaver.stores.sqlite.access import Access
from palaver.stores.sqlite.bots import bot_with_key
from palaver.stores.sqlite.chunk_writes import Batch, ChunkWriting
from palaver.stores.sqlite.document_rows import (
    STATE_WIDTH,
    DocumentState,
    held,
    leave_unfinished,
    live_document,
    revise,
    state_of,
    update,
)
from palaver.stores.sqlite.documents import insert_document
from palaver.stores.sqlite.quarters import note_quarters
from palaver.stores.sqlite.transaction import Row, Transaction

_BEFORE_FIRST = -1


class SqliteIngestions(Access):
    """The claims of ``stores.knowledge.DocumentRows``, and ``TrainingRows.begin_training``"""

    async def claim_documents(self, owner: str, lease_seconds: float, limit: int) -> Sequence[Ingestion]:
        if not await self._read(lambda tx: tx.rows("documents_to_make", now=tx.now, limit=1)):
            return ()
        return await self._write(partial(_claim, owner=owner, lease_seconds=lease_seconds, limit=limit))

    async def renew_ingestions(self, claims: Sequence[Ingestion], lease_seconds: float) -> frozenset[str]:
        return await self._write(partial(_renew, claims=claims, lease_seconds=lease_seconds), cheap=True)

    async def put_chunks(self, claim: Ingestion, chunks: Sequence[Chunk], embedded: Embedded | None = None) -> None:
        batch = await asyncio.to_thread(Batch.of, chunks, embedded)
        await self._write(partial(_put, claim=claim, batch=batch, written=written_so_far(chunks)), cheap=True)

    async def publish_document(
        self, claim: Ingestion, *, title: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> Document:
        after: int | None = _BEFORE_FIRST if claim.document.source is DocumentSource.TRAINING else None
        while after is not None:
            after = await self._write(partial(_note_quarters, claim=claim, after=after), cheap=True)
        return await self._write(partial(_publish, claim=claim, title=title, metadata=metadata))

    async def give_document_back(self, claim: Ingestion) -> Document:
        return await self._write(partial(_give_back, claim=claim))

    async def fail_document(self, claim: Ingestion, error: DocumentError) -> Document:
        return await self._write(partial(_fail_claimed, claim=claim, error=error))

    async def begin_training(self, tenant_id: str, draft: DocumentDraft, owner: str, lease_seconds: float) -> Ingestion:
        return await self._write(lambda tx: _begin_training(tx, tenant_id, draft, owner, lease_seconds))


def _micros(seconds: float) -> int:
    return int(seconds * 1_000_000)


def _claim(tx: Transaction, owner: str, lease_seconds: float, limit: int) -> Sequence[Ingestion]:
    claims: list[Ingestion] = []
    while len(claims) < limit:
        rows = tx.rows("documents_to_make", now=tx.now, limit=limit - len(claims))
        if not rows:
            break
        for row in rows:
            document, state = document_of(row), state_of(row)
            leave_unfinished(tx, document, state)
            error = given_up(document, state.attempts)
            if error is not None:
                _fail(tx, document, state, error)
            else:
                claims.append(_claimed(tx, row, owner, tx.now + _micros(lease_seconds)))
    return claims


def _claimed(tx: Transaction, row: Row, owner: str, lease_until: int) -> Ingestion:
    state = state_of(row)
    tx.run("claim_document", n=state.n, owner=owner, lease_until=lease_until)
    document, claimed = live_document(tx, state.tenant_id, row[0])
    bot = bot_of(row[DOCUMENT_WIDTH + STATE_WIDTH :])
    return Ingestion(tenant_id=state.tenant_id, document=document, bot=bot, fence=claimed.fence)


def _renew(tx: Transaction, claims: Sequence[Ingestion], lease_seconds: float) -> frozenset[str]:
    lost: set[str] = set()
    for claim in claims:
        try:
            _, state = held(tx, claim)
        except FenceLost:
            lost.add(claim.document.id)
        else:
            tx.run("renew_claim", n=state.n, lease_until=tx.now + _micros(lease_seconds))
    return frozenset(lost)


def _put(tx: Transaction, claim: Ingestion, batch: Batch, written: int) -> None:
    _, state = held(tx, claim)
    tx.run("count_written", n=state.n, written=written)
    ChunkWriting(tx, claim.tenant_id, state.bot_n).put(batch, document_n=state.n, fence=state.fence)


def _note_quarters(tx: Transaction, claim: Ingestion, after: int) -> int | None:
    _, state = held(tx, claim)
    return note_quarters(tx, state.bot_n, state.n, state.fence, after)


def _publish(tx: Transaction, claim: Ingestion, title: str | None, metadata: Mapping[str, Any] | None) -> Document:
    document, state = held(tx, claim)
    if state.ready_fence is not None:
        tx.run("leave", document_n=state.n, fence=state.ready_fence)
    made = {"document_n": state.n, "fence": state.fence}
    count, first, last = tx.row("extent_of_chunks", **made) or (0, None, None)
    update(tx, published(document, title=title, metadata=metadata, chunk_count=count, now=from_micros(tx.now)))
    tx.run("set_ready_fence", n=state.n, first=first, last=last)
    tx.run("end_claim", n=state.n)
    embedding = tx.row("embedding_of_chunks", bot_n=state.bot_n, **made)
    if embedding is not None:
        tx.run("set_embedding", n=state.bot_n, embedding=embedding[0])
    revise(tx, state)
    return live_document(tx, claim.tenant_id, document.id)[0]


def _give_back(tx: Transaction, claim: Ingestion) -> Document:
    document, state = held(tx, claim)
    leave_unfinished(tx, document, state)
    update(tx, given_back(document))
    tx.run("give_claim_back", n=state.n)
    return live_document(tx, claim.tenant_id, document.id)[0]


def _fail_claimed(tx: Transaction, claim: Ingestion, error: DocumentError) -> Document:
    document, state = held(tx, claim)
    leave_unfinished(tx, document, state)
    _fail(tx, document, state, error)
    return live_document(tx, claim.tenant_id, document.id)[0]


def _fail(tx: Transaction, document: Document, state: DocumentState, error: DocumentError) -> None:
    update(tx, failed(document, error, from_micros(tx.now)))
    tx.run("end_claim", n=state.n)


def _begin_training(
    tx: Transaction, tenant_id: str, draft: DocumentDraft, owner: str, lease_seconds: float
) -> Ingestion:
    bot, bot_n = bot_with_key(tx, tenant_id, draft.bot_id)
    for row in tx.rows("runs_in_progress", bot_n=bot_n):
        run, state = document_of(row), state_of(row)
        if holds(run, state.lease_until, tx.now):
            raise training_in_progress()
        leave_unfinished(tx, run, state)
        _fail(tx, run, state, CUT)
    n = insert_document(tx, tenant_id, bot_n, new_run(draft, from_micros(tx.now)), NOTHING)
    tx.run("claim_document", n=n, owner=owner, lease_until=tx.now + _micros(lease_seconds))
    document, state = live_document(tx, tenant_id, draft.id)
    return Ingestion(tenant_id=tenant_id, document=document, bot=bot, fence=state.fence)
