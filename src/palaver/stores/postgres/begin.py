"""How a turn begins: what the conversation allows, where in its tree the turn stands, and the rows that are made.

Nearly always that is one statement: nothing is open, and the turn goes on where the last one ended. Else it is one read and
one write; what needs more than that (another path, attachments, turns that make way) is done behind a lock on the
conversation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from palaver.bot import Bot
from palaver.conversation import FilePart, ImagePart, Message, Part, Policy, Role, Turn, TurnStatus, Utterance
from palaver.errors import NotFound
from palaver.stores.endings import has_expired
from palaver.stores.knowledge_orders import BotIndex
from palaver.stores.openings import (
    SUPERSEDED,
    Admission,
    Standing,
    Waiting,
    admit,
    check_open,
    check_same,
    claimed,
    new_question,
    new_turn,
    no_message,
    no_parent,
    no_question,
)
from palaver.stores.orders import Begun, Continue, EditQuestion, Question, Regenerate, TurnOrder
from palaver.stores.postgres.lexemes import row_of
from palaver.stores.postgres.paths import move_path
from palaver.stores.postgres.session import Outrun, Row, Session
from palaver.stores.postgres.turn_ends import Place, interrupt, recover_turn, stored_message
from palaver.stores.rows import bot_of, index_of, parts_columns, to_json, turn_of, utterances_of

_SAID_WIDTH = 7


class _Ground(NamedTuple):
    """All that the begin of a turn must know of its conversation."""

    revision: int
    status: str
    last_seq: int
    last_index: int
    head_idx: int | None
    running_idx: int | None
    head_id: str | None
    running_id: str | None
    running_until: int | None
    key_id: str | None
    key_fingerprint: bytes | None
    another_waits: bool
    origin_idx: int | None
    known: BotIndex
    bot: Bot


class _Standing(NamedTuple):
    """Where a turn stands: what it continues (and would, were that not deleted) and what it asks. ``question`` is None where
    an older one is asked again."""

    parent_idx: int | None
    parent_id: str | None
    question_id: str
    question: Question | None
    origin_idx: int | None


async def begin(db: Session, tenant_id: str, order: TurnOrder) -> Begun:
    """``TurnRows.begin_turn``"""
    if not db.is_locked and (begun := await _begin_plain(db, tenant_id, order)):
        return begun
    ground = await _ground(db, tenant_id, order)
    if ground.key_id is not None:
        return await _replay(db, tenant_id, ground, order)
    check_open(ground.status)
    if ground.running_id is not None and has_expired("running", ground.running_until, db.now):
        db.require_lock()
        await recover_turn(db, (tenant_id, order.conversation_id), ground.running_id)
        ground = await _ground(db, tenant_id, order)
    standing = await _standing(db, (tenant_id, order.conversation_id), ground, order)
    admission = await _admission(db, tenant_id, ground, order)
    if admission.cancelled or admission.superseded:
        ground = await _make_way(db, tenant_id, ground, order, admission)
    return await _accept(db, tenant_id, ground, order, standing, admission)


async def _begin_plain(db: Session, tenant_id: str, order: TurnOrder) -> Begun | None:
    """Begin a turn that goes on at the head of a conversation with nothing open; None where that is not the case."""
    match order.opening:
        case Continue(question=question, parent_id=None) if not attachments_of(question.parts):
            rows = await db.rows("accept_plain_turn", **_turn_columns(db, tenant_id, order, question, runs=True))
        case _:
            return None
    if not rows:
        return None
    answer_seq, place, parent_id, revision, embedding, *bot = rows[0][_SAID_WIDTH:]
    standing = Standing(index=place, parent_id=parent_id, question_id=question.message_id)
    turn = new_turn(order, standing, bot_of(bot), runs=True, now=db.now)
    begun = Begun(turn=turn, question=new_question(turn, question, answer_seq - 1))
    return claimed(begun, tenant_id, order, bot_of(bot), index_of((revision, embedding)), _said(rows))


def _said(rows: Sequence[Row]) -> Sequence[Utterance]:
    return tuple(said for row in rows if row[0] is not None for said in utterances_of(row[:_SAID_WIDTH]))


async def _ground(db: Session, tenant_id: str, order: TurnOrder) -> _Ground:
    key = order.once and order.once.key
    row = await db.row("ground", tenant_id=tenant_id, id=order.conversation_id, key=key)
    if row is None:
        raise NotFound
    return _Ground._make((*row[:13], index_of(row[13:15]), bot_of(row[15:])))


async def _replay(db: Session, tenant_id: str, ground: _Ground, order: TurnOrder) -> Begun:
    check_same(order.once, ground.key_fingerprint)
    row = await db.row("turn", tenant_id=tenant_id, id=ground.key_id)
    if row is None:
        raise NotFound("The turn of this idempotency key was deleted.")
    turn = turn_of(row)
    return Begun(turn=turn, question=await stored_message(db, tenant_id, turn.user_message_id), replayed=True)


async def _standing(db: Session, place: Place, ground: _Ground, order: TurnOrder) -> _Standing:
    match order.opening:
        case Continue(question=question, parent_id=None):
            return _Standing(ground.head_idx, ground.head_id, question.message_id, question, ground.origin_idx)
        case Continue(question=question, parent_id=parent_id):
            parent = await db.row("place_of_turn", tenant_id=place[0], conversation_id=place[1], id=parent_id)
            if parent is None:
                raise no_parent()
            origin_idx = ground.origin_idx if parent[0] == ground.head_idx else None
            return _Standing(parent[0], parent[1], question.message_id, question, origin_idx)
        case Regenerate(answer_id=answer_id):
            beside = await _beside(db, place, answer_id, Role.ASSISTANT)
            if beside[2] is None:
                raise no_question()
            return _Standing(beside[0], beside[1], beside[2], None, beside[4])
        case EditQuestion(message_id=message_id, question=question):
            beside = await _beside(db, place, message_id, Role.USER)
            return _Standing(beside[0], beside[1], question.message_id, question, beside[4])


async def _beside(db: Session, place: Place, message_id: str, role: Role) -> Row:
    """Return the parent's place and id, and the question, of the turn of a message; its role, and the turn's origin."""
    row = await db.row("place_of_message", tenant_id=place[0], conversation_id=place[1], id=message_id)
    if row is None or row[3] != role:
        raise no_message(role)
    return row


async def _admission(db: Session, tenant_id: str, ground: _Ground, order: TurnOrder) -> Admission:
    rows: list[Row] = []
    if ground.another_waits:
        where = {"tenant_id": tenant_id, "conversation_id": order.conversation_id}
        rows = list(await db.rows("queued_of_conversation", **where))
    waiting = [Waiting(id=row[0], interrupting=row[1]) for row in rows]
    return admit(order, ground.running_id, waiting)


async def _make_way(db: Session, tenant_id: str, ground: _Ground, order: TurnOrder, admission: Admission) -> _Ground:
    """End what waits and ask what runs to stop, for this turn."""
    db.require_lock()
    place = (tenant_id, order.conversation_id)
    for turn_id in sorted(admission.cancelled):
        await interrupt(db, place, turn_id, SUPERSEDED)
    if admission.superseded is not None:
        where = {"tenant_id": tenant_id, "conversation_id": order.conversation_id, "idx": ground.running_idx}
        await db.run("ask_to_stop", **where, reason=SUPERSEDED.value)
        db.news.add(admission.superseded)
    return await _ground(db, tenant_id, order)


async def _accept(
    db: Session, tenant_id: str, ground: _Ground, order: TurnOrder, standing: _Standing, admission: Admission
) -> Begun:
    attachments = attachments_of(standing.question.parts) if standing.question else []
    moves = standing.parent_idx != ground.head_idx
    if attachments or moves:
        db.require_lock()
    place = (tenant_id, order.conversation_id)
    if moves:
        await move_path(db, place, ground.head_idx, standing.parent_idx, also=standing.question_id)
    where = Standing(index=ground.last_index + 1, parent_id=standing.parent_id, question_id=standing.question_id)
    turn = new_turn(order, where, ground.bot, runs=admission.runs, now=db.now)
    history = await _insert(db, tenant_id, ground, order, standing, turn)
    question = await _question(db, tenant_id, ground, turn, standing)
    if attachments and question is not None:
        await link_attachments(db, place, question.seq, attachments)
    begun = Begun(turn=turn, question=question, superseded=admission.superseded)
    if not admission.runs:
        return begun
    return claimed(begun, tenant_id, order, ground.bot, ground.known, _said(history))


async def _question(db: Session, tenant_id: str, ground: _Ground, turn: Turn, standing: _Standing) -> Message | None:
    if standing.question is not None:
        return new_question(turn, standing.question, ground.last_seq + 1)
    return await stored_message(db, tenant_id, standing.question_id)


async def _insert(
    db: Session, tenant_id: str, ground: _Ground, order: TurnOrder, standing: _Standing, turn: Turn
) -> Sequence[Row]:
    """Write everything, and return what was said before."""
    runs = turn.started_at is not None
    messages = 1 if standing.question is None else 2
    rows = await db.rows(
        "accept_turn",
        **{**_turn_columns(db, tenant_id, order, standing.question, runs=runs), "question_id": turn.user_message_id},
        revision=ground.revision,
        idx=turn.index,
        parent_idx=standing.parent_idx,
        origin_idx=standing.origin_idx,
        model=turn.model,
        messages=messages,
        answer_seq=ground.last_seq + messages,
    )
    if not rows:
        raise Outrun
    return rows


def _turn_columns(
    db: Session, tenant_id: str, order: TurnOrder, question: Question | None, *, runs: bool
) -> dict[str, Any]:
    lease_micros = int(order.lease_seconds * 1_000_000)
    text, parts = parts_columns(question.parts) if question else ("", None)
    return {
        "tenant_id": tenant_id,
        "conversation_id": order.conversation_id,
        "turn_id": order.turn_id,
        "status": (TurnStatus.RUNNING if runs else TurnStatus.QUEUED).value,
        "question_id": question and question.message_id,
        "answer_id": order.answer_id,
        "key": order.once and order.once.key,
        "fingerprint": order.once and order.once.fingerprint,
        "params": to_json(order.params) if order.params else None,
        "runs": runs,
        "interrupting": order.policy is Policy.INTERRUPT,
        "owner": order.owner,
        "fence": int(runs),
        "lease_micros": lease_micros,
        "lease_until": db.now + lease_micros if runs else None,
        "now": db.now,
        "started_at": db.now if runs else None,
        "asked_id": question and question.message_id,
        "text": text,
        "parts": parts,
        "words": row_of(text, tenant_id),
        "history_turns": order.history_turns if runs else 0,
    }


def attachments_of(parts: tuple[Part, ...]) -> list[str]:
    """Return the ids of the attachments that a message refers to."""
    return [part.attachment_id for part in parts if isinstance(part, ImagePart | FilePart)]


async def link_attachments(db: Session, place: Place, seq: int, attachment_ids: list[str]) -> None:
    """Note which attachments a message refers to."""
    where = {"tenant_id": place[0], "conversation_id": place[1], "seq": seq}
    await db.run("link_attachments", **where, attachment_ids=attachment_ids)
