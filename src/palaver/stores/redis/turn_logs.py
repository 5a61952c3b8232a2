"""What workers do all the time: write ticks, renew leases, look whether they were asked to stop. And who reads what they
wrote."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from palaver.conversation import InterruptReason
from palaver.errors import NotFound
from palaver.stores.endings import log_of
from palaver.stores.orders import Claim, Delta, TurnLog, Watch
from palaver.stores.redis.events import log_end, stretch_of_log
from palaver.stores.redis.kept import KeptMessage
from palaver.stores.redis.keys import Keys
from palaver.stores.redis.living import live_turn, own_turn
from palaver.stores.redis.script import APPEND, Call, step
from palaver.stores.redis.session import Session, Wanted


def append_call(keys: Keys, delta: Delta, now: int) -> Call:
    """Return the script that writes a tick."""
    words = [word for event in delta.events for word in (event.seq, str(event.type), event.json)]
    places = (keys.inside(delta.turn_id, "live"), keys.inside(delta.turn_id, "log"))
    return Call(APPEND, places, (delta.fence, now, *words))


def renew_call(keys: Keys, claim: Claim, until: int, micros: int) -> Call:
    """Return the script that moves a lease."""
    live = keys.inside(claim.turn.id, "live")
    return step(
        [("HGET", live, "stop"), ("HSET", live, "until", until, "micros", micros)],
        checks=[(("HGET", live, "fence"), str(claim.fence))],
    )


def watched(turn_ids: Iterable[str], stops: Iterable[bytes | None]) -> Watch:
    """Return what workers must know, given for each turn why it was asked to stop, b"" if it was not, None if it is stale."""
    asked = dict(zip(turn_ids, stops, strict=True))
    stopping = {turn_id: InterruptReason(stop.decode()) for turn_id, stop in asked.items() if stop}
    return Watch(stale=frozenset(turn_id for turn_id, stop in asked.items() if stop is None), stopping=stopping)


def stop_of_renewed(answers: Any) -> bytes | None:
    """Read what ``renew_call`` answers."""
    return (answers[0] or b"") if isinstance(answers, list) else None


def held(db: Session, claim: Claim) -> Wanted[bytes | None]:
    """Why a turn was asked to stop, b"" if it was not, None if it is no longer its worker's."""

    def take(answers: Sequence[Any]) -> bytes | None:
        fence, stop = answers[0]
        return (stop or b"") if fence == str(claim.fence).encode() else None

    return Wanted((("HMGET", db.keys.inside(claim.turn.id, "live"), "fence", "stop"),), take)


async def read_log(
    db: Session, tenant_id: str, turn_id: str, stretch: tuple[int, int], *, deleted: bool = False
) -> tuple[TurnLog, bool]:
    """``TurnRows.read_log`` of (after, limit), and whether the turn's lease has expired."""
    first = await own_turn(db, tenant_id, turn_id)
    if not deleted:
        await live_turn(db, tenant_id, turn_id)
    snapshot = db.again()
    turn, end, events, *messages = await snapshot.read(
        snapshot.turn(turn_id),
        log_end(db, turn_id),
        stretch_of_log(db, turn_id, *stretch),
        *(snapshot.message(each) for each in (first.value.user_message_id, first.value.message_id) if each is not None),
    )
    if turn is None:
        raise NotFound
    by_id: dict[str | None, KeptMessage] = {each.id: each for each in messages if each is not None}
    question, answer = by_id.get(turn.value.user_message_id), by_id.get(turn.value.message_id)
    log = log_of(
        turn.value,
        (None if question is None else question.value, None if answer is None else answer.value),
        tuple(line.event for line in events),
        queued=turn.record.queued,
        ended_seq=turn.record.last_seq,
        log_end=end.seq,
    )
    return log, turn.has_expired(db.now)
