"""The log of a turn: written tick by tick under the fence, read by anyone, dropped a day after the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from palaver.conversation import InterruptReason
from palaver.errors import NotFound, StoreUnavailable
from palaver.events import Event, log_begins_at
from palaver.stores.endings import log_of
from palaver.stores.keyset import END
from palaver.stores.orders import Claim, Delta, TurnLog, Watch
from palaver.stores.postgres.driver_errors import RETRY_AFTER_SECONDS
from palaver.stores.postgres.session import Row, Session
from palaver.stores.postgres.turn_ends import STATE_WIDTH, event_arrays, state_of
from palaver.stores.rows import MESSAGE_WIDTH, TURN_WIDTH, message_of, turn_of


def _watch(asked: Iterable[str], held: Sequence[Row]) -> Watch:
    """Return what their workers must know of the turns that were asked about, given those that are theirs."""
    reasons = {row[0]: row[1] for row in held}
    stopping = {turn_id: InterruptReason(reason) for turn_id, reason in reasons.items() if reason is not None}
    return Watch(stale=frozenset(asked) - reasons.keys(), stopping=stopping)


async def append(db: Session, batch: Sequence[Delta]) -> Watch:
    """``TurnRows.append_deltas``. Where the database has lost what came before, nothing of the batch is written: its workers
    end their turns, each with the ticks that it remembers."""
    batch = sorted(batch, key=lambda delta: (delta.tenant_id, delta.turn_id))  # all hold their turns in one order
    events = [(number, delta, event) for number, delta in enumerate(batch, 1) for event in delta.events]
    held = await db.rows(
        "append_deltas",
        tenant_ids=[delta.tenant_id for delta in batch],
        turn_ids=[delta.turn_id for delta in batch],
        fences=[delta.fence for delta in batch],
        firsts=[delta.events[0].seq if delta.events else 0 for delta in batch],
        log_begins=log_begins_at(queued=False),
        event_ks=[number for number, _, _ in events],
        event_tenant_ids=[delta.tenant_id for _, delta, _ in events],
        event_turn_ids=[delta.turn_id for _, delta, _ in events],
        **event_arrays([event for _, _, event in events]),
        now=db.now,
    )
    if any(row[2] for row in held):
        raise StoreUnavailable("The database has lost what it took last.", retry_after_seconds=RETRY_AFTER_SECONDS)
    db.news.update(row[0] for row in held)
    return _watch((delta.turn_id for delta in batch), held)


def _claims(claims: Sequence[Claim]) -> dict[str, list[str] | list[int]]:
    claims = sorted(claims, key=lambda claim: (claim.tenant_id, claim.turn.id))
    return {
        "tenant_ids": [claim.tenant_id for claim in claims],
        "turn_ids": [claim.turn.id for claim in claims],
        "fences": [claim.fence for claim in claims],
    }


async def watch(db: Session, claims: Sequence[Claim]) -> Watch:
    """``TurnRows.watch_turns``"""
    return _watch((claim.turn.id for claim in claims), await db.rows("watch_turns", **_claims(claims)))


async def renew(db: Session, claims: Sequence[Claim], lease_seconds: float) -> Watch:
    """``TurnRows.renew_leases``"""
    lease_micros = int(lease_seconds * 1_000_000)
    held = await db.rows("renew_leases", **_claims(claims), now=db.now, lease_micros=lease_micros)
    return _watch((claim.turn.id for claim in claims), held)


async def read_log(
    db: Session,
    tenant_id: str,
    turn_id: str,
    stretch: tuple[int, int],
    *,
    deleted: bool = False,
) -> tuple[TurnLog, bool]:
    """``TurnRows.read_log`` of (after, limit), and whether the turn's lease has expired."""
    after, limit = stretch
    row = await db.row("turn_log", tenant_id=tenant_id, id=turn_id, after=min(after, END), limit=limit, deleted=deleted)
    if row is None:
        raise NotFound
    state = state_of(row)
    log_end, seqs, types, datas, *said = row[TURN_WIDTH + STATE_WIDTH :]
    question, answer = said[:MESSAGE_WIDTH], said[MESSAGE_WIDTH:]
    log = log_of(
        turn_of(row),
        (None if question[0] is None else message_of(question), None if answer[0] is None else message_of(answer)),
        tuple(Event(*each) for each in zip(seqs or (), types or (), datas or (), strict=True)),
        queued=state.queued,
        ended_seq=state.last_seq,
        log_end=log_end,
    )
    return log, state.has_expired(db.now)


async def expire(db: Session, *, older_than_seconds: float, limit: int) -> int:
    """``TurnRows.expire_logs``"""
    cutoff = db.now - int(older_than_seconds * 1_000_000)
    return await db.run("expire_logs", cutoff=cutoff, limit=limit)
