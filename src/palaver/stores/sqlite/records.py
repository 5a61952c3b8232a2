"""Everything as it is, for a copy: read page by page, put as it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from palaver.clock import from_micros, to_micros
from palaver.conversation import FilePart, ImagePart, InterruptReason
from palaver.errors import Conflict, InvalidInput
from palaver.page import Order, Slice, Window
from palaver.stores.keyset import number_of
from palaver.stores.orders import Once
from palaver.stores.quotes import cited_in, consulted_in
from palaver.stores.record_columns import (
    conversation_record_columns,
    key_record_columns,
    message_record_columns,
    once_of,
    turn_record_columns,
)
from palaver.stores.records import (
    AttachmentRecord,
    BotRecord,
    ChunkRecord,
    ConversationRecord,
    DocumentRecord,
    EntityRecord,
    EventRecord,
    Inside,
    KeyRecord,
    MessageRecord,
    Record,
    Shelf,
    TenantRecord,
    TurnRecord,
    check_tenant,
    taken,
)
from palaver.stores.rows import (
    BOT_WIDTH,
    ENTITY_WIDTH,
    MESSAGE_WIDTH,
    TURN_WIDTH,
    Row,
    attachment_columns,
    attachment_of,
    bot_columns,
    bot_of,
    conversation_of,
    entity_columns,
    entity_of,
    event_of,
    index_of,
    key_of,
    message_of,
    params_of,
    turn_of,
)
from palaver.stores.scan import Scan
from palaver.stores.sqlite.access import Access
from palaver.stores.sqlite.knowledge_records import documents, page_chunk_records, put_chunk_records, put_document
from palaver.stores.sqlite.quotes import note_consulted
from palaver.stores.sqlite.scope import scope_of
from palaver.stores.sqlite.transaction import Transaction

_CONVERSATION_WIDTH = 19 + ENTITY_WIDTH
_NOTE = "note:"


class SqliteRecords(Access):
    """``stores.moving.RecordRows``"""

    async def page_records(self, shelf: Shelf, tenant_id: str, window: Window) -> Slice[Record]:
        return await self._read(partial(_SHELVES[shelf], tenant_id=tenant_id, scan=Scan.over(window, Order.ASC)))

    async def record_content(self, tenant_id: str, document_id: str) -> bytes | None:
        row = await self._read(lambda tx: tx.row("record_content", id=document_id, tenant_id=tenant_id))
        return None if row is None else bytes(row[0])

    async def page_chunk_records(self, tenant_id: str, document_id: str, window: Window) -> Slice[Record]:
        look = partial(page_chunk_records, tenant_id=tenant_id, document_id=document_id, window=window)
        return await self._read(look, snapshot=True)

    async def page_inside(self, inside: Inside, tenant_id: str, conversation_id: str, window: Window) -> Slice[Record]:
        look = partial(_page_inside, inside=inside, tenant_id=tenant_id, conversation_id=conversation_id, window=window)
        return await self._read(look, snapshot=True)

    async def put_records(self, tenant_id: str, records: Sequence[Record]) -> None:
        await self._write(lambda tx: _Shelving(tx, tenant_id).put(records), cheap=True)

    async def set_secret(self, secret: bytes) -> None:
        await self._write(lambda tx: tx.run("set_meta", key="secret", value=secret))

    async def note(self, name: str) -> str | None:
        row = await self._read(lambda tx: tx.row("meta", key=_NOTE + name))
        return None if row is None else str(row[0])

    async def set_note(self, name: str, text: str) -> None:
        await self._write(lambda tx: tx.run("set_meta", key=_NOTE + name, value=text))


def _keys(tx: Transaction, tenant_id: str, scan: Scan) -> Slice[Record]:
    rows = tx.rows("record_keys", tenant_id=tenant_id, n=number_of(scan), limit=scan.rows)
    return scan.slice(rows, lambda row: KeyRecord(key=key_of(row[:-2]), digest=row[-2], place=row[-1]), _last)


def _bots(tx: Transaction, tenant_id: str, scan: Scan) -> Slice[Record]:
    rows = tx.rows("record_bots", tenant_id=tenant_id, n=number_of(scan), limit=scan.rows)
    return scan.slice(rows, _bot, lambda row: (row[BOT_WIDTH - 1],))


def _bot(row: Row) -> Record:
    index, once = row[BOT_WIDTH : BOT_WIDTH + 2], row[BOT_WIDTH + 2 :]
    return BotRecord(bot=bot_of(row[:BOT_WIDTH]), index=index_of(index), once=once_of(*once), place=row[BOT_WIDTH - 1])


def _entities(tx: Transaction, tenant_id: str, scan: Scan) -> Slice[Record]:
    rows = tx.rows("record_entities", tenant_id=tenant_id, n=number_of(scan), limit=scan.rows)
    return scan.slice(rows, _entity, lambda row: (row[ENTITY_WIDTH],))


def _entity(row: Row) -> Record:
    place, key, fingerprint = row[ENTITY_WIDTH:]
    return EntityRecord(entity=entity_of(row[:ENTITY_WIDTH]), once=once_of(key, fingerprint), place=place)


def _attachments(tx: Transaction, tenant_id: str, scan: Scan) -> Slice[Record]:
    sha256 = "" if scan.start is None else scan.start[0]
    n = number_of(scan, 1)
    rows = tx.rows("record_attachments", tenant_id=tenant_id, sha256=sha256, n=n, limit=scan.rows)
    return scan.slice(
        rows,
        lambda row: AttachmentRecord(attachment=attachment_of(row[:6]), used=bool(row[6]), once=once_of(*row[7:9])),
        lambda row: (row[4], row[-1]),
    )


def _conversations(tx: Transaction, tenant_id: str, scan: Scan) -> Slice[Record]:
    rows = tx.rows("record_conversations", tenant_id=tenant_id, n=number_of(scan), limit=scan.rows)
    return scan.slice(rows, _conversation, lambda row: (row[_CONVERSATION_WIDTH + 4],))


def _conversation(row: Row) -> Record:
    last_seq, last_index, deletion, lost_head_id, place, key, fingerprint = row[_CONVERSATION_WIDTH:]
    return ConversationRecord(
        conversation=conversation_of(row[:_CONVERSATION_WIDTH]),
        last_seq=last_seq,
        last_index=last_index,
        deletion=deletion,
        lost_head_id=lost_head_id,
        once=once_of(key, fingerprint),
        place=place,
    )


_SHELVES: Mapping[Shelf, Callable[..., Slice[Record]]] = {
    Shelf.KEYS: _keys,
    Shelf.BOTS: _bots,
    Shelf.ENTITIES: _entities,
    Shelf.ATTACHMENTS: _attachments,
    Shelf.CONVERSATIONS: _conversations,
    Shelf.DOCUMENTS: documents,
}


def _last(row: Row) -> tuple[int]:
    return (row[-1],)


def _page_inside(
    tx: Transaction, inside: Inside, tenant_id: str, conversation_id: str, window: Window
) -> Slice[Record]:
    conversation = tx.row("record_conversation", id=conversation_id, tenant_id=tenant_id)
    if conversation is None:
        return Slice(data=())
    scan = Scan.over(window, Order.ASC)
    match inside:
        case Inside.TURNS:
            return scan.slice(_turns(tx, conversation[0], scan), _turn, lambda row: tuple(row[-2:]))
        case Inside.MESSAGES:
            rows = tx.rows("record_messages", conversation_n=conversation[0], seq=number_of(scan), limit=scan.rows)
            return scan.slice(rows, _message, lambda row: (row[3],))
        case Inside.EVENTS:
            return scan.slice(_events(tx, conversation[0], scan), _event, lambda row: (*row[-2:], row[2]))


def _turns(tx: Transaction, conversation_n: int, scan: Scan) -> Sequence[Row]:
    """Walk ``turns_by_parent``: a turn stands behind its parent, whose key is smaller."""
    parent_n, n = scan.start or (None, -1)
    rows: Sequence[Row] = ()
    if parent_n is None:
        rows = tx.rows("record_first_turns", conversation_n=conversation_n, n=n, limit=scan.rows)
        parent_n = -1
    left = scan.rows - len(rows)
    later = tx.rows("record_later_turns", conversation_n=conversation_n, parent_n=parent_n, n=n, limit=left)
    return [*rows, *later]


def _events(tx: Transaction, conversation_n: int, scan: Scan) -> Sequence[Row]:
    """Walk the logs of the turns in the same order: the rest of the one that the page begins in, then the others."""
    parent_n, n, seq = scan.start or (None, -1, 0)
    rows = tx.rows("record_events_of_turn", n=n, seq=seq, limit=scan.rows)
    if parent_n is None:
        left = scan.rows - len(rows)
        rows += tx.rows("record_events_of_first_turns", conversation_n=conversation_n, n=n, limit=left)
        parent_n = -1
    left = scan.rows - len(rows)
    where = {"conversation_n": conversation_n, "parent_n": parent_n, "n": n}
    return [*rows, *tx.rows("record_events_of_later_turns", **where, limit=left)]


def _turn(row: Row) -> Record:
    key, fingerprint, queued, interrupting, owner, fence = row[TURN_WIDTH : TURN_WIDTH + 6]
    lease_micros, lease_until, stop_reason, last_seq, deleted_at, origin_id, _, place = row[TURN_WIDTH + 6 :]
    return TurnRecord(
        turn=turn_of(row),
        once=once_of(key, fingerprint),
        params=params_of(row),
        queued=bool(queued),
        interrupting=bool(interrupting),
        owner=owner,
        fence=fence,
        lease_micros=lease_micros,
        lease_until=lease_until,
        stop_reason=None if stop_reason is None else InterruptReason(stop_reason),
        last_seq=last_seq,
        deleted_at=None if deleted_at is None else from_micros(deleted_at),
        origin_id=origin_id,
        place=place,
    )


def _message(row: Row) -> Record:
    on_path, deleted_at, place = row[-3:]
    return MessageRecord(
        message=message_of(row[:MESSAGE_WIDTH]),
        on_path=bool(on_path),
        deleted_at=None if deleted_at is None else from_micros(deleted_at),
        place=place,
    )


def _event(row: Row) -> Record:
    return EventRecord(index=row[0], turn_id=row[1], event=event_of(row[2:5]), at=row[5])


class _Shelving:
    """Puts records of one tenant, and remembers the integer keys of what they refer to."""

    def __init__(self, tx: Transaction, tenant_id: str) -> None:
        self._tx = tx
        self._tenant_id = tenant_id
        self._found: dict[tuple[str, str], Row] = {}

    def put(self, records: Sequence[Record]) -> None:
        """``RecordRows.put_records``"""
        for record in records:
            self._put(record)
        put_chunk_records(self._tx, self._tenant_id, [each for each in records if isinstance(each, ChunkRecord)])

    def _put(self, record: Record) -> None:
        match record:
            case TenantRecord(tenant=tenant):
                check_tenant(record, self._tenant_id)
                self._tx.run("put_tenant", id=tenant.id, created_at=to_micros(tenant.created_at))
            case KeyRecord(key=key):
                made = self._tx.run("put_key", tenant_id=self._tenant_id, **key_record_columns(record))
                self._check_ours(made, "record_key", key.id)
            case BotRecord():
                self._put_bot(record)
            case EntityRecord(entity=entity):
                made = self._tx.run("put_entity", **self._at(record.place), **entity_columns(entity))
                self._check_ours(made, "record_entity", entity.id)
                self._put_once("entity", record.once, entity.id)
            case AttachmentRecord():
                self._put_attachment(record)
            case ConversationRecord():
                self._put_conversation(record)
            case DocumentRecord():
                self._put_document(record)
            case ChunkRecord():
                pass  # they are put together, after the others
            case TurnRecord() | MessageRecord() | EventRecord():
                self._put_inside(record)

    def _put_inside(self, record: TurnRecord | MessageRecord | EventRecord) -> None:
        match record:
            case TurnRecord():
                self._put_turn(record)
            case MessageRecord():
                self._put_message(record)
            case EventRecord(event=event):
                columns = {"seq": event.seq, "type": str(event.type), "data": event.json, "at": record.at}
                turn_n = self._key("record_turn", record.turn_id)
                self._tx.run("insert_log", turn_n=turn_n, **columns)
                note_consulted(self._tx, turn_n, consulted_in([event]))

    def _check_ours(self, made: int, query: str, its_id: str) -> None:
        """Refuse a record that was not made because another tenant has something with its id."""
        if not made and self._tx.row(query, id=its_id, tenant_id=self._tenant_id) is None:
            raise taken(its_id)

    def _key_in(self, query: str, conversation_n: int, its_id: str) -> int:
        """Return the key of what is inside a conversation. Raises ``Conflict`` if something elsewhere has the id."""
        row = self._tx.row(query, id=its_id, conversation_n=conversation_n)
        if row is None:
            raise taken(its_id)
        return int(row[0])

    def _at(self, place: int | None) -> dict[str, Any]:
        return {"n": place, "tenant_id": self._tenant_id}

    def _row(self, query: str, its_id: str) -> Row:
        known = self._found.get((query, its_id)) or self._tx.row(query, id=its_id, tenant_id=self._tenant_id)
        if known is None:
            raise Conflict(f"A record refers to {its_id}, which is not there.")
        self._found[query, its_id] = known
        return known

    def _key(self, query: str, its_id: str) -> int:
        return int(self._row(query, its_id)[0])

    def _find(self, query: str, its_id: str | None) -> int | None:
        return None if its_id is None else self._key(query, its_id)

    def _put_once(self, kind: str, once: Once | None, resource_id: str) -> None:
        if once is not None:
            made = {"kind": kind, "key": once.key, "fingerprint": once.fingerprint, "resource_id": resource_id}
            self._tx.run("put_once", tenant_id=self._tenant_id, **made)

    def _put_bot(self, record: BotRecord) -> None:
        bot, index = record.bot, record.index
        deleted_at = bot.deleted_at and to_micros(bot.deleted_at)
        beyond = {"deleted_at": deleted_at, "revision": index.revision, "embedding": index.embedding}
        made = self._tx.run("put_bot", **self._at(record.place), **beyond, **bot_columns(bot))
        self._check_ours(made, "record_bot", bot.id)
        self._put_once("bot", record.once, bot.id)

    def _put_document(self, record: DocumentRecord) -> None:
        bot_n = self._key("record_bot", record.document.bot_id)
        made = put_document(self._tx, self._tenant_id, bot_n, record)
        self._check_ours(made, "record_document", record.document.id)
        self._put_once("document", record.once, record.document.id)

    def _put_attachment(self, record: AttachmentRecord) -> None:
        if record.content is None:
            raise InvalidInput("An attachment is put with its bytes.")
        attachment = record.attachment
        self._tx.run("insert_blob", tenant_id=self._tenant_id, sha256=attachment.sha256, content=record.content)
        made = self._tx.run(
            "put_attachment",
            tenant_id=self._tenant_id,
            used=int(record.used),
            **attachment_columns(attachment),
        )
        self._check_ours(made, "record_attachment", attachment.id)
        self._put_once("attachment", record.once, attachment.id)

    def _put_conversation(self, record: ConversationRecord) -> None:
        columns = conversation_record_columns(record)
        bot_n, idles = self._row("record_bot", columns["bot_id"])
        made = self._tx.run(
            "put_conversation",
            tenant_id=self._tenant_id,
            bot_n=bot_n,
            idles=idles,
            entity_n=self._find("record_entity", columns["entity_id"]),
            head_n=self._turn_n(columns["head_id"]),
            lost_n=self._turn_n(columns["lost_id"]),
            running_n=self._turn_n(columns["running_id"]),
            **columns,
        )
        if not made:
            raise taken(columns["id"])
        n = self._key("record_conversation", columns["id"])
        self._tx.run("mark_uncounted", tenant_id=self._tenant_id, n=n)  # its turns are put with it, or before
        self._put_once("conversation", record.once, columns["id"])

    def _turn_n(self, turn_id: str | None) -> int | None:
        """Return the key of a turn that comes later than its conversation at first: None then."""
        row = None if turn_id is None else self._tx.row("record_turn", id=turn_id, tenant_id=self._tenant_id)
        return None if row is None else int(row[0])

    def _put_turn(self, record: TurnRecord) -> None:
        columns = turn_record_columns(record)
        conversation_n = self._key("record_conversation", columns["conversation_id"])
        made = self._tx.run(
            "put_turn",
            tenant_id=self._tenant_id,
            conversation_n=conversation_n,
            parent_n=self._find("record_turn", columns["parent_id"]),
            origin_n=self._find("record_turn", columns["origin_id"]),
            **columns,
        )
        if not made:
            self._key_in("record_has_turn", conversation_n, columns["id"])

    def _put_message(self, record: MessageRecord) -> None:
        columns = message_record_columns(record)
        conversation_n, bot_n = self._row("record_conversation", columns["conversation_id"])
        turn_n = self._key("record_turn", columns["turn_id"])
        where = {"tenant_id": self._tenant_id, "conversation_n": conversation_n, "turn_n": turn_n}
        made = self._tx.run("put_message", **where, **columns)
        message_n = self._key_in("record_has_message", conversation_n, columns["id"])
        if not made:
            return
        note_consulted(self._tx, turn_n, cited_in([record.message]))
        if columns["text"]:  # deleted ones, too: a purge takes out of the index what it finds in the table
            scope = scope_of(self._tenant_id, bot_n)
            self._tx.run("index_message", n=message_n, scope=scope, text=columns["text"])
        for part in record.message.parts:
            if isinstance(part, ImagePart | FilePart):
                link = {"message_n": message_n, "id": part.attachment_id, "tenant_id": self._tenant_id}
                self._tx.run("link_attachment", **link)
