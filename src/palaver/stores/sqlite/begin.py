"""How a turn begins: what the conversation allows, where in its tree the turn stands, and the rows that are made."""

from __future__ import annotations

from typing import NamedTuple

from palaver.bot import Bot
from palaver.conversation import (
    FilePart,
    ImagePart,
    Message,
    Part,
    Policy,
    Role,
    Turn,
    TurnStatus,
)
from palaver.errors import (
    NotFound,
)
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
from palaver.stores.rows import BOT_WIDTH, bot_of, index_of, parts_columns, to_json, turn_of
from palaver.stores.sqlite.paths import move_head, said_up_to
from palaver.stores.sqlite.scope import scope_of
from palaver.stores.sqlite.transaction import Transaction
from palaver.stores.sqlite.turn_ends import interrupt, recover_turn, stored_message


class _Ground(NamedTuple):
    """All that the begin of a turn must know of its conversation."""

    n: int
    status: str
    head_n: int | None
    running_n: int | None
    last_seq: int
    last_index: int
    others_wait: int
    running_id: str | None
    running_until: int | None
    key_n: int | None
    key_fingerprint: bytes | None
    key_deleted_at: int | None
    head_id: str | None
    bot: Bot
    bot_index: BotIndex
    trained_n: int | None
    origin_n: int | None
    bot_n: int


class _Place(NamedTuple):
    """Where a turn stands: what it continues (and would, were that not deleted) and what it asks. ``question`` is None where
    an older one is asked again."""

    parent_n: int | None
    parent_id: str | None
    question_id: str
    question: Question | None
    origin_n: int | None


def begin(tx: Transaction, tenant_id: str, order: TurnOrder) -> Begun:
    """``TurnRows.begin_turn``"""
    ground = _ground(tx, tenant_id, order)
    if ground.key_n is not None:
        return _replay(tx, tenant_id, ground, order)
    check_open(ground.status)
    if ground.running_until is not None and ground.running_until < tx.now and ground.running_id is not None:
        recover_turn(tx, tenant_id, ground.running_id)
        ground = _ground(tx, tenant_id, order)
    place = _place(tx, ground, order)
    admission = _admit(tx, ground, order)
    return _accept(tx, tenant_id, ground, order, place, admission)


def _ground(tx: Transaction, tenant_id: str, order: TurnOrder) -> _Ground:
    row = tx.row("ground", id=order.conversation_id, tenant_id=tenant_id, key=order.once and order.once.key)
    if row is None:
        raise NotFound
    bot, rest = row[13 : 13 + BOT_WIDTH], row[13 + BOT_WIDTH :]
    return _Ground._make((*row[:13], bot_of(bot), index_of(rest[:2]), *rest[2:4], bot[-1]))


def _replay(tx: Transaction, tenant_id: str, ground: _Ground, order: TurnOrder) -> Begun:
    check_same(order.once, ground.key_fingerprint)
    identity = tx.row("identity_of_turn", n=ground.key_n)
    row = tx.row("turn", id=identity[0], tenant_id=tenant_id) if identity else None
    if row is None:
        raise NotFound("The turn of this idempotency key was deleted.")
    turn = turn_of(row)
    return Begun(turn=turn, question=stored_message(tx, turn.user_message_id), replayed=True)


def _place(tx: Transaction, ground: _Ground, order: TurnOrder) -> _Place:
    match order.opening:
        case Continue(question=question, parent_id=None):
            return _Place(ground.head_n, ground.head_id, question.message_id, question, ground.origin_n)
        case Continue(question=question, parent_id=parent_id):
            parent = tx.row("place_of_turn", id=parent_id, conversation_n=ground.n)
            if parent is None:
                raise no_parent()
            origin_n = ground.origin_n if parent[0] == ground.head_n else None
            return _Place(parent[0], parent[1], question.message_id, question, origin_n)
        case Regenerate(answer_id=answer_id):
            parent_n, parent_id, question_id, origin_n = _beside(tx, ground.n, answer_id, Role.ASSISTANT)
            if question_id is None:
                raise no_question()
            return _Place(parent_n, parent_id, question_id, None, origin_n)
        case EditQuestion(message_id=message_id, question=question):
            parent_n, parent_id, _, origin_n = _beside(tx, ground.n, message_id, Role.USER)
            return _Place(parent_n, parent_id, question.message_id, question, origin_n)


def _beside(
    tx: Transaction, conversation_n: int, message_id: str, role: Role
) -> tuple[int | None, str | None, str | None, int | None]:
    row = tx.row("place_of_message", id=message_id, conversation_n=conversation_n)
    if row is None or row[4] != role:
        raise no_message(role)
    return row[1], row[2], row[3], row[5]


