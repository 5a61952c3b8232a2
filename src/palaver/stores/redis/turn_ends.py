"""How turns end: by their worker, by a stop, by recovery, with their conversation. And who runs next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from palaver.clock import from_micros, to_micros
from palaver.conversation import InterruptReason, Message, TurnStatus
from palaver.errors import FenceLost, NotFound
from palaver.events import log_begins_at
from palaver.stores.endings import Logged, check_log, end_seq, ended, final_answer, interruption, recovery_reason
from palaver.stores.orders import HISTORY_TURNS, Claim, Finished, Outcome
from palaver.stores.redis import announcements, citations, holds, logs
from palaver.stores.redis.paths import said_up_to
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredBot, StoredConversation, StoredMessage, StoredTurn
from palaver.stores.redis.values import bot, message, turn
from palaver.stores.rows import citations_column, parts_columns

_OPEN = (TurnStatus.RUNNING, TurnStatus.QUEUED)


@dataclass(frozen=True, slots=True)
class _Ending:
    """A turn that is to be ended, with what is known of it."""

    turn: StoredTurn
    hold: holds.Hold | None
    log_end: int | None


@dataclass(frozen=True, slots=True)
class _RunningTurn:
    """A turn as its worker finds it: its hold, and how long its log is."""

    hold: holds.Hold | None
    log_size: int
    log_end: int | None


async def in_hand(db: Session, tenant_id: str | None, turn_id: str) -> tuple[StoredConversation, StoredTurn]:
    """Return a turn, deleted or not, and its conversation, to be changed. ``tenant_id`` None: of any."""
    found = await db.find(StoredTurn, turn_id)
    if found is None or tenant_id not in (None, found.tenant_id):
        raise NotFound
    if not db.guards(found.conversation_id):
        await db.read_inside(found.conversation_id, (StoredTurn, turn_id))
    conversation = await db.conversation(found.tenant_id, found.conversation_id)
    return conversation, await db.get(StoredTurn, found.tenant_id, turn_id)


async def finish(db: Session, claim: Claim, outcome: Outcome, promote: str | None) -> Finished:
    """``TurnRows.finish_turn``"""
    about = claim.turn
    standing = await _standing(db, claim)
    conversation = await db.conversation(claim.tenant_id, about.conversation_id)
    hold, kept = standing.hold, await db.find(StoredTurn, about.id)
    if kept is None or kept.status != TurnStatus.RUNNING or hold is None or hold.fence != claim.fence:
        raise FenceLost("This turn has ended or has another owner.")
    db.expect(standing.log_size, *logs.size(db, about.id))
    outcome = await _without_purged(db, about.id, outcome)
    written = standing.log_end
    check_log(written, outcome)
    new = [event for event in outcome.events if written is None or event.seq > written]
    logs.write(db, about.id, new, db.now)
    last = new[-1].seq if new else written
    closed, answer = await _close(db, conversation, _Ending(kept, hold, last), outcome)
    promoted = None
    if promote is not None:
        promoted = await claim_first_queued(db, claim.tenant_id, about.conversation_id, promote, hold.lease)
    return Finished(turn=turn(closed), answer=answer, last_seq=closed.last_seq or 0, promoted=promoted)


async def _standing(db: Session, claim: Claim) -> _RunningTurn:
    """Read how a turn stands, with all that its end changes; or take it from what this process wrote of it."""
    about = claim.turn
    recent = db.server.recent.take(about.id)
    if recent is not None and recent.turn.fence == claim.fence:
        db.recall(recent)
        hold = holds.Hold(recent.turn.fence, recent.turn.lease_until or 0, recent.turn.lease_micros or 0, None)
        return _RunningTurn(hold, recent.log_size, recent.log_end)
    looks = (holds.look(db, about.id), logs.end(db, about.id), logs.size(db, about.id))
    ((held, end, size),) = await db.read_inside(
        about.conversation_id,
        (StoredTurn, about.id),
        (StoredMessage, about.message_id),
        ask=(logs.together(db, *looks),),
    )
    return _RunningTurn(holds.hold_of(held), size, logs.end_of(end))


async def _without_purged(db: Session, turn_id: str, outcome: Outcome) -> Outcome:
    """Note which documents a turn has read; return its outcome, and leave its log, without quotes of those that are purged."""
    if not outcome.consulted:
        return outcome
    purged = await citations.consult(db, turn_id, outcome.consulted)
    if purged:
        citations.empty_log(db, turn_id, await logs.whole(db, turn_id), purged)
    return citations.without(outcome, purged)


async def interrupt(db: Session, turn_id: str, reason: InterruptReason) -> str:
    """End an open turn without its worker: the answer is what its log says. Returns its id."""
    conversation, found = await in_hand(db, None, turn_id)
    if found.status in _OPEN:
        hold, lines = await _so_far(db, found)
        log_end = lines[-1].event.seq if lines else None
        outcome = await _without_purged(db, turn_id, interruption(lines, reason))
        await _close(db, conversation, _Ending(found, hold, log_end), outcome)
    return turn_id


async def _so_far(db: Session, found: StoredTurn) -> tuple[holds.Hold | None, list[Logged]]:
    held, (answer,) = await db.ask(holds.look(db, found.id), logs.together(db, logs.read(db, found.id, after=0)))
    lines = logs.lines_of(answer)
    db.expect(len(lines), *logs.size(db, found.id))
    return holds.hold_of(held), lines


async def end_open_turns(db: Session, conversation: StoredConversation, reason: InterruptReason) -> Sequence[str]:
    """End the running and the queued turns of a conversation; return their ids."""
    running = () if conversation.running_id is None else (conversation.running_id,)
    return tuple([await interrupt(db, turn_id, reason) for turn_id in (*running, *conversation.queued)])


async def recover_turn(db: Session, turn_id: str, *, asked: InterruptReason | None = None) -> str | None:
    """End a running turn whose lease has expired; of any other turn return None. ``asked`` is why it was to stop just now."""
    _, found = await in_hand(db, None, turn_id)
    hold = await holds.find_hold(db, turn_id)
    if not holds.is_over(db, found, hold):
        return None
    if hold is not None:
        db.expect(hold.until, "HGET", db.keys.of(holds.KIND, turn_id), "until")
    return await interrupt(db, turn_id, recovery_reason((hold.stop if hold else None) or asked))


async def _close(
    db: Session, conversation: StoredConversation, ending: _Ending, outcome: Outcome
) -> tuple[StoredTurn, Message | None]:
    open_turn = ending.turn
    value = ended(turn(open_turn), outcome, db.now)
    last_seq = end_seq(value, queued=open_turn.queued, log_end=ending.log_end)
    closed = replace(
        open_turn,
        status=value.status.value,
        reason=value.reason and value.reason.value,
        error_code=None if value.error is None else value.error.code,
        error_message=None if value.error is None else value.error.message,
        input_tokens=value.usage.input_tokens,
        output_tokens=value.usage.output_tokens,
        cost_micro=value.usage.cost_micro,
        context_messages=None if value.context is None else value.context.history_messages,
        context_chunks=None if value.context is None else value.context.chunks,
        context_tokens=None if value.context is None else value.context.tokens,
        first_token_at=None if value.first_token_at is None else to_micros(value.first_token_at),
        finished_at=db.now,
        last_seq=last_seq,
        lease_micros=ending.hold.lease if ending.hold else open_turn.lease_micros,
        lease_until=None,
        stop_reason=ending.hold.stop if ending.hold else open_turn.stop_reason,
        has_log=ending.log_end is not None,
    )
    db.put(closed)
    if open_turn.status == TurnStatus.RUNNING:
        db.write("DEL", db.keys.of(holds.KIND, open_turn.id))
    answer = await _answer(db, closed, outcome)
    await _free(db, conversation, open_turn.id, outcome.title)
    db.news.add(open_turn.id)
    return closed, answer


async def _answer(db: Session, closed: StoredTurn, outcome: Outcome) -> Message | None:
    kept = await db.find(StoredMessage, closed.answer_id)
    if kept is None:
        return None
    text, parts = parts_columns(outcome.parts)
    cited = citations_column(outcome.citations)
    db.put(replace(kept, text=text, parts=parts, citations=cited, status=closed.status))
    rated = (kept.rating, kept.feedback)
    return final_answer(turn(closed), outcome, seq=kept.seq, rated=rated, created_at=from_micros(kept.created_at))


async def _free(db: Session, conversation: StoredConversation, turn_id: str, title: str | None) -> None:
    """Let go of a turn that runs or waits no longer. A conversation that has no title gets one, if there is one for it."""
    now = await db.get(StoredConversation, conversation.tenant_id, conversation.id)
    running_id = None if now.running_id == turn_id else now.running_id
    queued = tuple(each for each in now.queued if each != turn_id)
    title = title if now.title is None else now.title
    db.put(replace(now, running_id=running_id, queued=queued, title=title, changed_at=db.now))


async def stored_message(db: Session, message_id: str | None) -> Message | None:
    """Return a message as it is kept: the answer of a running turn is empty."""
    kept = await db.find(StoredMessage, message_id)
    return None if kept is None else message(kept)


async def claim_first_queued(
    db: Session, tenant_id: str, conversation_id: str, owner: str, lease_micros: int
) -> Claim | None:
    """Make the queued turn that is next run: interrupting ones come first, then those that were accepted first."""
    conversation = await db.get(StoredConversation, tenant_id, conversation_id)
    waiting = [each for each in await db.find_all(StoredTurn, conversation.queued) if each is not None]
    owning = await db.find(StoredBot, conversation.bot_id) if waiting else None
    if owning is None or owning.deleted_at is not None:
        return None
    first = min(waiting, key=lambda each: (not each.interrupting, each.index))
    promoted = replace(
        first,
        status=TurnStatus.RUNNING.value,
        owner=owner,
        fence=first.fence + 1,
        lease_micros=lease_micros,
        lease_until=db.now + lease_micros,
        started_at=db.now,
    )
    db.put(promoted)
    await _mark_running(db, promoted)
    queued = tuple(each for each in conversation.queued if each != first.id)
    db.put(replace(conversation, running_id=first.id, queued=queued))
    return await _granted(db, promoted, owning)


async def adopt(db: Session, turn_id: str, owner: str, lease_micros: int) -> Claim | None:
    """Claim a running turn anew, unless it has ended or spoken by now."""
    conversation, found = await in_hand(db, None, turn_id)
    (size,) = await db.ask(logs.size(db, turn_id))
    owning = await db.find(StoredBot, conversation.bot_id)
    if found.status != TurnStatus.RUNNING or found.owner != owner or size or owning is None:
        return None
    db.expect(size, *logs.size(db, turn_id))
    until = db.now + lease_micros
    adopted = replace(found, fence=found.fence + 1, lease_micros=lease_micros, lease_until=until)
    db.put(adopted)
    return await _granted(db, adopted, owning)


async def _granted(db: Session, running: StoredTurn, owning: StoredBot) -> Claim:
    """Give a turn that runs from now on, and has said nothing, its hold; return the right to run it."""
    holds.grant(db, running)
    db.news.add(running.id)
    (index,) = await db.ask(announcements.look(db.keys, owning.id))
    return Claim(
        tenant_id=running.tenant_id,
        turn=turn(running),
        question=await stored_message(db, running.question_id),
        history=await said_up_to(db, running.parent_id, HISTORY_TURNS),
        bot=bot(owning),
        index=announcements.index_of(index),
        fence=running.fence,
        next_seq=log_begins_at(queued=running.queued),
        params=json.loads(running.params) if running.params else {},
    )


async def _mark_running(db: Session, promoted: StoredTurn) -> None:
    answer = await db.find(StoredMessage, promoted.answer_id)
    if answer is not None:
        db.put(replace(answer, status=promoted.status))
