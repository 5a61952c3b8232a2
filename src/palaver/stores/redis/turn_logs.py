"""The log of a turn: written tick by tick under the fence, read by anyone, dropped a day after the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from palaver.conversation import InterruptReason
from palaver.errors import NotFound
from palaver.stores.endings import log_of
from palaver.stores.orders import Claim, Delta, TurnLog, Watch
from palaver.stores.redis import holds, logs
from palaver.stores.redis.indexes import due
from palaver.stores.redis.server import Command, Word
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredMessage, StoredTurn, unpacked
from palaver.stores.redis.turn_ends import in_hand
from palaver.stores.redis.values import message, turn


def _watch(asked: Iterable[str], answers: Sequence[bytes | None]) -> Watch:
    """Return what their workers must know of the turns that were asked about, by the scripts' answers."""
    held = dict(zip(asked, answers, strict=True))
    stopping = {turn_id: InterruptReason(answer.decode()) for turn_id, answer in held.items() if answer}
    return Watch(stale=frozenset(each for each, answer in held.items() if answer is None), stopping=stopping)


async def append(db: Session, batch: Sequence[Delta]) -> Watch:
    """``TurnRows.append_deltas``"""
    known = [db.server.recent.take(delta.turn_id) for delta in batch]  # not any more, if the answer is lost
    answers = await db.ask(*(_tick(db, delta) for delta in batch))
    for delta, recent, answer in zip(batch, known, answers, strict=True):
        if recent is not None and answer is not None and recent.turn.fence == delta.fence:
            recent.log_size += len(delta.events)
            recent.log_end = delta.events[-1].seq if delta.events else recent.log_end
            db.server.recent.keep(recent)
    db.news.update(delta.turn_id for delta, answer in zip(batch, answers, strict=True) if answer is not None)
    return _watch((delta.turn_id for delta in batch), answers)


def _tick(db: Session, delta: Delta) -> Command:
    keys = [db.keys.of(holds.KIND, delta.turn_id), db.keys.of(logs.KIND, delta.turn_id)]
    events: list[Word] = [word for each in delta.events for word in (each.seq, str(each.type), each.json)]
    return db.server.script("append", keys, holds.token(delta.tenant_id, delta.fence), db.now, *events)


async def watch(db: Session, claims: Sequence[Claim]) -> Watch:
    """``TurnRows.watch_turns``"""
    answers = await db.ask(*(_renewal(db, claim) for claim in claims))
    return _watch((claim.turn.id for claim in claims), answers)


async def renew(db: Session, claims: Sequence[Claim], lease_seconds: float) -> Watch:
    """``TurnRows.renew_leases``"""
    lease = int(lease_seconds * 1_000_000)
    until = db.now + lease
    answers = await db.ask(*(_renewal(db, claim, until, lease) for claim in claims))
    held = [claim.turn.id for claim, answer in zip(claims, answers, strict=True) if answer is not None]
    await _enter_leases(db, held, until)
    return _watch((claim.turn.id for claim in claims), answers)


def _renewal(db: Session, claim: Claim, *lease: int) -> Command:
    token = holds.token(claim.tenant_id, claim.fence)
    return db.server.script("renew", [db.keys.of(holds.KIND, claim.turn.id)], token, *lease)


async def _enter_leases(db: Session, turn_ids: Sequence[str], until: int) -> None:
    """Move leases in the index, but for those that have left it meanwhile. One that is lost here is read as too early."""
    things = await db.find_all(StoredTurn, turn_ids)
    key = db.keys.index("turns.leased")
    await db.ask(*(("ZADD", key, "XX", until, each.member) for each in things if each is not None))


async def read_log(
    db: Session, tenant_id: str, turn_id: str, stretch: tuple[int, int], *, deleted: bool = False
) -> tuple[TurnLog, bool]:
    """``TurnRows.read_log`` of (after, limit), and whether the turn's lease has expired."""
    found = await db.get(StoredTurn, tenant_id, turn_id)
    if not deleted:
        await db.live(tenant_id, found.conversation_id)
        if found.deleted_at is not None:
            raise NotFound
    keys = [db.keys.of(StoredTurn.KIND, turn_id)]
    keys += [db.keys.of(StoredMessage.KIND, each) for each in (found.question_id, found.answer_id) if each]
    look = logs.together(
        db, ("MGET", *keys), logs.read(db, turn_id, *stretch), logs.end(db, turn_id), holds.look(db, turn_id)
    )
    ((things, lines, end, held),) = await db.ask(look)
    if things[0] is None:
        raise NotFound
    kept = unpacked(StoredTurn, things[0])
    said = {each.id: message(each) for each in (unpacked(StoredMessage, raw) for raw in things[1:] if raw)}
    log = log_of(
        turn(kept),
        (said.get(kept.question_id or ""), said.get(kept.answer_id or "")),
        tuple(line.event for line in logs.lines_of(lines)),
        queued=kept.queued,
        ended_seq=kept.last_seq,
        log_end=logs.end_of(end),
    )
    return log, holds.is_over(db, kept, holds.hold_of(held))


async def logs_to_expire(db: Session, older_than_seconds: float, limit: int) -> list[str]:
    """Return the turns that ended so long ago."""
    return await due(db, "turns.logged", db.now - int(older_than_seconds * 1_000_000), limit)


async def expire(db: Session, turn_id: str) -> int:
    """Drop the log of a turn that has ended; return 1, or 0 where there is none."""
    _, found = await in_hand(db, None, turn_id)
    if not found.has_log:
        return 0
    logs.drop(db, turn_id)
    db.put(replace(found, has_log=False))
    return 1
