"""Turns: the operations of the engine. Reads that meet an expired lease end the turn first."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from palaver.conversation import InterruptReason, ListedTurn, Turn, TurnStatus
from palaver.errors import NotFound
from palaver.page import Slice, Window
from palaver.stores.orders import Begun, Claim, Delta, Finished, Missed, Outcome, Recovered, TurnLog, TurnOrder, Watch
from palaver.stores.redis import holds
from palaver.stores.redis.begin import begin
from palaver.stores.redis.bots import RedisBots
from palaver.stores.redis.commit import sweep
from palaver.stores.redis.indexes import Walk, all_of, due
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredBot, StoredConversation, StoredTurn, id_of
from palaver.stores.redis.turn_ends import adopt, claim_first_queued, finish, in_hand, interrupt, recover_turn
from palaver.stores.redis.turn_lists import page_turns
from palaver.stores.redis.turn_logs import append, expire, logs_to_expire, read_log, renew, watch
from palaver.stores.redis.values import turn

_DELETED_LATELY_MICROS = 3600 * 1_000_000
_AT_ONCE = 100


class RedisTurns(RedisBots):
    """``stores.base.TurnRows``"""

    async def begin_turn(self, tenant_id: str, order: TurnOrder) -> Begun:
        return await self._run(partial(begin, tenant_id=tenant_id, order=order), order.conversation_id)

    async def append_deltas(self, batch: Sequence[Delta]) -> Watch:
        return await self._run(partial(append, batch=batch))

    async def watch_turns(self, claims: Sequence[Claim]) -> Watch:
        return await self._run(partial(watch, claims=claims))

    async def renew_leases(self, claims: Sequence[Claim], lease_seconds: float) -> Watch:
        return await self._run(partial(renew, claims=claims, lease_seconds=lease_seconds))

    async def finish_turn(self, claim: Claim, outcome: Outcome, *, promote: str | None) -> Finished:
        operation = partial(finish, claim=claim, outcome=outcome, promote=promote)
        return await self._run(operation, claim.turn.conversation_id)

    async def request_stop(self, tenant_id: str, turn_id: str, reason: InterruptReason) -> Turn:
        return await self._run(partial(_stop, tenant_id=tenant_id, turn_id=turn_id, reason=reason), turn_id)

    async def recover(self, owner: str, lease_seconds: float, limit: int) -> Recovered:
        await self._run(lambda db: sweep(db.server, db.now, limit))
        ended = [*await self._end_expired(limit), *await self._end_orphans()]
        claimed = [
            await self._run(partial(_take_over, conversation_id=each, owner=owner, lease_seconds=lease_seconds), each)
            for each in await self._run(partial(_waiting, limit=limit))
        ]
        return Recovered(ended=tuple(ended), claimed=tuple(claim for claim in claimed if claim is not None))

    async def _end_expired(self, limit: int) -> Sequence[str]:
        late = await self._run(lambda db: due(db, "turns.leased", db.now - 1, limit))
        ended = [await self._run(partial(_recover, turn_id=each), each) for each in late]
        return [turn_id for turn_id in ended if turn_id is not None]

    async def _end_orphans(self) -> Sequence[str]:
        """End the turns that began in the moment in which their bot was deleted."""
        ended: list[str] = []
        for bot_id in await self._run(_deleted_lately):
            ended += await self._end_turns_of(bot_id)
        return ended

    async def adopt(self, missed: Missed, lease_seconds: float, limit: int) -> Sequence[Claim]:
        walk = Walk(StoredTurn, f"turns.{TurnStatus.RUNNING}", ascending=True)
        lost = await self._run(lambda db: walk.find(db, None, limit, partial(_were_missed, missed, db.now)))
        lease_micros = int(lease_seconds * 1_000_000)
        claims = [
            await self._run(
                partial(adopt, turn_id=each.thing.id, owner=missed.owner, lease_micros=lease_micros),
                each.thing.conversation_id,
            )
            for each in lost
        ]
        return tuple(claim for claim in claims if claim is not None)

    async def cancel_queued(self, owner: str, reason: InterruptReason) -> Sequence[str]:
        walk = Walk(StoredTurn, f"turns.{TurnStatus.QUEUED}", ascending=True)
        cancelled: list[str] = []
        while found := await self._run(lambda db: walk.find(db, None, _AT_ONCE, partial(_of_owner, owner))):
            for each in found:
                cancel = partial(_cancel, turn_id=each.thing.id, reason=reason)
                if await self._run(cancel, each.thing.conversation_id):
                    cancelled.append(each.thing.id)
        return tuple(cancelled)

    async def get_turn(self, tenant_id: str, turn_id: str) -> Turn:
        return turn(await self._run(partial(_get, tenant_id=tenant_id, turn_id=turn_id), turn_id))

    async def page_turns(self, tenant_id: str | None, status: TurnStatus | None, window: Window) -> Slice[ListedTurn]:
        return await self._run(partial(page_turns, tenant_id=tenant_id, status=status, window=window))

    async def tenant_of_turn(self, turn_id: str) -> str:
        found = await self._run(lambda db: db.find(StoredTurn, turn_id))
        if found is None:
            raise NotFound
        return found.tenant_id

    async def read_log(self, tenant_id: str, turn_id: str, *, after: int, limit: int, deleted: bool = False) -> TurnLog:
        look = partial(read_log, tenant_id=tenant_id, turn_id=turn_id, stretch=(after, limit), deleted=deleted)
        log, expired = await self._run(look)
        if expired:
            await self._run(partial(recover_turn, turn_id=turn_id), turn_id)
            log, _ = await self._run(look)
        return log

    async def expire_logs(self, *, older_than_seconds: float, limit: int) -> int:
        old = await self._run(lambda db: logs_to_expire(db, older_than_seconds, limit))
        return sum([await self._run(partial(expire, turn_id=each), each) for each in old])


async def _get(db: Session, tenant_id: str, turn_id: str) -> StoredTurn:
    found = await _shown(db, tenant_id, turn_id)
    if found.status == TurnStatus.RUNNING and await recover_turn(db, turn_id):
        return await db.get(StoredTurn, tenant_id, turn_id)
    return found


async def _shown(db: Session, tenant_id: str, turn_id: str) -> StoredTurn:
    """Return a turn that is not deleted, nor is what it is in."""
    found = await db.get(StoredTurn, tenant_id, turn_id)
    await db.live(tenant_id, found.conversation_id)
    if found.deleted_at is not None:
        raise NotFound
    return found


async def _stop(db: Session, tenant_id: str, turn_id: str, reason: InterruptReason) -> Turn:
    await _shown(db, tenant_id, turn_id)
    _, found = await in_hand(db, tenant_id, turn_id)
    if found.status == TurnStatus.QUEUED:
        await interrupt(db, turn_id, InterruptReason.CANCELLED)
    elif found.status == TurnStatus.RUNNING:
        await _stop_running(db, found, reason)
    return turn(await db.get(StoredTurn, tenant_id, turn_id))


async def _stop_running(db: Session, found: StoredTurn, reason: InterruptReason) -> None:
    hold = await holds.find_hold(db, found.id)
    if holds.is_over(db, found, hold):
        await recover_turn(db, found.id, asked=reason)
    else:
        holds.ask_to_stop(db, found.id, reason.value)


async def _recover(db: Session, turn_id: str) -> str | None:
    """End a turn whose lease has expired; one that was renewed is put where it belongs in the index."""
    if await db.find(StoredTurn, turn_id) is None:
        return None
    ended = await recover_turn(db, turn_id)
    hold = None if ended else await holds.find_hold(db, turn_id)
    found = await db.find(StoredTurn, turn_id)
    if hold is not None and found is not None:
        await db.ask(("ZADD", db.keys.index("turns.leased"), "XX", hold.until, found.member))
    return ended


async def _deleted_lately(db: Session) -> list[str]:
    since = db.now - _DELETED_LATELY_MICROS
    key = db.keys.index("bots.doomed")
    (members,) = await db.ask(("ZREVRANGEBYSCORE", key, "+inf", since, "LIMIT", 0, _AT_ONCE))
    ids = [id_of(member) for member in members]
    bots = await db.find_all(StoredBot, ids)
    return [each.id for each in bots if each is not None and each.deleted_at is not None]


async def _waiting(db: Session, limit: int) -> list[str]:
    """Return conversations in which turns wait and none runs."""
    walk = Walk(StoredConversation, "conversations.waiting", ascending=True)
    return [each.thing.id for each in await walk.find(db, None, limit, all_of)]


async def _take_over(db: Session, conversation_id: str, owner: str, lease_seconds: float) -> Claim | None:
    """Claim what waits in a conversation, unless another process has just done so."""
    found = await db.find(StoredConversation, conversation_id)
    if found is None:
        return None
    conversation = await db.conversation(found.tenant_id, conversation_id)
    if conversation.running_id is not None or conversation.deleted_at is not None:
        return None
    return await claim_first_queued(db, found.tenant_id, conversation_id, owner, int(lease_seconds * 1_000_000))


async def _were_missed(missed: Missed, now: int, turns: Sequence[StoredTurn]) -> Sequence[bool]:
    since = now - int(missed.after_seconds * 1_000_000)
    return [
        each.owner == missed.owner and each.id not in missed.known and (each.started_at or 0) <= since for each in turns
    ]


async def _of_owner(owner: str, turns: Sequence[StoredTurn]) -> Sequence[bool]:
    return [each.owner == owner for each in turns]


async def _cancel(db: Session, turn_id: str, reason: InterruptReason) -> bool:
    """End a queued turn, unless it runs by now."""
    _, found = await in_hand(db, None, turn_id)
    if found.status != TurnStatus.QUEUED:
        return False
    await interrupt(db, turn_id, reason)
    return True
