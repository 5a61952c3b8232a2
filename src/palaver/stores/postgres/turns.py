"""Turns: the operations of the engine. Reads that meet an expired lease end the turn first."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from palaver.conversation import InterruptReason, ListedTurn, Turn, TurnStatus
from palaver.errors import NotFound, PalaverError
from palaver.page import Slice, Window
from palaver.stores.orders import Begun, Claim, Delta, Finished, Missed, Outcome, Recovered, TurnLog, TurnOrder, Watch
from palaver.stores.postgres.access import Access
from palaver.stores.postgres.begin import begin
from palaver.stores.postgres.session import Row, Session
from palaver.stores.postgres.turn_ends import (
    Place,
    claim_first_queued,
    claim_of,
    finish,
    interrupt,
    recover_turn,
    state_of,
)
from palaver.stores.postgres.turn_lists import page_turns, tenant_of_turn
from palaver.stores.postgres.turn_logs import append, expire, read_log, renew, watch
from palaver.stores.rows import turn_of


class PostgresTurns(Access):
    """``stores.base.TurnRows``"""

    async def begin_turn(self, tenant_id: str, order: TurnOrder) -> Begun:
        operation = partial(begin, tenant_id=tenant_id, order=order)
        return await self._step(operation, (tenant_id, order.conversation_id))

    async def append_deltas(self, batch: Sequence[Delta]) -> Watch:
        return await self._step(partial(append, batch=batch))

    async def watch_turns(self, claims: Sequence[Claim]) -> Watch:
        return await self._read(partial(watch, claims=claims))

    async def renew_leases(self, claims: Sequence[Claim], lease_seconds: float) -> Watch:
        return await self._step(partial(renew, claims=claims, lease_seconds=lease_seconds))

    async def finish_turn(self, claim: Claim, outcome: Outcome, *, promote: str | None) -> Finished:
        operation = partial(finish, claim=claim, outcome=outcome, promote=promote)
        return await self._step(operation, (claim.tenant_id, claim.turn.conversation_id))

    async def request_stop(self, tenant_id: str, turn_id: str, reason: InterruptReason) -> Turn:
        row = await self._read(partial(_row, tenant_id=tenant_id, turn_id=turn_id))
        turn = turn_of(row)
        if turn.status.is_terminal:
            return turn
        place = (tenant_id, turn.conversation_id)
        return await self._write(partial(_stop, place=place, turn_id=turn_id, reason=reason))

    async def recover(self, owner: str, lease_seconds: float, limit: int) -> Recovered:
        ended = [await self._recovered((row[0], row[1]), row[2]) for row in await self._expired(limit)]
        for row in await self._read(lambda db: db.rows("orphaned_turns", limit=limit)):
            place = (row[0], row[1])
            ended.append(
                await self._write(partial(interrupt, place=place, turn_id=row[2], reason=InterruptReason.DELETED))
            )
        return Recovered(
            ended=tuple(turn_id for turn_id in ended if turn_id is not None),
            claimed=await self._claim_waiting(owner, int(lease_seconds * 1_000_000), limit),
        )

    async def _claim_waiting(self, owner: str, lease_micros: int, limit: int) -> Sequence[Claim]:
        """Claim what waits where nothing runs. What is claimed has to run: a failure behind it leaves the rest to the next time."""
        claimed: list[Claim] = []
        for row in await self._read(lambda db: db.rows("waiting_conversations", limit=limit)):
            try:
                claim = await self._write(
                    partial(_take_over, place=(row[0], row[1]), owner=owner, lease_micros=lease_micros)
                )
            except PalaverError:
                if not claimed:
                    raise
                break
            if claim is not None:
                claimed.append(claim)
        return tuple(claimed)

    async def adopt(self, missed: Missed, lease_seconds: float, limit: int) -> Sequence[Claim]:
        look = partial(_missed, missed=missed, limit=limit)
        adopt = partial(_adopt, owner=missed.owner, lease_micros=int(lease_seconds * 1_000_000))
        claims = [
            await self._write(partial(adopt, place=(row[0], row[1]), turn_id=row[2])) for row in await self._read(look)
        ]
        return tuple(claim for claim in claims if claim is not None)

    async def _expired(self, limit: int) -> Sequence[Row]:
        return await self._read(lambda db: db.rows("expired_turns", now=db.now, limit=limit))

    async def _recovered(self, place: Place, turn_id: str) -> str | None:
        return await self._write(partial(recover_turn, place=place, turn_id=turn_id))

    async def cancel_queued(self, owner: str, reason: InterruptReason) -> Sequence[str]:
        waiting = await self._read(lambda db: db.rows("queued_of_owner", owner=owner))
        cancel = partial(_cancel, owner=owner, reason=reason)
        ended = [await self._write(partial(cancel, place=(row[0], row[1]), turn_id=row[2])) for row in waiting]
        return tuple(turn_id for turn_id in ended if turn_id is not None)

    async def get_turn(self, tenant_id: str, turn_id: str) -> Turn:
        found = await self._read(partial(_find, tenant_id=tenant_id, turn_id=turn_id))
        if isinstance(found, Turn):
            return found
        await self._recovered(found, turn_id)
        return turn_of(await self._read(partial(_row, tenant_id=tenant_id, turn_id=turn_id)))

    async def page_turns(self, tenant_id: str | None, status: TurnStatus | None, window: Window) -> Slice[ListedTurn]:
        return await self._read(partial(page_turns, tenant_id=tenant_id, status=status, window=window))

    async def tenant_of_turn(self, turn_id: str) -> str:
        return await self._read(partial(tenant_of_turn, turn_id=turn_id))

    async def read_log(self, tenant_id: str, turn_id: str, *, after: int, limit: int, deleted: bool = False) -> TurnLog:
        look = partial(read_log, tenant_id=tenant_id, turn_id=turn_id, stretch=(after, limit), deleted=deleted)
        log, expired = await self._read(look)
        if expired:
            await self._recovered((tenant_id, log.turn.conversation_id), turn_id)
            log, _ = await self._read(look)
        return log

    async def expire_logs(self, *, older_than_seconds: float, limit: int) -> int:
        return await self._step(partial(expire, older_than_seconds=older_than_seconds, limit=limit))


async def _row(db: Session, tenant_id: str, turn_id: str) -> Row:
    row = await db.row("turn", id=turn_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    return row


async def _find(db: Session, tenant_id: str, turn_id: str) -> Turn | Place:
    """Return the turn, or, if its lease has expired, where it is."""
    row = await _row(db, tenant_id, turn_id)
    turn = turn_of(row)
    return (tenant_id, turn.conversation_id) if state_of(row).has_expired(db.now) else turn


async def _stop(db: Session, place: Place, turn_id: str, reason: InterruptReason) -> Turn:
    await db.row("lock_turn", tenant_id=place[0], conversation_id=place[1], id=turn_id)
    row = await _row(db, place[0], turn_id)
    turn = turn_of(row)
    if turn.status is TurnStatus.QUEUED:
        await interrupt(db, place, turn_id, InterruptReason.CANCELLED)
    elif turn.status is TurnStatus.RUNNING:
        where = {"tenant_id": place[0], "conversation_id": place[1], "idx": turn.index}
        await db.run("ask_to_stop", **where, reason=reason.value)
        db.news.add(turn_id)
        await recover_turn(db, place, turn_id)
    return turn_of(await _row(db, place[0], turn_id))


async def _take_over(db: Session, place: Place, owner: str, lease_micros: int) -> Claim | None:
    """Claim what waits in a conversation, unless another process does so right now."""
    if await db.row("lock_waiting_conversation", tenant_id=place[0], conversation_id=place[1]) is None:
        return None
    return await claim_first_queued(db, place, owner, lease_micros)


async def _missed(db: Session, missed: Missed, limit: int) -> Sequence[Row]:
    since = db.now - int(missed.after_seconds * 1_000_000)
    return await db.rows("missed_turns", owner=missed.owner, known=list(missed.known), since=since, limit=limit)


async def _adopt(db: Session, place: Place, turn_id: str, owner: str, lease_micros: int) -> Claim | None:
    """Claim a turn anew, unless it has ended or spoken by now."""
    where = {"tenant_id": place[0], "conversation_id": place[1]}
    locked = await db.row("lock_turn", **where, id=turn_id)
    if locked is None:
        return None
    adopted = await db.row("adopt_turn", **where, idx=locked[0], owner=owner, lease_micros=lease_micros, now=db.now)
    return None if adopted is None else await claim_of(db, place, locked[0])


async def _cancel(db: Session, place: Place, turn_id: str, owner: str, reason: InterruptReason) -> str | None:
    """End a queued turn, unless it runs by now."""
    await db.row("lock_turn", tenant_id=place[0], conversation_id=place[1], id=turn_id)
    if await db.row("queued_turn", tenant_id=place[0], id=turn_id, owner=owner) is None:
        return None
    return await interrupt(db, place, turn_id, reason)
