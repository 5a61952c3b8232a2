"""How a turn begins: what the conversation allows, where in its tree the turn stands, and the things that are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from palaver.clock import to_micros
from palaver.conversation import Message, Part, Policy, Role, Turn, TurnStatus, Utterance
from palaver.errors import NotFound
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
from palaver.stores.orders import Begun, Continue, EditQuestion, Once, Question, Regenerate, TurnOrder
from palaver.stores.redis import announcements, holds
from palaver.stores.redis.links import attachments_of, link
from palaver.stores.redis.paths import (
    KEYS,
    PATH,
    SAID,
    TREE,
    TURNS,
    Marks,
    Spoken,
    before,
    branch_of,
    learned,
    origin_at_head,
    said_in,
    said_up_to,
)
from palaver.stores.redis.places import next_place
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredBot, StoredConversation, StoredMessage, StoredTurn
from palaver.stores.redis.turn_ends import interrupt, recover_turn, stored_message
from palaver.stores.redis.values import bot, once_columns, turn
from palaver.stores.rows import parts_columns, to_json


@dataclass(slots=True)
class _Ground:
    """What the begin of a turn must know of its conversation. ``history`` are the turns up to its head, newest first."""

    conversation: StoredConversation
    bot: StoredBot
    key_id: str | None
    n: int
    history: Sequence[Spoken]
    index: BotIndex


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where a turn stands: what it continues (and would, were that not deleted) and what it asks. ``question`` is None where
    an older one is asked again."""

    parent: StoredTurn | None
    question_id: str
    question: Question | None
    origin_id: str | None


async def begin(db: Session, tenant_id: str, order: TurnOrder) -> Begun:
    """``TurnRows.begin_turn``"""
    ground = await _ground(db, tenant_id, order)
    if ground.key_id is not None:
        return await _replay(db, ground.key_id, order)
    check_open(ground.conversation.status)
    await _recover(db, ground)
    standing = await _standing(db, ground, order)
    admission = await _admission(db, ground, order)
    await _make_way(db, ground, admission)
    return await _accept(db, ground, order, standing, admission)


async def _ground(db: Session, tenant_id: str, order: TurnOrder) -> _Ground:
    conversation_id = order.conversation_id
    likely = db.server.bots.get(conversation_id)
    key_id, n, history, *found = await db.read_inside(
        conversation_id,
        ask=(
            ("HGET", db.keys.of(KEYS, conversation_id), order.once.key if order.once else ""),
            next_place(db, StoredTurn),
            before(db, StoredConversation, conversation_id, max(order.history_turns, 1)),
            *(() if likely is None else (announcements.look(db.keys, likely),)),
        ),
    )
    turns = learned(db, history)
    bot_id = (await db.conversation(tenant_id, conversation_id)).bot_id
    index = announcements.index_of(found[0]) if bot_id == likely else await announcements.find_index(db, bot_id)
    conversation, owning = await db.live(tenant_id, conversation_id)
    known = None if order.once is None or key_id is None else key_id.decode()
    return _Ground(conversation, owning, known, n, turns, index)


async def _replay(db: Session, turn_id: str, order: TurnOrder) -> Begun:
    found = await db.find(StoredTurn, turn_id)
    if found is None:
        raise NotFound
    check_same(order.once, bytes.fromhex(found.fingerprint or ""))
    if found.deleted_at is not None:
        raise NotFound("The turn of this idempotency key was deleted.")
    return Begun(turn=turn(found), question=await stored_message(db, found.question_id), replayed=True)


async def _recover(db: Session, ground: _Ground) -> None:
    """End a running turn whose lease has expired."""
    running_id = ground.conversation.running_id
    if running_id is not None and await recover_turn(db, running_id):
        ground.conversation = await _now(db, ground)


async def _now(db: Session, ground: _Ground) -> StoredConversation:
    return await db.get(StoredConversation, ground.conversation.tenant_id, ground.conversation.id)


