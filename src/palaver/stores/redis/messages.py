"""Messages: the active path, one by one, appended without a model, rated, deleted with their turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from palaver.clock import from_micros
from palaver.conversation import InterruptReason, Message, Role, Turn, TurnStatus, Utterance
from palaver.errors import FeatureAbsent, NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.endings import said_so_far
from palaver.stores.openings import check_open, check_same
from palaver.stores.orders import AppendedMessage, Made, Once, SearchQuery
from palaver.stores.records import TurnRecord
from palaver.stores.redis.attachments import Linking
from palaver.stores.redis.begin import attachments_of, put_message, put_turn
from palaver.stores.redis.events import log_of_running
from palaver.stores.redis.kept import KeptConversation, KeptMessage, KeptTurn, is_open, once_parts
from palaver.stores.redis.living import live_conversation, live_message, live_parts
from palaver.stores.redis.paths import all_turns, leave_head, lineage, refuse_while_open
from palaver.stores.redis.session import Session, answer
from palaver.stores.redis.turn_ends import interrupt
from palaver.stores.scan import Scan
from palaver.stores.tree import turns_of

_NO_SEARCH = "This store does not search messages: a conversation is found by its title, or copy it to one that does."


class RedisMessages(Linking):
    """``stores.base.MessageRows``"""

    async def page_messages(
        self, tenant_id: str, conversation_id: str, window: Window, *, order: Order = Order.ASC
    ) -> Slice[Message]:
        return await self._read(lambda db: _page(db, tenant_id, conversation_id, Scan.over(window, order)))

    async def get_message(self, tenant_id: str, message_id: str) -> Message:
        return await self._read(partial(_get, tenant_id=tenant_id, message_id=message_id))

    async def lineage(self, tenant_id: str, turn_id: str, *, turns: int) -> Sequence[Utterance]:
        return await self._read(partial(lineage, tenant_id=tenant_id, turn_id=turn_id, turns=turns))

    async def append_messages(
        self,
        tenant_id: str,
        conversation_id: str,
        messages: Sequence[AppendedMessage],
        once: Once | None = None,
    ) -> Made[Sequence[Message]]:
        linked = [(each.message_id, ids) for each in messages if (ids := attachments_of(each.parts))]
        for message_id, attachment_ids in linked:
            await self._link(tenant_id, message_id, attachment_ids)
        operation = partial(_append, tenant_id=tenant_id, conversation_id=conversation_id, messages=messages, once=once)
        return await self._write(operation, conversation_id)

    async def rate_message(self, tenant_id: str, message_id: str, rating: int | None, feedback: str | None) -> Message:
        await self._write(lambda db: _rate(db, tenant_id, message_id, rating, feedback), message_id)
        return await self.get_message(tenant_id, message_id)

    async def delete_turn(self, tenant_id: str, message_id: str) -> Sequence[str]:
        return await self._write(partial(_delete_turn, tenant_id=tenant_id, message_id=message_id), message_id)

    async def search_messages(  # it takes what every store takes
        self,
        tenant_id: str,  # noqa: ARG002
        query: SearchQuery,  # noqa: ARG002
        window: Window,  # noqa: ARG002
    ) -> Slice[Message]:
        raise FeatureAbsent(_NO_SEARCH)


async def _with_log(db: Session, message: Message) -> Message:
    """Return a message; the answer of a running turn says what its log says."""
    if message.status is not TurnStatus.RUNNING:
        return message
    return said_so_far(message, await log_of_running(db, message.turn_id))


async def _page(db: Session, tenant_id: str, conversation_id: str, scan: Scan) -> Slice[Message]:
    path = db.keys.inside(conversation_id, "path")
    start = None if scan.start is None else f"({scan.start[0]}"
    if scan.ascending:
        walk = answer("ZRANGEBYSCORE", path, start or "-inf", "+inf", "LIMIT", 0, scan.rows)
    else:
        walk = answer("ZREVRANGEBYSCORE", path, start or "+inf", "-inf", "LIMIT", 0, scan.rows)
    kept, ids = await db.read(db.conversation(conversation_id), walk)
    if kept is None or kept.tenant_id != tenant_id:
        raise NotFound
    messages = [db.message(each.decode()) for each in ids]
    _, *rows = await db.read(db.bot(tenant_id, kept.value.bot_id), *messages)
    await live_conversation(db, tenant_id, conversation_id)
    said = [await _with_log(db, row.value) for row in rows if row is not None]
    return scan.slice([(message,) for message in said], lambda row: row[0], lambda row: (row[0].seq,))


async def _get(db: Session, tenant_id: str, message_id: str) -> Message:
    _, kept = await live_message(db, tenant_id, message_id)
    return await _with_log(db, kept.value)


async def _rate(db: Session, tenant_id: str, message_id: str, rating: int | None, feedback: str | None) -> None:
    _, kept = await live_message(db, tenant_id, message_id)
    db.put(kept.with_value(rating=rating, feedback=feedback))


async def _append(
    db: Session, *, tenant_id: str, conversation_id: str, messages: Sequence[AppendedMessage], once: Once | None
) -> Made[Sequence[Message]]:
    kept = await live_conversation(db, tenant_id, conversation_id)
    if once is not None:
        known = await db.one(answer("HGET", db.keys.inside(conversation_id, "keys"), once.key))
        if known is not None:
            fingerprint, turn_id = once_parts(known)
            check_same(once, fingerprint)
            return Made(value=await _appended_before(db, kept, turn_id, len(messages)), replayed=True)
    check_open(kept.value.status)
    refuse_while_open(kept)
    stored: list[Message] = []
    for turn in turns_of(messages):
        kept, said = _store_turn(db, kept, turn, once)
        once = None  # the first turn stands for them all
        stored += said
    db.put(kept)
    return Made(value=tuple(stored))


async def _appended_before(db: Session, kept: KeptConversation, turn_id: str, count: int) -> Sequence[Message]:
    """Return what the key stored: the messages from its first one on, as many as were sent, but for deleted ones."""
    turn = await db.one(db.turn(turn_id))
    if turn is None:
        return ()
    first_id = turn.value.user_message_id or turn.value.message_id
    first = None if first_id is None else await db.one(db.message(first_id))
    if first is None:
        return ()
    seq = first.value.seq
    places = db.keys.inside(kept.id, "messages")
    ids = await db.one(answer("ZRANGEBYSCORE", places, seq, f"({seq + count}"))
    found = await db.read(*(db.message(each.decode()) for each in ids))
    return tuple(each.value for each in found if each is not None and each.is_there)


def _store_turn(
    db: Session, kept: KeptConversation, said: Sequence[AppendedMessage], once: Once | None
) -> tuple[KeptConversation, list[Message]]:
    """Write a turn that nobody runs, and return the conversation that has it, and its messages."""
    ids = {message.role: message.message_id for message in said}
    now = from_micros(db.now)
    turn = Turn(
        id=said[0].turn_id,
        conversation_id=kept.id,
        index=kept.record.last_index + 1,
        parent_id=kept.value.head_turn_id,
        status=TurnStatus.COMPLETED,
        model="",
        user_message_id=ids.get(Role.USER),
        message_id=ids.get(Role.ASSISTANT),
        created_at=now,
        started_at=now,
        finished_at=now,
    )
    put_turn(db, kept, TurnRecord(turn=turn, once=once, last_seq=2, place=0))
    messages = [
        Message(
            id=message.message_id,
            conversation_id=kept.id,
            turn_id=turn.id,
            seq=kept.record.last_seq + number,
            role=message.role,
            parts=message.parts,
            status=TurnStatus.COMPLETED,
            created_at=now,
        )
        for number, message in enumerate(said, 1)
    ]
    for message in messages:
        put_message(db, kept, message, answers=turn.user_message_id)
    return _counted(kept, turn, len(messages)), messages


def _counted(kept: KeptConversation, turn: Turn, messages: int) -> KeptConversation:
    value = replace(
        kept.value,
        message_count=kept.value.message_count + messages,
        turn_count=kept.value.turn_count + 1,
        head_turn_id=turn.id,
        last_activity_at=turn.created_at,
    )
    last_seq = kept.record.last_seq + messages
    return replace(kept, record=replace(kept.record, conversation=value, last_seq=last_seq, last_index=turn.index))


async def _delete_turn(db: Session, tenant_id: str, message_id: str) -> Sequence[str]:
    kept, message = await live_message(db, tenant_id, message_id)
    turns = await all_turns(db, kept)
    if message.value.role is Role.ASSISTANT:
        doomed = [turn for turn in turns if turn.id == message.value.turn_id]
    else:
        doomed = [turn for turn in turns if turn.value.user_message_id == message_id]
    gone: list[str] = []
    for turn in doomed:
        gone += await _delete_one(db, kept.id, turn.id)
    return tuple(gone)


async def _delete_one(db: Session, conversation_id: str, turn_id: str) -> Sequence[str]:
    kept, turn = await live_parts(db, conversation_id, turn_id)
    if is_open(turn.value):
        await interrupt(db, kept, turn_id, InterruptReason.DELETED)
        kept, turn = await live_parts(db, conversation_id, turn_id)
    shown_id = turn.value.message_id or turn.value.user_message_id
    path = db.keys.inside(conversation_id, "path")
    shown = await db.one(answer("ZSCORE", path, shown_id)) is not None
    others = await _hang_children(db, kept, turn)
    db.put(turn.with_record(deleted_at=from_micros(db.now)))
    gone = await _delete_messages(db, turn, others, was_shown=shown)
    value = kept.value
    kept = kept.with_value(
        message_count=value.message_count - len(gone), turn_count=value.turn_count - 1, version=value.version + 1
    )
    db.put(await leave_head(db, kept, turn, others))
    return gone


async def _hang_children(db: Session, kept: KeptConversation, gone: KeptTurn) -> list[KeptTurn]:
    """Hang the children of a turn on its parent; return all turns but this one, by index."""
    others: list[KeptTurn] = []
    for turn in await all_turns(db, kept):
        if turn.id == gone.id:
            continue
        if turn.value.parent_id == gone.id:
            turn = turn.with_value(parent_id=gone.value.parent_id)
            db.put(turn)
        others.append(turn)
    return others


async def _delete_messages(
    db: Session, turn: KeptTurn, others: Sequence[KeptTurn], *, was_shown: bool
) -> Sequence[str]:
    """Delete the answer, and the question unless another turn asks it: then it is the first such turn's."""
    question_id, answer_id = turn.value.user_message_id, turn.value.message_id
    path = db.keys.inside(turn.value.conversation_id, "path")
    heir = next((each for each in others if each.value.user_message_id == question_id), None) if question_id else None
    doomed = [each for each in ((answer_id,) if heir else (question_id, answer_id)) if each is not None]
    if heir is not None and question_id is not None:
        question = await db.one(db.message(question_id))
        if question is not None:
            db.put(question.with_value(turn_id=heir.id))
        if was_shown:
            db.do("ZREM", path, question_id)
    gone: list[str] = []
    for message in await _present(db, doomed):
        db.put(message.with_record(deleted_at=from_micros(db.now)))
        db.do("ZREM", path, message.id)
        gone.append(message.id)
    return gone


async def _present(db: Session, message_ids: Sequence[str]) -> list[KeptMessage]:
    found = await db.read(*(db.message(message_id) for message_id in message_ids))
    return [message for message in found if message is not None and message.is_there]
