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
from palaver.stores.rows import MESSAGE_WIDTH, Row, event_of, message_of
from palaver.stores.scan import Scan
from palaver.stores.sqlite.access import Access
from palaver.stores.sqlite.begin import index_message, insert_message
from palaver.stores.sqlite.deletions import delete_turn, page_deleted, restore_turn
from palaver.stores.sqlite.paths import lineage, refuse_while_open
from palaver.stores.sqlite.quotes import told
from palaver.stores.sqlite.search import search
from palaver.stores.sqlite.transaction import Transaction
from palaver.stores.tree import turns_of


class SqliteMessages(Access):
    """``stores.base.MessageRows``"""

    async def page_messages(
        self, tenant_id: str, conversation_id: str, window: Window, *, order: Order = Order.ASC
    ) -> Slice[Message]:
        return await self._read(
            partial(_page, tenant_id=tenant_id, conversation_id=conversation_id, window=window, order=order),
            snapshot=True,
        )

    async def get_message(self, tenant_id: str, message_id: str) -> Message:
        return await self._read(partial(_get, tenant_id=tenant_id, message_id=message_id), snapshot=True)

    async def lineage(self, tenant_id: str, turn_id: str, *, turns: int) -> Sequence[Utterance]:
        look = partial(lineage, tenant_id=tenant_id, turn_id=turn_id, turns=turns)
        return await self._read(look, snapshot=True)

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
        return await self._write(lambda tx: _rate(tx, tenant_id, message_id, rating, feedback))

    async def delete_turn(self, tenant_id: str, message_id: str) -> Sequence[str]:
        return await self._write(partial(delete_turn, tenant_id=tenant_id, message_id=message_id))

    async def restore_turn(self, tenant_id: str, message_id: str) -> Message:
        return await self._write(partial(_restore, tenant_id=tenant_id, message_id=message_id))

    async def page_deleted_messages(
        self, tenant_id: str, window: Window, *, conversation_id: str | None = None
    ) -> Slice[Message]:
        look = partial(page_deleted, tenant_id=tenant_id, window=window, conversation_id=conversation_id)
        return await self._read(look, snapshot=True)

    async def search_messages(self, tenant_id: str, query: SearchQuery, window: Window) -> Slice[Message]:
        return await self._read(partial(search, tenant_id=tenant_id, query=query, window=window), snapshot=True)


def _with_log(tx: Transaction, row: Row) -> Message:
    """Return a message; the answer of a running turn says what its log says."""
    message = message_of(row[:MESSAGE_WIDTH])
    if message.status is TurnStatus.RUNNING:
        message = said_so_far(message, [event_of(line) for line in tx.rows("log", turn_n=row[13], after=0, limit=END)])
    return told(tx, message)


def _page(tx: Transaction, tenant_id: str, conversation_id: str, window: Window, order: Order) -> Slice[Message]:
    conversation = tx.row("conversation_key", id=conversation_id, tenant_id=tenant_id)
    if conversation is None:
        raise NotFound
    scan = Scan.over(window, order)
    start = scan.start[0] if scan.start else (-1 if scan.ascending else END)
    rows = tx.rows(
        "messages_ascending" if scan.ascending else "messages_descending",
        conversation_n=conversation[0],
        seq=start,
        limit=scan.rows,
    )
    return scan.slice(rows, partial(_with_log, tx), lambda row: (row[3],))


def _get(tx: Transaction, tenant_id: str, message_id: str) -> Message:
    row = tx.row("message", id=message_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    return _with_log(tx, row)


def _rate(tx: Transaction, tenant_id: str, message_id: str, rating: int | None, feedback: str | None) -> Message:
    _get(tx, tenant_id, message_id)
    tx.run("rate_message", id=message_id, rating=rating, feedback=feedback)
    tx.run("take_mark_back_for", message_id=message_id)
    return _get(tx, tenant_id, message_id)


def _restore(tx: Transaction, tenant_id: str, message_id: str) -> Message:
    restore_turn(tx, tenant_id, message_id)
    return _get(tx, tenant_id, message_id)


def _append(
    tx: Transaction, *, place: tuple[str, str], messages: Sequence[AppendedMessage], once: Once | None
) -> Made[Sequence[Message]]:
    tenant_id, conversation_id = place
    state = tx.row("conversation_state", id=conversation_id, tenant_id=tenant_id)
    if state is None:
        raise NotFound
    n, _, status = state[:3]
    if once is not None and (known := tx.row("turn_of_key", conversation_n=n, key=once.key)) is not None:
        return _appended_before(tx, tenant_id, known, once, len(messages))
    check_open(status)
    refuse_while_open(tx, n, conversation_id)
    _store_appended(tx, tenant_id, state, messages, once)
    return Made(value=tuple(_get(tx, tenant_id, message.message_id) for message in messages))


def _appended_before(tx: Transaction, tenant_id: str, known: Row, once: Once, count: int) -> Made[Sequence[Message]]:
    """Return what the key stored: the messages from its first one on, as many as were sent, but for deleted ones."""
    fingerprint, first_id = known
    check_same(once, fingerprint)
    rows = tx.rows("appended_messages", first_id=first_id, count=count)
    return Made(value=tuple(_get(tx, tenant_id, row[0]) for row in rows), replayed=True)


def _store_appended(
    tx: Transaction, tenant_id: str, state: Row, messages: Sequence[AppendedMessage], once: Once | None
) -> None:
    n, bot_n, _, _, head_n, _, seq, index = state[:8]
    origin_n = state[-1]
    turns = turns_of(messages)
    for turn in turns:
        index += 1
        head_n = _insert_turn(tx, tenant_id, turn, place=(n, index, head_n, origin_n), once=once)
        once = origin_n = None  # the first turn stands for them all
        for message in turn:
            seq += 1
            message_n = insert_message(
                tx, message_id=message.message_id, place=(n, head_n, seq), role=message.role, parts=message.parts
            )
            index_message(tx, tenant_id, bot_n, message_n, message.parts)
    tx.run("take_mark_back", n=n)
    tx.run("mark_uncounted", tenant_id=tenant_id, n=n)
    tx.run(
        "accept_turn",
        n=n,
        last_seq=seq,
        last_index=index,
        messages=len(messages),
        turns=len(turns),
        head_n=head_n,
        running_n=None,
        now=tx.now,
    )


def _insert_turn(
    tx: Transaction,
    tenant_id: str,
    messages: Sequence[AppendedMessage],
    *,
    place: tuple[int, int, int | None, int | None],
    once: Once | None,
) -> int:
    conversation_n, index, parent_n, origin_n = place
    ids = {message.role: message.message_id for message in messages}
    return tx.insert(
        "insert_finished_turn",
        id=messages[0].turn_id,
        tenant_id=tenant_id,
        conversation_n=conversation_n,
        idx=index,
        parent_n=parent_n,
        origin_n=origin_n,
        question_id=ids.get(Role.USER),
        answer_id=ids.get(Role.ASSISTANT),
        key=once and once.key,
        fingerprint=once and once.fingerprint,
        now=tx.now,
    )