async def _standing(db: Session, ground: _Ground, order: TurnOrder) -> _Standing:
    match order.opening:
        case Continue(question=question, parent_id=None):
            head = await db.find(StoredTurn, ground.conversation.head_id)
            return _Standing(head, question.message_id, question, await origin_at_head(db, ground.conversation))
        case Continue(question=question, parent_id=parent_id):
            parent = await db.find(StoredTurn, parent_id)
            if parent is None or parent.conversation_id != ground.conversation.id or parent.deleted_at is not None:
                raise no_parent()
            is_head = parent.id == ground.conversation.head_id
            origin_id = await origin_at_head(db, ground.conversation) if is_head else None
            return _Standing(parent, question.message_id, question, origin_id)
        case Regenerate(answer_id=answer_id):
            beside = await _beside(db, ground, answer_id, Role.ASSISTANT)
            if beside.question_id is None:
                raise no_question()
            parent = await db.find(StoredTurn, beside.parent_id)
            return _Standing(parent, beside.question_id, None, beside.origin_id)
        case EditQuestion(message_id=message_id, question=question):
            beside = await _beside(db, ground, message_id, Role.USER)
            parent = await db.find(StoredTurn, beside.parent_id)
            return _Standing(parent, question.message_id, question, beside.origin_id)


async def _beside(db: Session, ground: _Ground, message_id: str, role: Role) -> StoredTurn:
    """Return the turn of a message."""
    message = await db.find(StoredMessage, message_id)
    if message is None or message.conversation_id != ground.conversation.id:
        raise no_message(role)
    found = await db.find(StoredTurn, message.turn_id)
    if message.deleted_at is not None or message.role != role or found is None:
        raise no_message(role)
    return found


async def _admission(db: Session, ground: _Ground, order: TurnOrder) -> Admission:
    queued = await db.find_all(StoredTurn, ground.conversation.queued)
    waiting = [Waiting(id=each.id, interrupting=each.interrupting) for each in queued if each is not None]
    return admit(order, ground.conversation.running_id, waiting)


async def _make_way(db: Session, ground: _Ground, admission: Admission) -> None:
    """End what waits and ask what runs to stop, for this turn."""
    for turn_id in sorted(admission.cancelled):
        await interrupt(db, turn_id, SUPERSEDED)
    if admission.superseded is not None:
        holds.ask_to_stop(db, admission.superseded, SUPERSEDED.value)
    ground.conversation = await _now(db, ground)


async def _accept(db: Session, ground: _Ground, order: TurnOrder, standing: _Standing, admission: Admission) -> Begun:
    conversation, parent = ground.conversation, standing.parent
    if (parent and parent.id) != conversation.head_id:
        old = await db.find(StoredTurn, conversation.head_id)
        await Marks(db, conversation.id).move(old, parent, also=standing.question_id)
    where = Standing(
        index=conversation.last_index + 1,
        parent_id=None if parent is None else parent.id,
        question_id=standing.question_id,
    )
    made = new_turn(order, where, bot(ground.bot), runs=admission.runs, now=db.now)
    history = await _history(db, ground, order, parent) if admission.runs else ()
    question = await _write(db, ground, order, standing, made)
    begun = Begun(turn=made, question=question, superseded=admission.superseded)
    if not admission.runs:
        return begun
    return claimed(begun, conversation.tenant_id, order, bot(ground.bot), ground.index, history)


async def _history(db: Session, ground: _Ground, order: TurnOrder, parent: StoredTurn | None) -> tuple[Utterance, ...]:
    if order.history_turns < 1 or parent is None:
        return ()
    if parent.id == ground.conversation.head_id and ground.history and ground.history[0].turn_id == parent.id:
        return await said_in(db, ground.history)
    return await said_up_to(db, parent.id, order.history_turns)


