"""Messages: the active path, one by one, appended without a model, rated, deleted with their turn."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from palaver.conversation import Message, Role, TurnStatus, Utterance
from palaver.errors import NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.endings import said_so_far
from palaver.stores.keyset import END
from palaver.stores.openings import check_open, check_same
from palaver.stores.orders import AppendedMessage, Made, Once, SearchQuery
from palaver.stores.postgres.access import Access
from palaver.stores.postgres.begin import attachments_of, link_attachments
from palaver.stores.postgres.deletions import delete_turn, page_deleted, restore_turn
from palaver.stores.postgres.lexemes import row_of
from palaver.stores.postgres.paths import lineage, refuse_while_open
from palaver.stores.postgres.quotes import with_gone
from palaver.stores.postgres.search import search
from palaver.stores.postgres.session import Row, Session
from palaver.stores.postgres.turn_ends import Place
from palaver.stores.rows import event_of, message_of, parts_columns
from palaver.stores.scan import Scan
from palaver.stores.tree import turns_of


class PostgresMessages(Access):
    """``stores.base.MessageRows``"""

    async def page_messages(
        self, tenant_id: str, conversation_id: str, window: Window, *, order: Order = Order.ASC
    ) -> Slice[Message]:
        place = (tenant_id, conversation_id)
        return await self._read(partial(_page, place=place, window=window, order=order))

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
        place = (tenant_id, conversation_id)
        return await self._write(partial(_append, place=place, messages=messages, once=once))

    async def rate_message(self, tenant_id: str, message_id: str, rating: int | None, feedback: str | None) -> Message:
        return await self._write(lambda db: _rate(db, tenant_id, message_id, rating, feedback))

    async def delete_turn(self, tenant_id: str, message_id: str) -> Sequence[str]:
        return await self._write(partial(delete_turn, tenant_id=tenant_id, message_id=message_id))

    async def restore_turn(self, tenant_id: str, message_id: str) -> Message:
        return await self._write(partial(_restore, tenant_id=tenant_id, message_id=message_id))

    async def page_deleted_messages(
        self, tenant_id: str, window: Window, *, conversation_id: str | None = None
    ) -> Slice[Message]:
        look = partial(page_deleted, tenant_id=tenant_id, window=window, conversation_id=conversation_id)
        return await self._read(look)

    async def search_messages(self, tenant_id: str, query: SearchQuery, window: Window) -> Slice[Message]:
        return await self._read(partial(search, tenant_id=tenant_id, query=query, window=window))


async def _with_log(db: Session, tenant_id: str, message: Message) -> Message:
    """Return a message; the answer of a running turn says what its log says."""
    if message.status is not TurnStatus.RUNNING:
        return message
    rows = await db.rows("log", tenant_id=tenant_id, turn_id=message.turn_id)
    return said_so_far(message, [event_of(row) for row in rows])


async def _page(db: Session, place: Place, window: Window, order: Order) -> Slice[Message]:
    scan = Scan.over(window, order)
    start = scan.start[0] if scan.start else (-1 if scan.ascending else END)
    rows = await db.rows(
        "messages_ascending" if scan.ascending else "messages_descending",
        tenant_id=place[0],
        conversation_id=place[1],
        seq=start,
        limit=scan.rows,
    )
    if not rows and await db.row("conversation_is_there", tenant_id=place[0], id=place[1]) is None:
        raise NotFound
    messages = await with_gone(db, place[0], [await _with_log(db, place[0], message_of(row)) for row in rows])
    return scan.slice([(message,) for message in messages], lambda row: row[0], lambda row: (row[0].seq,))


async def _get(db: Session, tenant_id: str, message_id: str) -> Message:
    row = await db.row("message", id=message_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    return (await with_gone(db, tenant_id, [await _with_log(db, tenant_id, message_of(row))]))[0]


async def _rate(db: Session, tenant_id: str, message_id: str, rating: int | None, feedback: str | None) -> Message:
    message = await _get(db, tenant_id, message_id)
    await db.run("rate_message", tenant_id=tenant_id, id=message_id, rating=rating, feedback=feedback)
    await db.run("take_mark_back", tenant_id=tenant_id, id=message.conversation_id)
    return await _get(db, tenant_id, message_id)


async def _restore(db: Session, tenant_id: str, message_id: str) -> Message:
    await restore_turn(db, tenant_id, message_id)
    return await _get(db, tenant_id, message_id)


async def _append(
    db: Session, *, place: Place, messages: Sequence[AppendedMessage], once: Once | None
) -> Made[Sequence[Message]]:
    tenant_id, conversation_id = place
    state = await db.row("conversation_to_change", tenant_id=tenant_id, id=conversation_id)
    if state is None:
        raise NotFound
    if once is not None:
        known = await db.row("turn_of_key", tenant_id=tenant_id, conversation_id=conversation_id, key=once.key)
        if known is not None:
            check_same(once, known[0])
            return await _appended_before(db, tenant_id, known[1], len(messages))
    check_open(state[0])
    await refuse_while_open(db, place)
    await _store_appended(db, place, state, messages, once)
    return Made(value=tuple([await _get(db, tenant_id, message.message_id) for message in messages]))


async def _appended_before(db: Session, tenant_id: str, first_id: str, count: int) -> Made[Sequence[Message]]:
    """Return what the key stored: the messages from its first one on, as many as were sent, but for deleted ones."""
    rows = await db.rows("appended_messages", tenant_id=tenant_id, first_id=first_id, count=count)
    return Made(value=tuple(message_of(row) for row in rows), replayed=True)


async def _store_appended(
    db: Session, place: Place, state: Row, messages: Sequence[AppendedMessage], once: Once | None
) -> None:
    _, _, head_idx, bot_id, seq, index = state[:6]
    origin_idx = state[-1]
    turns = turns_of(messages)
    for turn in turns:
        index += 1
        await _insert_turn(db, place, turn, at=(index, head_idx, origin_idx, seq), bot_id=bot_id, once=once)
        once = origin_idx = None  # the first turn stands for them all
        head_idx = index
        for message in turn:
            seq += 1
            if attachments := attachments_of(message.parts):
                await link_attachments(db, place, seq, attachments)
    await db.run(
        "accept_appended",
        tenant_id=place[0],
        conversation_id=place[1],
        last_seq=seq,
        last_index=index,
        messages=len(messages),
        turns=len(turns),
        head_idx=head_idx,
        now=db.now,
    )


async def _insert_turn(
    db: Session,
    place: Place,
    messages: Sequence[AppendedMessage],
    *,
    at: tuple[int, int | None, int | None, int],
    bot_id: str,
    once: Once | None,
) -> None:
    index, parent_idx, origin_idx, last_seq = at
    ids = {message.role: message.message_id for message in messages}
    columns = [parts_columns(message.parts) for message in messages]
    await db.run(
        "append_turn",
        tenant_id=place[0],
        conversation_id=place[1],
        bot_id=bot_id,
        idx=index,
        turn_id=messages[0].turn_id,
        parent_idx=parent_idx,
        origin_idx=origin_idx,
        question_id=ids.get(Role.USER),
        answer_id=ids.get(Role.ASSISTANT),
        key=once and once.key,
        fingerprint=once and once.fingerprint,
        now=db.now,
        seqs=[last_seq + number for number in range(1, len(messages) + 1)],
        ids=[message.message_id for message in messages],
        roles=[message.role.value for message in messages],
        texts=[text for text, _ in columns],
        parts=[parts for _, parts in columns],
        words=[row_of(text, place[0]) for text, _ in columns],
    )
