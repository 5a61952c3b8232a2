"""How turns end: by their worker, by a stop, by recovery, with their conversation. And who runs next."""

from __future__ import annotations

from dataclasses import replace

from palaver.clock import from_micros
from palaver.conversation import InterruptReason, Message, Turn, TurnStatus
from palaver.errors import FenceLost
from palaver.events import log_begins_at
from palaver.stores.endings import end_seq, ended, final_answer, interruption, recovery_reason
from palaver.stores.orders import HISTORY_TURNS, Claim, Finished, Outcome
from palaver.stores.redis.events import LogEnd, add_event, log_end, whole_log
from palaver.stores.redis.kept import KeptConversation, KeptMessage, KeptTurn, is_open
from palaver.stores.redis.living import own_conversation
from palaver.stores.redis.paths import said_up_to
from palaver.stores.redis.session import Session


async def finish(db: Session, claim: Claim, outcome: Outcome, promote: str | None) -> Finished:
    """``TurnRows.finish_turn``"""
    turn, kept, end, _ = await db.read(
        db.turn(claim.turn.id),
        db.conversation(claim.turn.conversation_id),
        log_end(db, claim.turn.id),
        db.message(claim.turn.message_id or claim.turn.id + "!"),
    )
    if kept is None or turn is None or turn.tenant_id != claim.tenant_id or not _holds(turn, claim.fence):
        raise FenceLost("This turn has ended or has another owner.")
    db.check(str(end.length), "XLEN", db.keys.inside(turn.id, "log"))
    kept, closed, answer, last_seq = await _close(db, kept, turn, outcome, end)
    promoted = None
    if promote is not None and kept.waiting:
        promoted = await claim_first_queued(db, kept, promote, turn.record.lease_micros or 0)
    return Finished(turn=closed, answer=answer, last_seq=last_seq, promoted=promoted)


def _holds(turn: KeptTurn, fence: int) -> bool:
    return turn.value.status is TurnStatus.RUNNING and turn.record.fence == fence


async def interrupt(db: Session, kept: KeptConversation, turn_id: str, reason: InterruptReason) -> KeptConversation:
    """End an open turn without its worker: the answer is what its log says. Return its conversation as it is then."""
    turn = await db.one(db.turn(turn_id))
    if turn is None or not is_open(turn.value):
        return kept
    log = await whole_log(db, turn_id)
    end = LogEnd(len(log), log[-1].event.seq if log else None)
    kept, _, _, _ = await _close(db, kept, turn, interruption(log, reason), end)
    return kept


async def interrupt_all(db: Session, kept: KeptConversation, reason: InterruptReason) -> KeptConversation:
    """End every open turn of a conversation."""
    for turn_id in open_turn_ids(kept):
        kept = await interrupt(db, kept, turn_id, reason)
    return kept


def open_turn_ids(kept: KeptConversation) -> tuple[str, ...]:
    """Return the turns that run or wait in a conversation."""
    running_id = kept.value.running_turn_id
    waiting = tuple(turn.id for turn in kept.waiting)
    return waiting if running_id is None else (running_id, *waiting)


async def interrupt_turn(db: Session, tenant_id: str, turn_id: str, reason: InterruptReason) -> str | None:
    """End an open turn; of any other return None."""
    turn = await db.one(db.turn(turn_id))
    if turn is None or turn.tenant_id != tenant_id or not is_open(turn.value):
        return None
    await interrupt(db, await own_conversation(db, tenant_id, turn.value.conversation_id), turn_id, reason)
    return turn_id


async def recover_turn(db: Session, turn_id: str) -> str | None:
    """End a running turn whose lease has expired; of any other return None."""
    turn = await db.one(db.turn(turn_id))
    if turn is None or not turn.has_expired(db.now):
        return None
    kept = await own_conversation(db, turn.tenant_id, turn.value.conversation_id)
    # A lease that was renewed since has another end: then the worker lives.
    db.check(str(turn.record.lease_until), "HGET", db.keys.inside(turn_id, "live"), "until")
    await interrupt(db, kept, turn_id, recovery_reason(turn.record.stop_reason))
    return turn_id


async def _close(
    db: Session, kept: KeptConversation, turn: KeptTurn, outcome: Outcome, end: LogEnd
) -> tuple[KeptConversation, Turn, Message | None, int]:
    new_events = [event for event in outcome.events if event.seq > (end.seq or 0)]
    for event in new_events:
        add_event(db, turn.id, event, db.now)
    log_seq = new_events[-1].seq if new_events else end.seq
    last_seq = end_seq(turn.value, queued=turn.record.queued, log_end=log_seq)
    value = ended(turn.value, outcome, db.now)
    db.put(replace(turn.with_record(turn=value, last_seq=last_seq, lease_until=None), has_log=log_seq is not None))
    db.do("UNLINK", db.keys.inside(turn.id, "live"))
    answer = None if value.message_id is None else await db.one(db.message(value.message_id))
    db.news.add(turn.id)
    kept = kept.without(turn.id)
    db.put(kept)
    return kept, value, None if answer is None else _answered(db, answer, value, outcome), last_seq


def _answered(db: Session, answer: KeptMessage, turn: Turn, outcome: Outcome) -> Message | None:
    before = answer.value
    rated = (before.rating, before.feedback)
    message = final_answer(turn, outcome, seq=before.seq, rated=rated, created_at=before.created_at)
    if message is not None:
        db.put(answer.with_record(message=message))
    return message


async def claim_first_queued(db: Session, kept: KeptConversation, owner: str, lease_micros: int) -> Claim | None:
    """Make the queued turn that is next run."""
    first = kept.next_waiting
    if first is None:
        return None
    turn, bot = await db.read(db.turn(first.id), db.bot(kept.tenant_id, kept.value.bot_id))
    if turn is None or bot is None:
        return None
    turn = turn.with_record(
        turn=replace(turn.value, status=TurnStatus.RUNNING, started_at=from_micros(db.now)),
        owner=owner,
        fence=turn.record.fence + 1,
        lease_micros=lease_micros,
        lease_until=db.now + lease_micros,
    )
    db.put(turn)
    start(db, turn)
    db.put(kept.without(turn.id).with_value(running_turn_id=turn.id))
    db.news.add(turn.id)
    parent_id, question_id = turn.value.parent_id, turn.value.user_message_id
    reply = None if turn.value.message_id is None else await db.one(db.message(turn.value.message_id))
    if reply is not None:
        db.put(reply.with_value(status=TurnStatus.RUNNING))
    question = None if question_id is None else await db.one(db.message(question_id))
    return Claim(
        tenant_id=kept.tenant_id,
        turn=turn.value,
        question=None if question is None else question.value,
        history=() if parent_id is None else await said_up_to(db, kept, parent_id, HISTORY_TURNS),
        bot=bot.bot,
        fence=turn.record.fence,
        next_seq=log_begins_at(queued=True),
        params=turn.record.params,
    )


def start(db: Session, turn: KeptTurn) -> None:
    """Write what is kept beside the row of a turn while it runs."""
    words = [word for item in turn.live().items() for word in item]
    db.do("HSET", db.keys.inside(turn.id, "live"), *words)
