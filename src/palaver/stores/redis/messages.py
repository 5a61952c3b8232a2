"""Messages: the active path, one by one, appended without a model, rated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from palaver.conversation import Message, Role, TurnStatus, Utterance
from palaver.errors import FeatureAbsent, NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.endings import said_so_far
from palaver.stores.openings import check_open, check_same
from palaver.stores.orders import AppendedMessage, Made, Once, SearchQuery
from palaver.stores.redis import logs
from palaver.stores.redis.access import Access
from palaver.stores.redis.begin import put_message, put_turn, stored_message_of
from palaver.stores.redis.citations import told
from palaver.stores.redis.deletions import delete_turn, find_deleted, restore_turn
from palaver.stores.redis.links import attachments_of, link
from palaver.stores.redis.paths import KEYS, PATH, SAID, lineage, origin_at_head, refuse_while_open
from palaver.stores.redis.places import take_place
from palaver.stores.redis.server import Command
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredConversation, StoredMessage, StoredTurn
from palaver.stores.redis.values import message, once_columns
from palaver.stores.scan import Scan
from palaver.stores.tree import turns_of


class RedisMessages(Access):
    """``stores.base.MessageRows``, but for the search"""

    async def page_messages(
        self, tenant_id: str, conversation_id: str, window: Window, *, order: Order = Order.ASC
    ) -> Slice[Message]:
        return await self._run(lambda db: _page(db, tenant_id, conversation_id, Scan.over(window, order)))

    async def get_message(self, tenant_id: str, message_id: str) -> Message:
        return await self._run(partial(_get, tenant_id=tenant_id, message_id=message_id))

    async def lineage(self, tenant_id: str, turn_id: str, *, turns: int) -> Sequence[Utterance]:
        return await self._run(partial(lineage, tenant_id=tenant_id, turn_id=turn_id, turns=turns))

    async def append_messages(
        self,
        tenant_id: str,
        conversation_id: str,
        messages: Sequence[AppendedMessage],
        once: Once | None = None,
    ) -> Made[Sequence[Message]]:
        operation = partial(_append, messages=messages, once=once)
        return await self._run(lambda db: operation(db, tenant_id, conversation_id), conversation_id)

    async def rate_message(self, tenant_id: str, message_id: str, rating: int | None, feedback: str | None) -> Message:
        return await self._run(lambda db: _rate(db, tenant_id, message_id, rating, feedback), message_id)

    async def delete_turn(self, tenant_id: str, message_id: str) -> Sequence[str]:
        return await self._run(partial(delete_turn, tenant_id=tenant_id, message_id=message_id), message_id)

    async def restore_turn(self, tenant_id: str, message_id: str) -> Message:
        return await self._run(partial(_restore, tenant_id=tenant_id, message_id=message_id), message_id)

    async def page_deleted_messages(
        self, tenant_id: str, window: Window, *, conversation_id: str | None = None
    ) -> Slice[Message]:
        scan = Scan.over(window, Order.DESC)
        return await self._run(lambda db: _page_deleted(db, tenant_id, scan, conversation_id))

    async def search_messages(self, tenant_id: str, query: SearchQuery, window: Window) -> Slice[Message]:  # noqa: ARG002
        raise FeatureAbsent("A Redis store does not search messages: keep them in PostgreSQL or SQLite for that.")


async def _with_log(db: Session, kept: StoredMessage) -> Message:
    """Return a message; the answer of a running turn says what its log says."""
    if kept.status != TurnStatus.RUNNING:
        return message(kept)
    ((lines,),) = await db.ask(logs.together(db, logs.read(db, kept.turn_id, after=0)))
    return said_so_far(message(kept), [line.event for line in logs.lines_of(lines)])


def _stretch(db: Session, conversation_id: str, scan: Scan) -> Command:
    path = db.keys.of(PATH, conversation_id)
    start = None if scan.start is None else f"({scan.start[0]}"
    if scan.ascending:
        return ("ZRANGEBYSCORE", path, start or "-inf", "+inf", "LIMIT", 0, scan.rows)
    return ("ZREVRANGEBYSCORE", path, start or "+inf", "-inf", "LIMIT", 0, scan.rows)


async def _page(db: Session, tenant_id: str, conversation_id: str, scan: Scan) -> Slice[Message]:
    await db.live(tenant_id, conversation_id)
    (ids,) = await db.ask(_stretch(db, conversation_id, scan))
    found = await db.find_all(StoredMessage, [each.decode() for each in ids])
    messages = await told(db, [await _with_log(db, each) for each in found if each is not None])
    return scan.slice([(each,) for each in messages], lambda row: row[0], lambda row: (row[0].seq,))


async def _shown(db: Session, tenant_id: str, message_id: str) -> StoredMessage:
    """Return a message that is not deleted, nor is what it is in."""
    found = await db.get(StoredMessage, tenant_id, message_id)
    await db.live(tenant_id, found.conversation_id)
    found = await db.get(StoredMessage, tenant_id, message_id)
    if found.deleted_at is not None:
        raise NotFound
    return found


async def _get(db: Session, tenant_id: str, message_id: str) -> Message:
    return await _told(db, await _shown(db, tenant_id, message_id))


async def _told(db: Session, kept: StoredMessage) -> Message:
    (message_now,) = await told(db, [await _with_log(db, kept)])
    return message_now


async def _restore(db: Session, tenant_id: str, message_id: str) -> Message:
    await restore_turn(db, tenant_id, message_id)
    return await _get(db, tenant_id, message_id)


async def _page_deleted(db: Session, tenant_id: str, scan: Scan, conversation_id: str | None) -> Slice[Message]:
    found = await find_deleted(db, tenant_id, scan, conversation_id)
    messages = await told(db, [message(each.thing) for each in found])
    rows = [(each, of.score, of.thing.n) for each, of in zip(messages, found, strict=True)]
    return scan.slice(rows, lambda row: row[0], lambda row: (row[1], row[2]))


async def _rate(db: Session, tenant_id: str, message_id: str, rating: int | None, feedback: str | None) -> Message:
    found = replace(await _shown(db, tenant_id, message_id), rating=rating, feedback=feedback)
    db.put(found)
    db.put(replace(await db.conversation(tenant_id, found.conversation_id), changed_at=db.now))
    return await _told(db, found)


async def _append(
    db: Session, tenant_id: str, conversation_id: str, *, messages: Sequence[AppendedMessage], once: Once | None
) -> Made[Sequence[Message]]:
    conversation, _ = await db.live(tenant_id, conversation_id)
    if once is not None:
        (turn_id,) = await db.ask(("HGET", db.keys.of(KEYS, conversation_id), once.key))
        known = None if turn_id is None else await db.find(StoredTurn, turn_id.decode())
        if known is not None:
            check_same(once, bytes.fromhex(known.fingerprint or ""))
            return await _appended_before(db, known, len(messages))
    check_open(conversation.status)
    refuse_while_open(conversation)
    return Made(value=await _store(db, conversation, messages, once))


async def _appended_before(db: Session, turn: StoredTurn, count: int) -> Made[Sequence[Message]]:
    """Return what the key stored: the messages from its first one on, as many as were sent, but for deleted ones."""
    first = await db.find(StoredMessage, turn.question_id or turn.answer_id)
    if first is None:
        return Made(value=(), replayed=True)
    said = db.keys.of(SAID, turn.conversation_id)
    (ids,) = await db.ask(("ZRANGEBYSCORE", said, first.seq, first.seq + count - 1))
    found = await db.find_all(StoredMessage, [each.decode() for each in ids])
    return Made(value=tuple(message(each) for each in found if each and each.deleted_at is None), replayed=True)


async def _store(
    db: Session, conversation: StoredConversation, messages: Sequence[AppendedMessage], once: Once | None
) -> Sequence[Message]:
    head = await db.find(StoredTurn, conversation.head_id)
    seq, stored = conversation.last_seq, []
    origin_id = await origin_at_head(db, conversation)
    turns = turns_of(messages)
    for number, group in enumerate(turns, 1):
        head = await _append_turn(db, conversation, group, number, (head, origin_id), once)
        once = origin_id = None  # the first turn stands for them all
        for each in group:
            seq += 1
            kept = stored_message_of(head, each.message_id, seq, each.role, each.parts)
            put_message(db, kept)
            stored.append(message(kept))
            await link(db, conversation.tenant_id, each.message_id, attachments_of(each.parts))
    db.put(
        replace(
            conversation,
            last_seq=seq,
            last_index=conversation.last_index + len(turns),
            message_count=conversation.message_count + len(messages),
            turn_count=conversation.turn_count + len(turns),
            head_id=None if head is None else head.id,
            lost_head_id=None,
            last_activity_at=db.now,
            changed_at=db.now,
        )
    )
    return tuple(stored)


async def _append_turn(
    db: Session,
    conversation: StoredConversation,
    group: Sequence[AppendedMessage],
    number: int,
    where: tuple[StoredTurn | None, str | None],
    once: Once | None,
) -> StoredTurn:
    parent, origin_id = where
    ids = {each.role: each.message_id for each in group}
    turn = StoredTurn(
        tenant_id=conversation.tenant_id,
        id=group[0].turn_id,
        n=await take_place(db, StoredTurn),
        conversation_id=conversation.id,
        bot_id=conversation.bot_id,
        index=conversation.last_index + number,
        parent_id=None if parent is None else parent.id,
        parent_index=None if parent is None else parent.index,
        status=TurnStatus.COMPLETED.value,
        model="",
        question_id=ids.get(Role.USER),
        answer_id=ids.get(Role.ASSISTANT),
        created_at=db.now,
        started_at=db.now,
        finished_at=db.now,
        **once_columns(once),
        last_seq=2,
        origin_id=origin_id,
    )
    put_turn(db, turn, once)
    return turn