async def _write(db: Session, ground: _Ground, order: TurnOrder, standing: _Standing, made: Turn) -> Message | None:
    conversation, asked = ground.conversation, standing.question
    messages = 1 if asked is None else 2
    seq = conversation.last_seq + messages
    kept = _stored_turn(ground, order, standing, made)
    question = None if asked is None else new_question(made, asked, seq - 1)
    if question is not None and asked is not None:
        attachments = attachments_of(asked.parts)
        if attachments:
            await link(db, kept.tenant_id, question.id, attachments)
        put_message(db, stored_message_of(kept, question.id, seq - 1, Role.USER, asked.parts))
    put_message(db, stored_message_of(kept, order.answer_id, seq, Role.ASSISTANT, ()))
    put_turn(db, kept, order.once)
    if kept.status == TurnStatus.RUNNING:
        holds.grant(db, kept)
        db.keep_in_mind(kept, (StoredConversation, conversation.id), (StoredMessage, order.answer_id))
    db.put(
        replace(
            conversation,
            last_seq=seq,
            last_index=made.index,
            message_count=conversation.message_count + messages,
            turn_count=conversation.turn_count + 1,
            head_id=made.id,
            lost_head_id=None,
            running_id=made.id if kept.status == TurnStatus.RUNNING else conversation.running_id,
            queued=conversation.queued if kept.status == TurnStatus.RUNNING else (*conversation.queued, made.id),
            last_activity_at=db.now,
            changed_at=db.now,
        )
    )
    return question or await stored_message(db, standing.question_id)


def put_turn(db: Session, kept: StoredTurn, once: Once | None) -> None:
    """Keep a new turn, its place in the tree, and its key."""
    db.put(kept)
    db.write("ZADD", db.keys.of(TURNS, kept.conversation_id), kept.index, kept.id)
    db.write("ZADD", db.keys.of(TREE, kept.conversation_id), 0, branch_of(kept))
    if once is not None:
        db.write("HSET", db.keys.of(KEYS, kept.conversation_id), once.key, kept.id)


def put_message(db: Session, kept: StoredMessage) -> None:
    """Keep a new message, on the active path."""
    db.put(kept)
    db.write("ZADD", db.keys.of(SAID, kept.conversation_id), kept.seq, kept.id)
    db.write("ZADD", db.keys.of(PATH, kept.conversation_id), kept.seq, kept.id)


def stored_message_of(of: StoredTurn, message_id: str, seq: int, role: Role, parts: tuple[Part, ...]) -> StoredMessage:
    """Return what is kept of a new message of a turn."""
    text, more = parts_columns(parts)
    is_answer = role is Role.ASSISTANT
    return StoredMessage(
        tenant_id=of.tenant_id,
        id=message_id,
        n=2 * of.n - (0 if is_answer else 1),
        conversation_id=of.conversation_id,
        turn_id=of.id,
        seq=seq,
        role=role.value,
        text=text,
        parts=more,
        model=of.model if is_answer else "",
        status=of.status if is_answer else TurnStatus.COMPLETED.value,
        created_at=of.created_at,
    )


def _stored_turn(ground: _Ground, order: TurnOrder, standing: _Standing, made: Turn) -> StoredTurn:
    runs = made.status is TurnStatus.RUNNING
    lease = int(order.lease_seconds * 1_000_000)
    now = to_micros(made.created_at)
    return StoredTurn(
        tenant_id=ground.conversation.tenant_id,
        id=made.id,
        n=ground.n,
        conversation_id=made.conversation_id,
        bot_id=ground.bot.id,
        index=made.index,
        parent_id=made.parent_id,
        parent_index=None if standing.parent is None else standing.parent.index,
        status=made.status.value,
        model=made.model,
        question_id=made.user_message_id,
        answer_id=made.message_id,
        created_at=now,
        started_at=now if runs else None,
        **once_columns(order.once),
        params=to_json(order.params) if order.params else None,
        queued=not runs,
        interrupting=order.policy is Policy.INTERRUPT,
        owner=order.owner,
        fence=int(runs),
        lease_micros=lease,
        lease_until=now + lease if runs else None,
        origin_id=standing.origin_id,
    )
