"""Past conversations as knowledge: the pairs that a run would use, and the marks of what it need not look at again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from heapq import merge

from palaver.clock import to_micros
from palaver.errors import NotFound
from palaver.page import Slice, Window
from palaver.stores.knowledge_orders import Ingestion, Pair, TrainingFilter
from palaver.stores.sqlite.access import Access
from palaver.stores.sqlite.document_rows import held
from palaver.stores.sqlite.quarters import chunks_alike
from palaver.stores.sqlite.quotes import read_message
from palaver.stores.sqlite.transaction import Row, Transaction

_CONVERSATIONS_AT_ONCE = 200


class SqliteTraining(Access):
    """The pairs and marks of ``stores.knowledge.TrainingRows``"""

    async def page_untrained(self, tenant_id: str, wanted: TrainingFilter, window: Window) -> Slice[Pair]:
        return await self._read(partial(_page, tenant_id=tenant_id, wanted=wanted, window=window), snapshot=True)

    async def alike_fingerprints(self, tenant_id: str, bot_id: str, fingerprints: Sequence[str]) -> frozenset[str]:
        alike = partial(_alike, tenant_id=tenant_id, bot_id=bot_id, fingerprints=fingerprints)
        return await self._read(alike, snapshot=True)

    async def mark_trained(self, claim: Ingestion, conversation_ids: Sequence[str]) -> None:
        await self._write(partial(_mark, claim=claim, conversation_ids=conversation_ids))


def _mark(tx: Transaction, claim: Ingestion, conversation_ids: Sequence[str]) -> None:
    document, state = held(tx, claim)
    run = {"document_n": state.n, "bot_n": state.bot_n, "began_at": to_micros(document.created_at)}
    for conversation_id in conversation_ids:
        tx.run("mark_trained", id=conversation_id, tenant_id=claim.tenant_id, **run)


def _page(tx: Transaction, tenant_id: str, wanted: TrainingFilter, window: Window) -> Slice[Pair]:
    bot_n = _bot_n(tx, tenant_id, wanted.bot_id)
    first, seq = window.after or (0, -1)
    rows: list[Row] = []
    for n in _conversations(tx, bot_n, int(first or 0)):
        behind = seq if n == first else -1
        left = window.limit + 1 - len(rows)
        choice = {"policy": wanted.policy.value, "min_rating": wanted.min_rating}
        rows += tx.rows("pairs_of_conversation", conversation_n=n, seq=behind, limit=left, **choice)
        if len(rows) > window.limit:
            break
    kept = rows[: window.limit]
    last = (kept[-1][3], kept[-1][4]) if len(rows) > window.limit else None
    return Slice(data=tuple(_pair(tx, row) for row in kept), next=last)


def _bot_n(tx: Transaction, tenant_id: str, bot_id: str) -> int:
    row = tx.row("bot_key", id=bot_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    return int(row[0])


def _alike(tx: Transaction, tenant_id: str, bot_id: str, fingerprints: Sequence[str]) -> frozenset[str]:
    bot_n = _bot_n(tx, tenant_id, bot_id)
    return frozenset(
        each for each in fingerprints if any(tx.row("live_mark", n=n) for n in chunks_alike(tx, bot_n, each))
    )


def _pair(tx: Transaction, row: Row) -> Pair:
    return Pair(question=read_message(tx, row[0]), answer=read_message(tx, row[1]), rating=row[2])


def _conversations(tx: Transaction, bot_n: int, first: int) -> Iterator[int]:
    """The conversations that no run that counts has marked, in the order of their making."""
    walks = [_walk(tx, "untrained_conversations", first, bot_n=bot_n)]
    for (document_n,) in tx.rows("unready_runs", bot_n=bot_n):
        walks.append(_walk(tx, "conversations_of_run", first, document_n=document_n))
    return merge(*walks)


def _walk(tx: Transaction, query: str, first: int, **where: int) -> Iterator[int]:
    rows = tx.rows(query, first=first, limit=_CONVERSATIONS_AT_ONCE, **where)
    while rows:
        yield from (row[0] for row in rows)
        rows = tx.rows(query, first=rows[-1][0] + 1, limit=_CONVERSATIONS_AT_ONCE, **where)
