"""Turns that nobody works at: found in lists over all tenants, each looked at before it is touched."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from palaver.conversation import InterruptReason, TurnStatus
from palaver.stores.orders import Claim, Recovered
from palaver.stores.redis.access import Access
from palaver.stores.redis.bots import open_turns_of_bot
from palaver.stores.redis.keys import GONE_BOTS, LEASES, STALLED
from palaver.stores.redis.living import own_conversation
from palaver.stores.redis.session import Session, answer
from palaver.stores.redis.turn_ends import claim_first_queued, interrupt, interrupt_turn, recover_turn

_JUST_NOW_MICROS = 60_000_000
_OWNED_AT_ONCE = 200


class Recovery(Access):
    """``recover`` and ``cancel_queued`` of ``stores.base.TurnRows``"""

    async def recover(self, owner: str, lease_seconds: float, limit: int) -> Recovered:
        await self._lists.settle_unfinished(await self._now(), limit)
        ended = [*await self._end_expired(limit), *await self._end_orphans(limit)]
        lease_micros = int(lease_seconds * 1_000_000)
        take_over = partial(_take_over, owner=owner, lease_micros=lease_micros)
        waiting = await self._read(partial(_members, name=STALLED, limit=limit))
        claimed = [await self._write(partial(take_over, conversation_id=each), each) for each in waiting]
        return Recovered(ended=tuple(ended), claimed=tuple(claim for claim in claimed if claim is not None))

    async def _end_expired(self, limit: int) -> list[str]:
        """The list has the leases as they began: of one that was renewed since it is told the new end here."""
        ended: list[str] = []
        seen: set[str] = set()
        while len(ended) < limit:
            found = await self._read(partial(_expired, limit=limit))
            fresh = [turn_id for turn_id in found if turn_id not in seen][: limit - len(ended)]
            if not fresh:
                break
            seen.update(fresh)
            for turn_id in fresh:
                if await self._write(partial(recover_turn, turn_id=turn_id), turn_id) is not None:
                    ended.append(turn_id)
                else:
                    await self._write(partial(_correct_lease, turn_id=turn_id), turn_id)
        return ended

    async def _end_orphans(self, limit: int) -> list[str]:
        """End turns of deleted bots: they began in the moment of the delete."""
        ended: list[str] = []
        for bot_id, tenant_id in await self._read(partial(_deleted_just_now, limit=limit)):
            turn_ids = await self._read(partial(open_turns_of_bot, tenant_id=tenant_id, bot_id=bot_id))
            end = partial(interrupt_turn, tenant_id=tenant_id, reason=InterruptReason.DELETED)
            done = [await self._write(partial(end, turn_id=turn_id), turn_id) for turn_id in turn_ids]
            ended += [turn_id for turn_id in done if turn_id is not None]
        return ended

    async def cancel_queued(self, owner: str, reason: InterruptReason) -> Sequence[str]:
        ended: list[str] = []
        key, after = self._keys.queued(owner), "-"
        while True:
            command = ("ZRANGE", key, after, "+", "BYLEX", "LIMIT", 0, _OWNED_AT_ONCE)
            found = (await self._wire.ask([command]))[0]
            for turn_id in (each.decode() for each in found):
                cancel = partial(_cancel, turn_id=turn_id, owner=owner, reason=reason)
                if await self._write(cancel, turn_id) is not None:
                    ended.append(turn_id)
            if len(found) < _OWNED_AT_ONCE:
                return tuple(ended)
            after = f"({found[-1].decode()}"


async def _members(db: Session, name: str, limit: int) -> list[str]:
    found = await db.one(answer("ZRANGE", db.keys.listing(name), 0, limit - 1))
    return [each.decode() for each in found]


async def _expired(db: Session, limit: int) -> list[str]:
    key = db.keys.listing(LEASES)
    found = await db.one(answer("ZRANGEBYSCORE", key, "-inf", f"({db.now}", "LIMIT", 0, limit))
    return [each.decode() for each in found]


async def _deleted_just_now(db: Session, limit: int) -> list[tuple[str, str]]:
    key = db.keys.listing(GONE_BOTS)
    found = await db.one(answer("ZREVRANGEBYSCORE", key, "+inf", db.now - _JUST_NOW_MICROS, "LIMIT", 0, limit))
    pairs = [each.decode().partition(" ") for each in found]
    return [(bot_id, tenant_id) for bot_id, _, tenant_id in pairs]


async def _correct_lease(db: Session, turn_id: str) -> None:
    """Make the list of leases say what the turn says."""
    turn = await db.one(db.turn(turn_id))
    key = db.keys.listing(LEASES)
    if turn is None or turn.value.status is not TurnStatus.RUNNING:
        db.do("ZREM", key, turn_id)  # it never runs again
    elif not turn.has_expired(db.now):
        db.do("ZADD", key, "XX", turn.record.lease_until, turn_id)


async def _take_over(db: Session, conversation_id: str, owner: str, lease_micros: int) -> Claim | None:
    kept = await db.one(db.conversation(conversation_id))
    if kept is None:
        return None
    if kept.value.deleted_at is not None or kept.value.running_turn_id is not None:
        return None
    return await claim_first_queued(db, kept, owner, lease_micros)


async def _cancel(db: Session, turn_id: str, owner: str, reason: InterruptReason) -> str | None:
    """End a queued turn, unless it runs by now."""
    turn = await db.one(db.turn(turn_id))
    if turn is None or turn.value.status is not TurnStatus.QUEUED or turn.record.owner != owner:
        return None
    await interrupt(db, await own_conversation(db, turn.tenant_id, turn.value.conversation_id), turn_id, reason)
    return turn_id