def _admit(tx: Transaction, ground: _Ground, order: TurnOrder) -> Admission:
    rows = tx.rows("queued_of_conversation", n=ground.n) if ground.others_wait else []
    waiting = [Waiting(id=turn_id, interrupting=bool(interrupting)) for _, turn_id, interrupting in rows]
    admission = admit(order, ground.running_id, waiting)
    for turn_n in (row[0] for row in rows if row[1] in admission.cancelled):
        interrupt(tx, turn_n, SUPERSEDED)
    if admission.superseded is not None:
        tx.run("ask_to_stop", n=ground.running_n, reason=SUPERSEDED.value)
    return admission


def _accept(
    tx: Transaction, tenant_id: str, ground: _Ground, order: TurnOrder, place: _Place, admission: Admission
) -> Begun:
    if place.parent_n != ground.head_n:
        move_head(tx, ground.head_n, place.parent_n)
    standing = Standing(index=ground.last_index + 1, parent_id=place.parent_id, question_id=place.question_id)
    turn = new_turn(order, standing, ground.bot, runs=admission.runs, now=tx.now)
    turn_n = _insert_turn(tx, tenant_id, ground, order, turn, place)
    seq = ground.last_seq
    if place.question is None:
        tx.run("set_on_path", on_path=1, question_id=place.question_id, answer_id=None)
        question = stored_message(tx, place.question_id)
    else:
        seq += 1
        question = _insert_question(tx, tenant_id, ground, turn, (turn_n, seq, place.question))
    seq += 1
    insert_message(tx, message_id=order.answer_id, place=(ground.n, turn_n, seq), role=Role.ASSISTANT, parts=())
    tx.run(
        "accept_turn",
        n=ground.n,
        last_seq=seq,
        last_index=turn.index,
        messages=seq - ground.last_seq,
        turns=1,
        head_n=turn_n,
        running_n=turn_n if admission.runs else ground.running_n,
        now=tx.now,
    )
    if ground.trained_n is not None:
        tx.run("take_mark_back", n=ground.n)
    begun = Begun(turn=turn, question=question, superseded=admission.superseded)
    if not admission.runs:
        return begun
    history = said_up_to(tx, place.parent_n, order.history_turns)
    return claimed(begun, tenant_id, order, ground.bot, ground.bot_index, history)


def _insert_turn(tx: Transaction, tenant_id: str, ground: _Ground, order: TurnOrder, turn: Turn, place: _Place) -> int:
    runs = turn.status is TurnStatus.RUNNING
    lease_micros = int(order.lease_seconds * 1_000_000)
    return tx.insert(
        "insert_turn",
        id=turn.id,
        tenant_id=tenant_id,
        conversation_n=ground.n,
        idx=turn.index,
        parent_n=place.parent_n,
        origin_n=place.origin_n,
        status=turn.status.value,
        model=turn.model,
        question_id=turn.user_message_id,
        answer_id=turn.message_id,
        key=order.once and order.once.key,
        fingerprint=order.once and order.once.fingerprint,
        params=to_json(order.params) if order.params else None,
        queued=not runs,
        interrupting=order.policy is Policy.INTERRUPT,
        owner=order.owner,
        fence=int(runs),
        lease_micros=lease_micros,
        lease_until=tx.now + lease_micros if runs else None,
        now=tx.now,
        started_at=tx.now if runs else None,
    )


def _insert_question(
    tx: Transaction, tenant_id: str, ground: _Ground, turn: Turn, asked: tuple[int, int, Question]
) -> Message:
    turn_n, seq, question = asked
    message_n = insert_message(
        tx, message_id=question.message_id, place=(ground.n, turn_n, seq), role=Role.USER, parts=question.parts
    )
    index_message(tx, tenant_id, ground.bot_n, message_n, question.parts)
    return new_question(turn, question, seq)


def insert_message(
    tx: Transaction, *, message_id: str, place: tuple[int, int, int], role: Role, parts: tuple[Part, ...]
) -> int:
    """Store a message at ``(conversation_n, turn_n, seq)``, on the active path. Returns its integer key."""
    conversation_n, turn_n, seq = place
    text, columns = parts_columns(parts)
    return tx.insert(
        "insert_message",
        id=message_id,
        conversation_n=conversation_n,
        turn_n=turn_n,
        seq=seq,
        role=role.value,
        text=text,
        parts=columns,
        now=tx.now,
    )


def index_message(tx: Transaction, tenant_id: str, bot_n: int, message_n: int, parts: tuple[Part, ...]) -> None:
    """Make a message's text found, and note which attachments it refers to."""
    text, _ = parts_columns(parts)
    if text:
        tx.run("index_message", n=message_n, scope=scope_of(tenant_id, bot_n), text=text)
    for part in parts:
        if isinstance(part, ImagePart | FilePart):
            tx.run("link_attachment", message_n=message_n, id=part.attachment_id, tenant_id=tenant_id)
            tx.run("use_attachment", id=part.attachment_id, tenant_id=tenant_id)
