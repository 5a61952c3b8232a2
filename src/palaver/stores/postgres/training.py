"""Past conversations, as knowledge: runs, the pairs that a run would use, and the marks that spare it what is used up.

A mark names the document that it counts for. Conversations without one, and those whose document does not count, are
ranges of two indexes: what is marked is not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import chain

from palaver.clock import from_micros
from palaver.conversation import ConversationStatus, Message
from palaver.page import Order, Slice, Window
from palaver.stores.documents import CUT, NOTHING, holds, new_run, training_in_progress
from palaver.stores.knowledge_orders import (
    ALIKE_AT_ONCE,
    DocumentDraft,
    Ingestion,
    Pair,
    TrainingFilter,
    TrainingPolicy,
)
from palaver.stores.knowledge_rows import document_of
from palaver.stores.pairs import alike_among, quarters_of
from palaver.stores.postgres.access import Access
from palaver.stores.postgres.bots import get_bot
from palaver.stores.postgres.documents import DocumentState, insert, state_of
from palaver.stores.postgres.ingestion import fail, hold_claim
from palaver.stores.postgres.quotes import with_gone
from palaver.stores.postgres.session import Row, Session
from palaver.stores.rows import MESSAGE_WIDTH, message_of
from palaver.stores.scan import Scan

_CONVERSATIONS = 100
"""How many conversations are looked at in one go."""
_QUESTION = 2
_ANSWER = _QUESTION + MESSAGE_WIDTH
_RATING = _ANSWER + MESSAGE_WIDTH


class PostgresTraining(Access):
    """``stores.knowledge.TrainingRows``"""

    async def begin_training(self, tenant_id: str, draft: DocumentDraft, owner: str, lease_seconds: float) -> Ingestion:
        return await self._write(lambda db: _begin(db, tenant_id, draft, owner, lease_seconds))

    async def page_untrained(self, tenant_id: str, wanted: TrainingFilter, window: Window) -> Slice[Pair]:
        return await self._read(partial(_page, tenant_id=tenant_id, wanted=wanted, window=window))

    async def alike_fingerprints(self, tenant_id: str, bot_id: str, fingerprints: Sequence[str]) -> frozenset[str]:
        return await self._read(partial(_alike, tenant_id=tenant_id, bot_id=bot_id, fingerprints=fingerprints))

    async def mark_trained(self, claim: Ingestion, conversation_ids: Sequence[str]) -> None:
        await self._write(partial(_mark, claim=claim, conversation_ids=conversation_ids))


async def _begin(db: Session, tenant_id: str, draft: DocumentDraft, owner: str, lease_seconds: float) -> Ingestion:
    bot = await get_bot(db, tenant_id, draft.bot_id, to_change=True)  # one after the other
    for row in await db.rows("running_training", tenant_id=tenant_id, bot_id=bot.id):
        document, state = document_of(row), state_of(row)
        if holds(document, state.lease_until, db.now):
            raise training_in_progress()
        await fail(db, tenant_id, document, state, CUT)
    state = DocumentState(owner=owner, fence=1, attempts=1, lease_until=db.now + int(lease_seconds * 1_000_000))
    document = await insert(db, tenant_id, new_run(draft, from_micros(db.now)), NOTHING, state)
    return Ingestion(tenant_id=tenant_id, document=document, bot=bot, fence=state.fence)


async def _page(db: Session, tenant_id: str, wanted: TrainingFilter, window: Window) -> Slice[Pair]:
    await get_bot(db, tenant_id, wanted.bot_id)
    scan = Scan.over(window, Order.ASC)
    rows: list[Row] = []
    n, idx = (int(part or 0) for part in scan.start or (0, 0))
    while len(rows) < scan.rows:
        where = {"tenant_id": tenant_id, "bot_id": wanted.bot_id, "n": n, "limit": _CONVERSATIONS}
        talks = await db.rows("untrained_conversations", **where)
        if not talks:
            break
        rows += await _pairs(db, tenant_id, wanted, talks, (n, idx, scan.rows - len(rows)))
        n, idx = talks[-1][0] + 1, 0
    answers = await with_gone(db, tenant_id, [message_of(row[_ANSWER:_RATING]) for row in rows])
    found = [(*row[:2], _pair(row, answer)) for row, answer in zip(rows, answers, strict=True)]
    return scan.slice(found, lambda row: row[2], lambda row: (row[0], row[1]))


async def _pairs(
    db: Session, tenant_id: str, wanted: TrainingFilter, talks: Sequence[Row], stretch: tuple[int, int, int]
) -> Sequence[Row]:
    n, idx, limit = stretch
    if wanted.policy is TrainingPolicy.ENDED:
        talks = [talk for talk in talks if talk[3] != ConversationStatus.ACTIVE]
    return await db.rows(
        "untrained_pairs",
        tenant_id=tenant_id,
        ids=[talk[1] for talk in talks],
        ns=[talk[0] for talk in talks],
        ratings=[talk[2] for talk in talks],
        min_rating=wanted.min_rating if wanted.policy is TrainingPolicy.RATED else None,
        n=n,
        idx=idx,
        limit=limit,
    )


def _pair(row: Row, answer: Message) -> Pair:
    rating = row[_RATING] if answer.rating is None else answer.rating
    return Pair(question=message_of(row[_QUESTION:_ANSWER]), answer=answer, rating=rating)


async def _alike(db: Session, tenant_id: str, bot_id: str, fingerprints: Sequence[str]) -> frozenset[str]:
    await get_bot(db, tenant_id, bot_id)
    quarters: dict[int, set[str]] = {}
    for place, digits in chain.from_iterable(map(quarters_of, fingerprints)):
        quarters.setdefault(place, set()).add(digits)
    where = {"tenant_id": tenant_id, "bot_id": bot_id, "limit": ALIKE_AT_ONCE}
    found: set[str] = set()
    for after, wanted in quarters.items():
        rows = await db.rows(f"alike_after_{after}", quarters=list(wanted), **where)
        found.update(row[0] for row in rows)
    return alike_among(fingerprints, found)


async def _mark(db: Session, claim: Ingestion, conversation_ids: Sequence[str]) -> None:
    await hold_claim(db, claim)
    where = {"tenant_id": claim.tenant_id, "document_id": claim.document.id}
    await db.run("mark_trained", **where, conversation_ids=conversation_ids)
