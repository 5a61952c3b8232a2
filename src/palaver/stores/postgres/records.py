"""Everything as it is, for a copy: read page by page, put as it was."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from palaver.clock import from_micros
from palaver.conversation import InterruptReason
from palaver.page import Order, Slice, Window
from palaver.stores.knowledge_rows import CHUNK_WIDTH, DOCUMENT_WIDTH, chunk_of, document_of
from palaver.stores.postgres.access import Access
from palaver.stores.postgres.documents import STATE_WIDTH, state_of
from palaver.stores.postgres.session import Row, Session
from palaver.stores.postgres.shelving import put, reserve
from palaver.stores.record_columns import once_of
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
    TurnRecord,
)
from palaver.stores.rows import (
    BOT_WIDTH,
    ENTITY_WIDTH,
    MESSAGE_WIDTH,
    TURN_WIDTH,
    attachment_of,
    bot_of,
    conversation_of,
    entity_of,
    event_of,
    index_of,
    key_of,
    message_of,
    params_of,
    turn_of,
)
from palaver.stores.scan import Scan

_CONVERSATION_WIDTH = 19 + ENTITY_WIDTH
_DELETED_AT = 17  # … of a conversation's columns
_NOTE = "note:"


class PostgresRecords(Access):
    """``stores.moving.RecordRows``"""

    async def page_records(self, shelf: Shelf, tenant_id: str, window: Window) -> Slice[Record]:
        return await self._read(partial(_SHELVES[shelf], tenant_id=tenant_id, scan=Scan.over(window, Order.ASC)))

    async def page_inside(self, inside: Inside, tenant_id: str, conversation_id: str, window: Window) -> Slice[Record]:
        where = {"tenant_id": tenant_id, "conversation_id": conversation_id}
        return await self._read(partial(_INSIDE[inside], where=where, scan=Scan.over(window, Order.ASC)))

    async def record_content(self, tenant_id: str, document_id: str) -> bytes | None:
        row = await self._read(lambda db: db.row("record_content", tenant_id=tenant_id, id=document_id))
        return None if row is None else row[0]

    async def page_chunk_records(self, tenant_id: str, document_id: str, window: Window) -> Slice[Record]:
        scan = Scan.over(window, Order.ASC)
        return await self._read(partial(_chunks, tenant_id=tenant_id, document_id=document_id, scan=scan))

    async def put_records(self, tenant_id: str, records: Sequence[Record]) -> None:
        await self._write(partial(reserve, records=records))
        await self._write(partial(put, tenant_id=tenant_id, records=records))

    async def set_secret(self, secret: bytes) -> None:
        await self._write(lambda db: db.run("set_meta", key="secret", value=secret))

    async def note(self, name: str) -> str | None:
        row = await self._read(lambda db: db.row("meta", key=_NOTE + name))
        return None if row is None else bytes(row[0]).decode()

    async def set_note(self, name: str, text: str) -> None:
        await self._write(lambda db: db.run("set_meta", key=_NOTE + name, value=text.encode()))


def _number(scan: Scan, part: int = 0) -> int:
    return -1 if scan.start is None else int(scan.start[part] or 0)


async def _keys(db: Session, tenant_id: str, scan: Scan) -> Slice[Record]:
    rows = await db.rows("record_keys", tenant_id=tenant_id, n=_number(scan), limit=scan.rows)
    return scan.slice(rows, lambda row: KeyRecord(key=key_of(row[:-2]), digest=row[-2], place=row[-1]), _last)


async def _bots(db: Session, tenant_id: str, scan: Scan) -> Slice[Record]:
    rows = await db.rows("record_bots", tenant_id=tenant_id, n=_number(scan), limit=scan.rows)
    return scan.slice(rows, _bot, lambda row: (row[BOT_WIDTH - 1],))


def _bot(row: Row) -> Record:
    revision, embedding, *made = row[BOT_WIDTH:]
    index = index_of((revision, embedding))
    return BotRecord(bot=bot_of(row[:BOT_WIDTH]), index=index, once=once_of(*made), place=row[BOT_WIDTH - 1])


async def _entities(db: Session, tenant_id: str, scan: Scan) -> Slice[Record]:
    rows = await db.rows("record_entities", tenant_id=tenant_id, n=_number(scan), limit=scan.rows)
    return scan.slice(rows, _entity, lambda row: (row[ENTITY_WIDTH],))


def _entity(row: Row) -> Record:
    place, key, fingerprint = row[ENTITY_WIDTH:]
    return EntityRecord(entity=entity_of(row[:ENTITY_WIDTH]), once=once_of(key, fingerprint), place=place)


async def _attachments(db: Session, tenant_id: str, scan: Scan) -> Slice[Record]:
    sha256 = "" if scan.start is None else scan.start[0]
    n = _number(scan, 1)
    rows = await db.rows("record_attachments", tenant_id=tenant_id, sha256=sha256, n=n, limit=scan.rows)
    return scan.slice(
        rows,
        lambda row: AttachmentRecord(attachment=attachment_of(row[:6]), used=row[6], once=once_of(*row[7:9])),
        lambda row: (row[4], row[-1]),
    )


async def _conversations(db: Session, tenant_id: str, scan: Scan) -> Slice[Record]:
    rows = await db.rows("record_conversations", tenant_id=tenant_id, n=_number(scan), limit=scan.rows)
    return scan.slice(rows, _conversation, lambda row: (row[_CONVERSATION_WIDTH + 4],))


def _conversation(row: Row) -> Record:
    last_seq, last_index, bot_deleted_at, lost_head_id, place, key, fingerprint = row[_CONVERSATION_WIDTH:]
    columns, deletion = list(row[:_CONVERSATION_WIDTH]), row[0]
    if columns[_DELETED_AT] is None:
        columns[_DELETED_AT], deletion = bot_deleted_at, row[1]
    return ConversationRecord(
        conversation=conversation_of(columns),
        last_seq=last_seq,
        last_index=last_index,
        deletion=None if columns[_DELETED_AT] is None else deletion,
        lost_head_id=lost_head_id,
        once=once_of(key, fingerprint),
        place=place,
    )


async def _documents(db: Session, tenant_id: str, scan: Scan) -> Slice[Record]:
    rows = await db.rows("record_documents", tenant_id=tenant_id, n=_number(scan), limit=scan.rows)
    return scan.slice(rows, _document, lambda row: (row[DOCUMENT_WIDTH + STATE_WIDTH],))


def _document(row: Row) -> Record:
    state = state_of(row)
    place, key, fingerprint = row[DOCUMENT_WIDTH + STATE_WIDTH :]
    return DocumentRecord(
        document=document_of(row),
        once=once_of(key, fingerprint),
        revision=state.revision,
        owner=state.owner,
        fence=state.fence,
        attempts=state.attempts,
        lease_until=state.lease_until,
        place=place,
    )


_SHELVES: Mapping[Shelf, Callable[..., Awaitable[Slice[Record]]]] = {
    Shelf.KEYS: _keys,
    Shelf.BOTS: _bots,
    Shelf.ENTITIES: _entities,
    Shelf.ATTACHMENTS: _attachments,
    Shelf.CONVERSATIONS: _conversations,
    Shelf.DOCUMENTS: _documents,
}


def _last(row: Row) -> tuple[int]:
    return (row[-1],)


async def _turns(db: Session, where: Mapping[str, str], scan: Scan) -> Slice[Record]:
    """In the order of their places: a turn's is larger than its parent's."""
    rows = await db.rows("record_turns", **where, idx=_number(scan), limit=scan.rows)
    return scan.slice(rows, _turn, lambda row: (row[2],))


def _turn(row: Row) -> Record:
    key, fingerprint, queued, interrupting, owner, fence = row[TURN_WIDTH : TURN_WIDTH + 6]
    lease_micros, lease_until, stop_reason, last_seq, deleted_at, origin_id, place = row[TURN_WIDTH + 6 :]
    return TurnRecord(
        turn=turn_of(row),
        once=once_of(key, fingerprint),
        params=params_of(row),
        queued=queued,
        interrupting=interrupting,
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


async def _messages(db: Session, where: Mapping[str, str], scan: Scan) -> Slice[Record]:
    rows = await db.rows("record_messages", **where, seq=_number(scan), limit=scan.rows)
    return scan.slice(rows, _message, lambda row: (row[3],))


def _message(row: Row) -> Record:
    on_path, deleted_at, place = row[MESSAGE_WIDTH:]
    return MessageRecord(
        message=message_of(row[:MESSAGE_WIDTH]),
        on_path=on_path,
        deleted_at=None if deleted_at is None else from_micros(deleted_at),
        place=place,
    )


async def _events(db: Session, where: Mapping[str, str], scan: Scan) -> Slice[Record]:
    idx, seq = scan.start or (-1, -1)
    rows = await db.rows("record_events", **where, idx=idx, seq=seq, limit=scan.rows)
    return scan.slice(rows, _event, lambda row: (row[0], row[2]))


def _event(row: Row) -> Record:
    return EventRecord(index=row[0], turn_id=row[1], event=event_of(row[2:5]), at=row[5])


async def _chunks(db: Session, tenant_id: str, document_id: str, scan: Scan) -> Slice[Record]:
    where = {"tenant_id": tenant_id, "document_id": document_id}
    rows = await db.rows("record_chunks", **where, ordinal=_number(scan), limit=scan.rows)
    return scan.slice(rows, _chunk, lambda row: (row[2],))


def _chunk(row: Row) -> Record:
    embeddings, vectors = row[CHUNK_WIDTH:]
    return ChunkRecord(chunk=chunk_of(row), vectors=dict(zip(embeddings or (), vectors or (), strict=True)))


_INSIDE: Mapping[Inside, Callable[..., Awaitable[Slice[Record]]]] = {
    Inside.TURNS: _turns,
    Inside.MESSAGES: _messages,
    Inside.EVENTS: _events,
}
