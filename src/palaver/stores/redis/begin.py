"""How a turn begins: what the conversation allows, where in its tree the turn stands, and the rows that are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from palaver.bot import Bot
from palaver.conversation import FilePart, ImagePart, Message, Part, Policy, Role, Turn, Utterance
from palaver.errors import Conflict, NotFound
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
from palaver.stores.records import MessageRecord, TurnRecord
from palaver.stores.redis.kept import KeptConversation, KeptMessage, KeptTurn, once_parts, once_text
from palaver.stores.redis.living import live_bot
from palaver.stores.redis.paths import move_path, said_in, said_up_to
from palaver.stores.redis.session import Session, answer
from palaver.stores.redis.turn_ends import interrupt, recover_turn, start


class _Ground(NamedTuple):
    """All that the begin of a turn must know of its conversation. ``tail`` are the newest messages of the active path."""

    kept: KeptConversation
    bot: Bot
    tail: Sequence[KeptMessage]
    known: bytes | None


class _Standing(NamedTuple):
    """Where a turn stands: what it continues and what it asks. ``question`` is None where an older one is asked again."""

    parent_id: str | None
    question_id: str
    question: Question | None


async def begin(db: Session, tenant_id: str, order: TurnOrder) -> Begun:
    """``TurnRows.begin_turn``"""
    kept, bot, tail, known = await _ground(db, tenant_id, order)
    if known is not None:
        return await _replay(db, order, known)
    check_open(kept.value.status)
    kept = await _recovered(db, kept)
    standing = await _standing(db, kept, order)
    admission = admit(order, kept.value.running_turn_id, kept.waiting)
    kept = await _make_way(db, kept, admission)
    return await _accept(db, _Ground(kept, bot, tail, None), order, standing, admission)


async def _ground(db: Session, tenant_id: str, order: TurnOrder) -> _Ground:
    inside = db.keys.inside
    kept, there, known, ids = await db.read(
        db.conversation(order.conversation_id),
        db.turn(order.turn_id),
        answer("HGET", inside(order.conversation_id, "keys"), "" if order.once is None else order.once.key),
        answer("ZREVRANGE", inside(order.conversation_id, "path"), 0, 2 * order.history_turns - 1),
    )
    if kept is None or kept.tenant_id != tenant_id or kept.value.deleted_at is not None:
        raise NotFound
    running_id = kept.value.running_turn_id
    follows = isinstance(order.opening, Continue) and running_id is None and not kept.waiting
    tail = [db.message(each.decode()) for each in ids] if follows and order.history_turns else []
    running = [] if running_id is None else [db.turn(running_id)]
    _, *said = await db.read(db.bot(tenant_id, kept.value.bot_id), *tail, *running)
    kept_bot = await live_bot(db, tenant_id, kept.value.bot_id)
    if known is None and there is not None:
        raise Conflict("A turn with this id exists already.")
    return _Ground(kept, kept_bot.bot, said if follows else (), known if order.once else None)


async def _replay(db: Session, order: TurnOrder, known: bytes) -> Begun:
    fingerprint, turn_id = once_parts(known)
    check_same(order.once, fingerprint)
    turn = await db.one(db.turn(turn_id))
    if turn is None or turn.record.deleted_at is not None:
        raise NotFound("The turn of this idempotency key was deleted.")
    return Begun(turn=turn.value, question=await _stored(db, turn.value.user_message_id), replayed=True)


async def _stored(db: Session, message_id: str | None) -> Message | None:
    message = None if message_id is None else await db.one(db.message(message_id))
    return None if message is None else message.value


async def _recovered(db: Session, kept: KeptConversation) -> KeptConversation:
    """End the running turn if its lease has expired."""
    running_id = kept.value.running_turn_id
    if running_id is None or await recover_turn(db, running_id) is None:
        return kept
    return await db.one(db.conversation(kept.id)) or kept


async def _standing(db: Session, kept: KeptConversation, order: TurnOrder) -> _Standing:
    match order.opening:
        case Continue(question=question, parent_id=None):
            return _Standing(kept.value.head_turn_id, question.message_id, question)
        case Continue(question=question, parent_id=str() as parent_id):
            parent = await db.one(db.turn(parent_id))
            if parent is None or parent.value.conversation_id != kept.id or parent.record.deleted_at is not None:
                raise no_parent()
            return _Standing(parent_id, question.message_id, question)
        case Regenerate(answer_id=answer_id):
            beside = await _beside(db, kept, answer_id, Role.ASSISTANT)
            if beside.user_message_id is None:
                raise no_question()
            return _Standing(beside.parent_id, beside.user_message_id, None)
        case EditQuestion(message_id=message_id, question=question):
            beside = await _beside(db, kept, message_id, Role.USER)
            return _Standing(beside.parent_id, question.message_id, question)
    raise no_parent()


async def _beside(db: Session, kept: KeptConversation, message_id: str, role: Role) -> Turn:
    """Return the turn of a message."""
    message = await db.one(db.message(message_id))
    if message is None or message.value.conversation_id != kept.id or not message.is_there:
        raise no_message(role)
    if message.value.role is not role:
        raise no_message(role)
    turn = await db.one(db.turn(message.value.turn_id))
    if turn is None:
        raise no_message(role)
    return turn.value


async def _make_way(db: Session, kept: KeptConversation, admission: Admission) -> KeptConversation:
    """End what waits and ask what runs to stop."""
    for turn_id in sorted(admission.cancelled):
        kept = await interrupt(db, kept, turn_id, SUPERSEDED)
    if admission.superseded is not None:
        db.do("HSETNX", db.keys.inside(admission.superseded, "live"), "stop", SUPERSEDED.value)
        db.news.add(admission.superseded)
    return kept


async def _accept(db: Session, ground: _Ground, order: TurnOrder, standing: _Standing, admission: Admission) -> Begun:
    kept = ground.kept
    if standing.question is None or standing.parent_id != kept.value.head_turn_id:
        also = None if standing.question else standing.question_id
        await move_path(db, kept, kept.value.head_turn_id, standing.parent_id, also=also)
    index = kept.record.last_index + 1
    where = Standing(index=index, parent_id=standing.parent_id, question_id=standing.question_id)
    turn = new_turn(order, where, ground.bot, runs=admission.runs, now=db.now)
    _put_turn(db, kept, order, turn)
    question = await _question(db, kept, turn, standing)
    messages = 1 if standing.question is None else 2
    if standing.question is not None and question is not None:
        put_message(db, kept, question)
    put_message(db, kept, _answer(turn, kept.record.last_seq + messages), answers=turn.user_message_id)
    db.put(_counted(kept, turn, messages, interrupting=order.policy is Policy.INTERRUPT))
    begun = Begun(turn=turn, question=question, superseded=admission.superseded)
    if not admission.runs:
        return begun
    return claimed(begun, kept.tenant_id, order, ground.bot, await _history(db, ground, order, standing))


def _counted(kept: KeptConversation, turn: Turn, messages: int, *, interrupting: bool) -> KeptConversation:
    """Return a conversation with a turn more."""
    value, runs = kept.value, turn.started_at is not None
    waiting = kept.waiting if runs else (*kept.waiting, Waiting(id=turn.id, interrupting=interrupting))
    conversation = replace(
        value,
        message_count=value.message_count + messages,
        turn_count=value.turn_count + 1,
        head_turn_id=turn.id,
        running_turn_id=turn.id if runs else value.running_turn_id,
        last_activity_at=turn.created_at,
    )
    last_seq = kept.record.last_seq + messages
    record = replace(kept.record, conversation=conversation, last_seq=last_seq, last_index=turn.index)
    return replace(kept, record=record, waiting=waiting)


def _put_turn(db: Session, kept: KeptConversation, order: TurnOrder, turn: Turn) -> None:
    runs = turn.started_at is not None
    lease_micros = int(order.lease_seconds * 1_000_000)
    record = TurnRecord(
        turn=turn,
        once=order.once,
        params=order.params,
        queued=not runs,
        interrupting=order.policy is Policy.INTERRUPT,
        owner=order.owner,
        fence=int(runs),
        lease_micros=lease_micros,
        lease_until=db.now + lease_micros if runs else None,
        place=0,
    )
    put_turn(db, kept, record)


def put_turn(
    db: Session, kept: KeptConversation, record: TurnRecord, *, has_log: bool = False, place: str = ""
) -> None:
    """Write a new turn, with all that leads to it. Without a ``place`` it takes a new one."""
    turn = KeptTurn(
        tenant_id=kept.tenant_id,
        bot_id=kept.value.bot_id,
        record=record,
        place=place or db.place("turns"),
        has_log=has_log,
    )
    db.put(turn)
    db.do("ZADD", db.keys.inside(kept.id, "turns"), record.turn.index, turn.id)
    if record.once is not None:
        db.do("HSET", db.keys.inside(kept.id, "keys"), record.once.key, once_text(record.once, turn.id))
    if turn.value.started_at is not None and turn.value.finished_at is None:
        start(db, turn)


def put_message(db: Session, kept: KeptConversation, message: Message, *, answers: str | None = None) -> None:
    """Write a new message on the active path, with all that leads to it. ``answers`` is the question of its turn."""
    put_message_record(db, kept, MessageRecord(message=message, on_path=True, place=0), answers)


def put_message_record(db: Session, kept: KeptConversation, record: MessageRecord, answers: str | None) -> None:
    """Write a new message, with all that leads to it."""
    message = record.message
    answered = answers if message.role is Role.ASSISTANT else None
    db.put(KeptMessage(tenant_id=kept.tenant_id, record=record, answers=answered))
    db.do("ZADD", db.keys.inside(kept.id, "messages"), message.seq, message.id)
    if record.on_path:
        db.do("ZADD", db.keys.inside(kept.id, "path"), message.seq, message.id)


def _answer(turn: Turn, seq: int) -> Message:
    return Message(
        id=turn.message_id or "",
        conversation_id=turn.conversation_id,
        turn_id=turn.id,
        seq=seq,
        role=Role.ASSISTANT,
        parts=(),
        model=turn.model or None,
        status=turn.status,
        created_at=turn.created_at,
    )


async def _question(db: Session, kept: KeptConversation, turn: Turn, standing: _Standing) -> Message | None:
    if standing.question is not None:
        return new_question(turn, standing.question, kept.record.last_seq + 1)
    return await _stored(db, standing.question_id)


async def _history(db: Session, ground: _Ground, order: TurnOrder, standing: _Standing) -> Sequence[Utterance]:
    if standing.parent_id is None or not order.history_turns:
        return ()
    if ground.tail and standing.parent_id == ground.kept.value.head_turn_id:
        return said_in(ground.tail, order.history_turns)
    return await said_up_to(db, ground.kept, standing.parent_id, order.history_turns)


def attachments_of(parts: tuple[Part, ...]) -> list[str]:
    """Return the ids of the attachments that a message refers to."""
    return [part.attachment_id for part in parts if isinstance(part, ImagePart | FilePart)]
