"""How turns end: by their worker, by a stop, by recovery, with their conversation. And who runs next."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import NamedTuple

from palaver.clock import from_micros, to_micros
from palaver.conversation import InterruptReason, Message, Turn, TurnStatus
from palaver.errors import FenceLost, NotFound
from palaver.events import log_begins_at
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
from palaver.stores.keyset import END
from palaver.stores.orders import HISTORY_TURNS, Claim, Finished, Outcome
from palaver.stores.quotes import emptied
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
from palaver.stores.sqlite.log_place import log_columns
from palaver.stores.sqlite.paths import said_up_to
from palaver.stores.sqlite.quotes import empty_turn, note_consulted, purged_among
from palaver.stores.sqlite.scope import scope_of
from palaver.stores.sqlite.transaction import Row, Transaction


class TurnState(NamedTuple):
    """``{turn_state}``: what the store knows of a turn beyond its value."""

    n: int
    conversation_n: int
    status: str
    fence: int
    lease_until: int | None
    stop_reason: str | None
    queued: int
    last_seq: int | None
    lease_micros: int | None

    def has_expired(self, now: int) -> bool:
        """Whether its worker let its lease run out."""
        return has_expired(self.status, self.lease_until, now)


STATE_WIDTH = len(TurnState._fields)


class _Open(NamedTuple):
    """A turn that may be ended, with what its end needs."""

    turn: Turn
    state: TurnState
    answer_n: int | None
    answer_seq: int
    answer_rating: int | None
    answer_feedback: str | None
    answer_created_at: int
    log_end: int | None
    others_wait: int
    tenant_id: str
    bot_n: int


def state_of(row: Row) -> TurnState:
    """``{turn_columns}, {turn_state}, …``"""
    return TurnState(*row[TURN_WIDTH : TURN_WIDTH + STATE_WIDTH])


def _open_turn(tx: Transaction, tenant_id: str, turn_id: str) -> _Open | None:
    row = tx.row("finishing", id=turn_id, tenant_id=tenant_id)
    if row is None:
        return None
    return _Open(turn_of(row), state_of(row), *row[TURN_WIDTH + STATE_WIDTH :])


def finish(tx: Transaction, claim: Claim, outcome: Outcome, promote: str | None) -> Finished:
    """``TurnRows.finish_turn``"""
    ending = _open_turn(tx, claim.tenant_id, claim.turn.id)
    if ending is None or ending.state.status != TurnStatus.RUNNING or ending.state.fence != claim.fence:
        raise FenceLost("This turn has ended or has another owner.")
    check_log(ending.log_end, outcome)
    if outcome.events:
        tx.run_many("insert_log", log_columns(ending.state.n, outcome.events, tx.now))
        ending = ending._replace(log_end=outcome.events[-1].seq)
    turn, answer, last_seq = _close(tx, ending, outcome)
    promoted = None
    if promote is not None and ending.others_wait:
        promoted = claim_first_queued(tx, ending.state.conversation_n, promote, ending.state.lease_micros or 0)
    return Finished(turn=turn, answer=answer, last_seq=last_seq, promoted=promoted)


def interrupt(tx: Transaction, turn_n: int, reason: InterruptReason) -> str:
    """End an open turn without its worker: the answer is what its log says. Returns its id."""
    identity = tx.row("identity_of_turn", n=turn_n)
    ending = _open_turn(tx, identity[1], identity[0]) if identity else None
    if ending is None:
        raise NotFound
    if ending.turn.status.is_terminal:
        return ending.turn.id
    rows = tx.rows("log", turn_n=turn_n, after=0, limit=END)
    _close(tx, ending, interruption([Logged(event=event_of(row), at=row[3]) for row in rows], reason))
    return ending.turn.id


def recover_turn(tx: Transaction, tenant_id: str, turn_id: str) -> str | None:
    """End a running turn whose lease has expired; of any other turn return None."""
    row = tx.row("turn", id=turn_id, tenant_id=tenant_id)
    state = None if row is None else state_of(row)
    if state is None or not state.has_expired(tx.now):
        return None
    return interrupt(tx, state.n, recovery_reason(state.stop_reason))


def _close(tx: Transaction, ending: _Open, outcome: Outcome) -> tuple[Turn, Message | None, int]:
    if outcome.consulted:
        outcome = _consulted(tx, ending.state.n, outcome)
    last_seq = end_seq(ending.turn, queued=bool(ending.state.queued), log_end=ending.log_end)
    turn = ended(ending.turn, outcome, tx.now)
    tx.run(
        "finish_turn",
        n=ending.state.n,
        status=turn.status.value,
        reason=turn.reason and turn.reason.value,
        error_code=turn.error and turn.error.code,
        error_message=turn.error and turn.error.message,
        input_tokens=turn.usage.input_tokens,
        output_tokens=turn.usage.output_tokens,
        cost_micro=turn.usage.cost_micro,
        context_messages=turn.context and turn.context.history_messages,
        context_chunks=turn.context and turn.context.chunks,
        context_tokens=turn.context and turn.context.tokens,
        first_token_at=turn.first_token_at and to_micros(turn.first_token_at),
        now=tx.now,
        last_seq=last_seq,
    )
    tx.run("finish_in_conversation", n=ending.state.conversation_n, turn_n=ending.state.n, title=outcome.title)
    tx.run("mark_uncounted", n=ending.state.conversation_n, tenant_id=ending.tenant_id)
    return turn, _write_answer(tx, ending, turn, outcome), last_seq


def _consulted(tx: Transaction, turn_n: int, outcome: Outcome) -> Outcome:
    """Note which documents a turn had text of. What was purged of them while it ran is emptied."""
    purged = purged_among(tx, outcome.consulted)
    note_consulted(tx, turn_n, set(outcome.consulted) - purged)
    if purged:
        empty_turn(tx, turn_n, purged)
    return replace(outcome, citations=emptied(outcome.citations, purged))


def _write_answer(tx: Transaction, ending: _Open, turn: Turn, outcome: Outcome) -> Message | None:
    if ending.answer_n is None or turn.message_id is None:
        return None
    text, parts = parts_columns(outcome.parts)
    if outcome.parts or outcome.citations:
        tx.run(
            "finish_answer",
            n=ending.answer_n,
            text=text,
            parts=parts,
            citations=citations_column(outcome.citations),
        )
    if text:
        tx.run("index_message", n=ending.answer_n, scope=scope_of(ending.tenant_id, ending.bot_n), text=text)
    return final_answer(
        turn,
        outcome,
        seq=ending.answer_seq,
        rated=(ending.answer_rating, ending.answer_feedback),
        created_at=from_micros(ending.answer_created_at),
    )


def stored_message(tx: Transaction, message_id: str | None) -> Message | None:
    """Return a message as its row has it: the answer of a running turn is empty."""
    row = None if message_id is None else tx.row("message_of_turn", id=message_id)
    return None if row is None else message_of(row[:MESSAGE_WIDTH])


def claim_first_queued(tx: Transaction, conversation_n: int, owner: str, lease_micros: int) -> Claim | None:
    """Make the queued turn that is next run: interrupting ones come first, then those that were accepted first."""
    first = tx.row("first_queued", n=conversation_n)
    if first is None:
        return None
    turn_n, params, parent_n = first
    lease = {"lease_micros": lease_micros, "lease_until": tx.now + lease_micros}
    tx.run("promote_turn", n=turn_n, owner=owner, now=tx.now, **lease)
    tx.run("set_running", n=conversation_n, running_n=turn_n, now=tx.now)
    return claim_of(tx, turn_n, params, parent_n)


def claim_of(tx: Transaction, turn_n: int, params: str | None, parent_n: int | None) -> Claim:
    """Return the right to run a turn that runs from now on, and has said nothing."""
    row = tx.row("claimed_turn", n=turn_n)
    if row is None:
        raise NotFound
    turn, state = turn_of(row), state_of(row)
    bot, index = row[TURN_WIDTH + STATE_WIDTH + 1 : -2], row[-2:]
    return Claim(
        tenant_id=row[TURN_WIDTH + STATE_WIDTH],
        turn=turn,
        question=stored_message(tx, turn.user_message_id),
        history=said_up_to(tx, parent_n, HISTORY_TURNS),
        bot=bot_of(bot),
        index=index_of(index),
        fence=state.fence,
        next_seq=log_begins_at(queued=bool(state.queued)),
        params=json.loads(params) if params else {},
    )
