"""How turns end: by their worker, by a stop, by recovery, with their conversation. And who runs next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from palaver.clock import from_micros, to_micros
from palaver.conversation import InterruptReason, Message, Turn, TurnStatus
from palaver.errors import FenceLost, NotFound
from palaver.events import Event, log_begins_at
from palaver.stores.endings import (
    Logged,
    check_log,
    end_seq,
    ended,
    final_answer,
    has_expired,
    interruption,
    recovery_reason,
)
from palaver.stores.orders import HISTORY_TURNS, Claim, Finished, Outcome
from palaver.stores.postgres.lexemes import row_of
from palaver.stores.postgres.listing import folded
from palaver.stores.postgres.paths import said_up_to
from palaver.stores.postgres.quotes import empty_log, without_purged
from palaver.stores.postgres.session import Outrun, Row, Session
from palaver.stores.rows import (
    MESSAGE_WIDTH,
    TURN_WIDTH,
    bot_of,
    citations_column,
    event_of,
    index_of,
    message_of,
    parts_columns,
    turn_of,
)

Place = tuple[str, str]
"""A conversation: its tenant and its id."""


class TurnState(NamedTuple):
    """``{turn_state}``: what the store knows of a turn beyond its value."""

    status: str
    fence: int
    lease_until: int | None
    stop_reason: str | None
    queued: bool
    last_seq: int | None
    lease_micros: int | None
    parent_idx: int | None

    def has_expired(self, now: int) -> bool:
        """Whether its worker let its lease run out."""
        return has_expired(self.status, self.lease_until, now)


STATE_WIDTH = len(TurnState._fields)


class _Open(NamedTuple):
    """A turn that may be ended, with what its end needs."""

    turn: Turn
    state: TurnState
    log_end: int | None
    another_waits: bool
    revision: int


def state_of(row: Row) -> TurnState:
    """``{turn_columns}, {turn_state}, …``"""
    return TurnState(*row[TURN_WIDTH : TURN_WIDTH + STATE_WIDTH])


async def _open_turn(db: Session, tenant_id: str, turn_id: str) -> _Open | None:
    row = await db.row("finishing", id=turn_id, tenant_id=tenant_id)
    if row is None:
        return None
    return _Open(turn_of(row), state_of(row), *row[TURN_WIDTH + STATE_WIDTH :])


async def finish(db: Session, claim: Claim, outcome: Outcome, promote: str | None) -> Finished:
    """``TurnRows.finish_turn``"""
    if not db.is_locked and (finished := await _finish_plain(db, claim, outcome, promotes=promote is not None)):
        return finished
    ending = await _open_turn(db, claim.tenant_id, claim.turn.id)
    if ending is None or ending.state.status != TurnStatus.RUNNING or ending.state.fence != claim.fence:
        raise FenceLost("This turn has ended or has another owner.")
    check_log(ending.log_end, outcome)
    promotes = promote is not None and ending.another_waits
    if promotes or outcome.consulted:
        db.require_lock()
    if outcome.events:
        ending = ending._replace(log_end=outcome.events[-1].seq)
    finished = await _close(db, claim.tenant_id, ending, outcome)
    if promote is None or not promotes:
        return finished
    place = (claim.tenant_id, finished.turn.conversation_id)
    promoted = await claim_first_queued(db, place, promote, ending.state.lease_micros or 0)
    return replace(finished, promoted=promoted)


async def _finish_plain(db: Session, claim: Claim, outcome: Outcome, *, promotes: bool) -> Finished | None:
    """End a turn that is as its claim says; None where something has changed, and nothing was written."""
    turn = ended(claim.turn, outcome, db.now)
    row = await db.row(
        "finish_plain_turn",
        **_ended_columns(claim.tenant_id, turn, outcome),
        now=db.now,
        fence=claim.fence,
        promotes=promotes,
        behind=outcome.behind,
        log_end=outcome.events[-1].seq if outcome.events else None,
        next_seq=claim.next_seq,
    )
    if row is None:
        return None
    db.news.add(turn.id)
    turn = replace(turn, parent_id=row[5])
    return Finished(turn=turn, answer=_answer(turn, outcome, row[:4]), last_seq=row[4])


async def interrupt(db: Session, place: Place, turn_id: str, reason: InterruptReason) -> str:
    """End an open turn without its worker: the answer is what its log says. Returns its id. Needs a transaction."""
    await db.row("lock_turn", tenant_id=place[0], conversation_id=place[1], id=turn_id)
    ending = await _open_turn(db, place[0], turn_id)
    if ending is None:
        raise NotFound
    if not ending.turn.status.is_terminal:
        rows = await db.rows("log", tenant_id=place[0], turn_id=turn_id)
        log = [Logged(event=event_of(row), at=row[3]) for row in rows]
        await _close(db, place[0], ending, interruption(log, reason))
    return turn_id


async def recover_turn(db: Session, place: Place, turn_id: str) -> str | None:
    """End a running turn whose lease has expired; of any other turn return None. Needs a transaction."""
    await db.row("lock_turn", tenant_id=place[0], conversation_id=place[1], id=turn_id)
    row = await db.row("turn", id=turn_id, tenant_id=place[0])
    state = None if row is None else state_of(row)
    if state is None or not state.has_expired(db.now):
        return None
    return await interrupt(db, place, turn_id, recovery_reason(state.stop_reason))


async def _close(db: Session, tenant_id: str, ending: _Open, outcome: Outcome) -> Finished:
    outcome, purged = await without_purged(db, tenant_id, outcome)
    last_seq = end_seq(ending.turn, queued=ending.state.queued, log_end=ending.log_end)
    turn = ended(ending.turn, outcome, db.now)
    row = await db.row(
        "finish_turn",
        **_ended_columns(tenant_id, turn, outcome),
        now=db.now,
        revision=ending.revision,
        last_seq=last_seq,
        has_log=ending.log_end is not None,
    )
    if row is None:
        raise Outrun
    await empty_log(db, tenant_id, turn.id, purged)
    db.news.add(turn.id)
    return Finished(turn=turn, answer=_answer(turn, outcome, row), last_seq=last_seq)


def _ended_columns(tenant_id: str, turn: Turn, outcome: Outcome) -> dict[str, Any]:
    text, parts = parts_columns(outcome.parts)
    return {
        "tenant_id": tenant_id,
        "conversation_id": turn.conversation_id,
        "id": turn.id,
        "idx": turn.index,
        "status": turn.status.value,
        "reason": turn.reason and turn.reason.value,
        "error_code": turn.error and turn.error.code,
        "error_message": turn.error and turn.error.message,
        "input_tokens": turn.usage.input_tokens,
        "output_tokens": turn.usage.output_tokens,
        "cost_micro": turn.usage.cost_micro,
        "context_messages": turn.context and turn.context.history_messages,
        "context_chunks": turn.context and turn.context.chunks,
        "context_tokens": turn.context and turn.context.tokens,
        "first_token_at": turn.first_token_at and to_micros(turn.first_token_at),
        "answer_id": turn.message_id,
        "text": text,
        "parts": parts,
        "citations": citations_column(outcome.citations),
        "title": outcome.title,
        "title_folded": folded(outcome.title),
        "words": row_of(text, tenant_id),
        "consulted": list(dict.fromkeys(outcome.consulted)),
        **event_arrays(outcome.events),
    }


def event_arrays(events: Sequence[Event]) -> dict[str, list[int] | list[str]]:
    """Return the columns of a log, each as an array."""
    return {
        "seqs": [event.seq for event in events],
        "types": [str(event.type) for event in events],
        "datas": [event.json for event in events],
    }


def _answer(turn: Turn, outcome: Outcome, row: Row) -> Message | None:
    """Return the answer, given its place, the rating and feedback that it was given while it ran, and its time."""
    seq, rating, feedback, created_at = row
    if seq is None:
        return None
    return final_answer(turn, outcome, seq=seq, rated=(rating, feedback), created_at=from_micros(created_at))


async def stored_message(db: Session, tenant_id: str, message_id: str | None) -> Message | None:
    """Return a message as its row has it: the answer of a running turn is empty."""
    row = None if message_id is None else await db.row("message_of_turn", tenant_id=tenant_id, id=message_id)
    return None if row is None else message_of(row[:MESSAGE_WIDTH])


async def claim_first_queued(db: Session, place: Place, owner: str, lease_micros: int) -> Claim | None:
    """Make the queued turn that is next run: interrupting ones come first, then those that were accepted first.

    Needs a transaction that has locked the conversation.
    """
    where = {"tenant_id": place[0], "conversation_id": place[1]}
    first = await db.row("promote_first", **where, owner=owner, now=db.now, lease_micros=lease_micros)
    return None if first is None else await claim_of(db, place, first[0])


async def claim_of(db: Session, place: Place, index: int) -> Claim | None:
    """Return the right to run a turn that runs from now on, and has said nothing."""
    row = await db.row("claimed_turn", tenant_id=place[0], conversation_id=place[1], idx=index)
    if row is None:
        return None
    turn, state = turn_of(row), state_of(row)
    params, revision, embedding, *bot = row[TURN_WIDTH + STATE_WIDTH :]
    db.news.add(turn.id)
    return Claim(
        tenant_id=place[0],
        turn=turn,
        question=await stored_message(db, place[0], turn.user_message_id),
        history=await said_up_to(db, place, state.parent_idx, HISTORY_TURNS),
        bot=bot_of(bot),
        index=index_of((revision, embedding)),
        fence=state.fence,
        next_seq=log_begins_at(queued=state.queued),
        params=json.loads(params) if params else {},
    )
