"""Turns: the operations of the engine. Reads that meet an expired lease end the turn first."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from palaver.conversation import InterruptReason, Turn, TurnStatus
from palaver.errors import PalaverError, StoreUnavailable
from palaver.page import Slice, Window
from palaver.stores.orders import (
    Begun,
    Claim,
    Continue,
    Delta,
    EditQuestion,
    Finished,
    Outcome,
    TurnLog,
    TurnOrder,
    Watch,
)
from palaver.stores.redis.attachments import Linking
from palaver.stores.redis.begin import attachments_of, begin
from palaver.stores.redis.living import live_turn, own_conversation, own_turn
from palaver.stores.redis.recovery import Recovery
from palaver.stores.redis.session import Session
from palaver.stores.redis.turn_ends import finish, interrupt, recover_turn
from palaver.stores.redis.turn_lists import page_turns
from palaver.stores.redis.turn_logs import append_call, held, read_log, renew_call, stop_of_renewed, watched


class RedisTurns(Linking, Recovery):
    """``stores.base.TurnRows``"""

    async def begin_turn(self, tenant_id: str, order: TurnOrder) -> Begun:
        operation = partial(begin, tenant_id=tenant_id, order=order)
        message_id, attachment_ids = _attached(order)
        if not attachment_ids:
            return await self._write(operation, order.conversation_id)
        await self._link(tenant_id, message_id, attachment_ids)
        begun: Begun | None = None
        try:
            begun = await self._write(operation, order.conversation_id)
        except StoreUnavailable:
            raise  # it may have been written
        except PalaverError:
            await self._unlink(tenant_id, message_id, attachment_ids)
            raise
        if begun.replayed and (begun.question is None or begun.question.id != message_id):
            await self._unlink(tenant_id, message_id, attachment_ids)
        return begun

    async def append_deltas(self, batch: Sequence[Delta]) -> Watch:
        now = await self._now()
        answers = await self._wire.run_all([append_call(self._keys, delta, now) for delta in batch])
        watch = watched((delta.turn_id for delta in batch), answers)
        self._line.tell(delta.turn_id for delta in batch if delta.turn_id not in watch.stale)
        return watch

    async def watch_turns(self, claims: Sequence[Claim]) -> Watch:
        stops = await self._read(lambda db: db.read(*(held(db, claim) for claim in claims)))
        return watched((claim.turn.id for claim in claims), stops)

    async def renew_leases(self, claims: Sequence[Claim], lease_seconds: float) -> Watch:
        micros = int(lease_seconds * 1_000_000)
        until = await self._now() + micros
        answers = await self._wire.run_all([renew_call(self._keys, claim, until, micros) for claim in claims])
        return watched((claim.turn.id for claim in claims), map(stop_of_renewed, answers))

    async def finish_turn(self, claim: Claim, outcome: Outcome, *, promote: str | None) -> Finished:
        operation = partial(finish, claim=claim, outcome=outcome, promote=promote)
        return await self._write(operation, claim.turn.conversation_id)

    async def request_stop(self, tenant_id: str, turn_id: str, reason: InterruptReason) -> Turn:
        operation = partial(_stop, tenant_id=tenant_id, turn_id=turn_id, reason=reason)
        await self._write(operation, turn_id)
        return (await self._read(partial(own_turn, tenant_id=tenant_id, turn_id=turn_id))).value

    async def get_turn(self, tenant_id: str, turn_id: str) -> Turn:
        _, kept = await self._read(partial(live_turn, tenant_id=tenant_id, turn_id=turn_id))
        if kept.has_expired(await self._now()):
            await self._write(partial(recover_turn, turn_id=turn_id), turn_id)
            _, kept = await self._read(partial(live_turn, tenant_id=tenant_id, turn_id=turn_id))
        return kept.value

    async def page_turns(self, tenant_id: str | None, status: TurnStatus | None, window: Window) -> Slice[Turn]:
        return await self._read(partial(page_turns, tenant_id=tenant_id, status=status, window=window))

    async def read_log(self, tenant_id: str, turn_id: str, *, after: int, limit: int, deleted: bool = False) -> TurnLog:
        look = partial(read_log, tenant_id=tenant_id, turn_id=turn_id, stretch=(after, limit), deleted=deleted)
        log, expired = await self._read(look)
        if expired:
            await self._write(partial(recover_turn, turn_id=turn_id), turn_id)
            log, _ = await self._read(look)
        return log


def _attached(order: TurnOrder) -> tuple[str, list[str]]:
    """Return the message of an order that may refer to attachments, and to which ones it does."""
    match order.opening:
        case Continue(question=question) | EditQuestion(question=question):
            return question.message_id, attachments_of(question.parts)
        case _:
            return "", []


async def _stop(db: Session, tenant_id: str, turn_id: str, reason: InterruptReason) -> None:
    _, turn = await live_turn(db, tenant_id, turn_id)
    kept = await own_conversation(db, tenant_id, turn.value.conversation_id)
    if turn.value.status is TurnStatus.QUEUED:
        await interrupt(db, kept, turn_id, InterruptReason.CANCELLED)
    elif turn.has_expired(db.now):
        db.put(turn.with_record(stop_reason=turn.record.stop_reason or reason))
        await recover_turn(db, turn_id)
    elif turn.value.status is TurnStatus.RUNNING:
        db.do("HSETNX", db.keys.inside(turn_id, "live"), "stop", reason.value)
        db.news.add(turn_id)
