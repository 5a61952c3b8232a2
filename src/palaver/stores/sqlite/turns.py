"""Turns: the operations of the engine. Reads that meet an expired lease have the writer end the turn first."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from palaver.conversation import InterruptReason, ListedTurn, Turn, TurnStatus
from palaver.errors import NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.keyset import by_key
from palaver.stores.orders import Begun, Claim, Delta, Finished, Missed, Outcome, Recovered, TurnLog, TurnOrder, Watch
from palaver.stores.rows import listed_turn_of, turn_of
from palaver.stores.scan import Scan
from palaver.stores.sqlite.access import Access
from palaver.stores.sqlite.begin import begin
from palaver.stores.sqlite.transaction import Row, Transaction
from palaver.stores.sqlite.turn_ends import claim_first_queued, claim_of, finish, interrupt, recover_turn, state_of
from palaver.stores.sqlite.turn_logs import append, expire, read_log, renew, watch


class SqliteTurns(Access):
    """``stores.base.TurnRows``"""

    async def begin_turn(self, tenant_id: str, order: TurnOrder) -> Begun:
        return await self._write(partial(begin, tenant_id=tenant_id, order=order))

    async def append_deltas(self, batch: Sequence[Delta]) -> Watch:
        return await self._write(partial(append, batch=batch), cheap=True)

    async def watch_turns(self, claims: Sequence[Claim]) -> Watch:
        return await self._read(partial(watch, claims=claims), snapshot=True)

    async def renew_leases(self, claims: Sequence[Claim], lease_seconds: float) -> Watch:
        return await self._write(partial(renew, claims=claims, lease_seconds=lease_seconds), cheap=True)

    async def finish_turn(self, claim: Claim, outcome: Outcome, *, promote: str | None) -> Finished:
        return await self._write(partial(finish, claim=claim, outcome=outcome, promote=promote))

    async def request_stop(self, tenant_id: str, turn_id: str, reason: InterruptReason) -> Turn:
        return await self._write(partial(_stop, tenant_id=tenant_id, turn_id=turn_id, reason=reason))

    async def recover(self, owner: str, lease_seconds: float, limit: int) -> Recovered:
        if not await self._read(_needs_recovery):
            return Recovered()
        return await self._write(partial(_recover, owner=owner, lease_seconds=lease_seconds, limit=limit))

    async def adopt(self, missed: Missed, lease_seconds: float, limit: int) -> Sequence[Claim]:
        if not await self._read(partial(_missed, missed=missed, limit=1)):
            return ()
        return await self._write(partial(_adopt, missed=missed, lease_seconds=lease_seconds, limit=limit))

    async def cancel_queued(self, owner: str, reason: InterruptReason) -> Sequence[str]:
        return await self._write(partial(_cancel_queued, owner=owner, reason=reason))

    async def get_turn(self, tenant_id: str, turn_id: str) -> Turn:
        found = await self._read(partial(_find_turn, tenant_id=tenant_id, turn_id=turn_id))
        if found is not None:
            return found
        await self._write(partial(recover_turn, tenant_id=tenant_id, turn_id=turn_id))
        return await self._read(partial(_get_turn, tenant_id=tenant_id, turn_id=turn_id))

    async def page_turns(self, tenant_id: str | None, status: TurnStatus | None, window: Window) -> Slice[ListedTurn]:
        return await self._read(partial(_page, tenant_id=tenant_id, status=status, window=window))

    async def tenant_of_turn(self, turn_id: str) -> str:
        row = await self._read(lambda tx: tx.row("tenant_of_turn", id=turn_id))
        if row is None:
            raise NotFound
        return str(row[0])

    async def read_log(self, tenant_id: str, turn_id: str, *, after: int, limit: int, deleted: bool = False) -> TurnLog:
        look = partial(read_log, tenant_id=tenant_id, turn_id=turn_id, stretch=(after, limit), deleted=deleted)
        found = await self._read(look, snapshot=True)
        if found is None:
            await self._write(partial(recover_turn, tenant_id=tenant_id, turn_id=turn_id))
            found = await self._read(partial(look, even_expired=True), snapshot=True)
        if found is None:
            raise NotFound
        return found

    async def expire_logs(self, *, older_than_seconds: float, limit: int) -> int:
        return await self._write(partial(expire, older_than_seconds=older_than_seconds, limit=limit))


def _get_turn(tx: Transaction, tenant_id: str, turn_id: str) -> Turn:
    row = tx.row("turn", id=turn_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    return turn_of(row)


def _find_turn(tx: Transaction, tenant_id: str, turn_id: str) -> Turn | None:
    """Return the turn, or None if its lease has expired."""
    row = tx.row("turn", id=turn_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    return None if state_of(row).has_expired(tx.now) else turn_of(row)


def _stop(tx: Transaction, tenant_id: str, turn_id: str, reason: InterruptReason) -> Turn:
    row = tx.row("turn", id=turn_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    state = state_of(row)
    if TurnStatus(state.status).is_terminal:
        return turn_of(row)
    if state.status == TurnStatus.QUEUED:
        interrupt(tx, state.n, InterruptReason.CANCELLED)
    else:
        tx.run("ask_to_stop", n=state.n, reason=reason.value)
        recover_turn(tx, tenant_id, turn_id)
    return _get_turn(tx, tenant_id, turn_id)


def _needs_recovery(tx: Transaction) -> bool:
    return bool(tx.rows("expired_turns", now=tx.now, limit=1) or tx.rows("waiting_conversations", limit=1))


def _recover(tx: Transaction, owner: str, lease_seconds: float, limit: int) -> Recovered:
    expired = tx.rows("expired_turns", now=tx.now, limit=limit)
    ended = [recover_turn(tx, tenant_id, turn_id) for turn_id, tenant_id in expired]
    lease_micros = int(lease_seconds * 1_000_000)
    waiting = tx.rows("waiting_conversations", limit=limit)
    claimed = [claim_first_queued(tx, row[0], owner, lease_micros) for row in waiting]
    return Recovered(
        ended=tuple(turn_id for turn_id in ended if turn_id is not None),
        claimed=tuple(claim for claim in claimed if claim is not None),
    )


def _missed(tx: Transaction, missed: Missed, limit: int) -> Sequence[Row]:
    since = tx.now - int(missed.after_seconds * 1_000_000)
    rows = tx.rows("missed_turns", owner=missed.owner, since=since)
    return [row for row in rows if row[1] not in missed.known][:limit]


def _adopt(tx: Transaction, missed: Missed, lease_seconds: float, limit: int) -> Sequence[Claim]:
    lease_micros = int(lease_seconds * 1_000_000)
    claims = []
    for turn_n, _, params, parent_n in _missed(tx, missed, limit):
        tx.run("adopt_turn", n=turn_n, lease_micros=lease_micros, lease_until=tx.now + lease_micros)
        claims.append(claim_of(tx, turn_n, params, parent_n))
    return tuple(claims)


def _cancel_queued(tx: Transaction, owner: str, reason: InterruptReason) -> Sequence[str]:
    return tuple(interrupt(tx, row[0], reason) for row in tx.rows("queued_of_owner", owner=owner))


_MANY = frozenset({None, TurnStatus.COMPLETED})
"""Every other status is rare and has an index of its own."""


def _page(tx: Transaction, tenant_id: str | None, status: TurnStatus | None, window: Window) -> Slice[ListedTurn]:
    scan = Scan.over(window, Order.DESC)
    where, order, start = by_key(scan, "t.n")
    if status is not None:
        where += f" AND t.status = '{status.value}'"  # a constant: the partial indexes are found by it
    if tenant_id is not None:
        where += " AND t.tenant_id = :tenant_id" if status in _MANY else " AND +t.tenant_id = :tenant_id"
    rows = tx.select(
        f"SELECT {tx.queries['turn_columns']}, t.tenant_id, b.id, b.name, t.n"  # noqa: S608 - constants
        " FROM turns t CROSS JOIN conversations c ON c.n = t.conversation_n CROSS JOIN bots b ON b.n = c.bot_n"
        f" WHERE {where} AND t.deleted_at IS NULL AND c.deleted_at IS NULL ORDER BY {order} LIMIT :limit",
        {"start": start, "tenant_id": tenant_id, "limit": scan.rows},
    )
    return scan.slice(rows, listed_turn_of, lambda row: (row[-1],))
