"""Puts records where they belong: those of a kind that follow each other in one go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from palaver.clock import to_micros
from palaver.errors import InvalidInput
from palaver.stores.knowledge_rows import document_record_columns
from palaver.stores.orders import Once
from palaver.stores.postgres.begin import attachments_of, link_attachments
from palaver.stores.postgres.chunk_shelving import put_chunks
from palaver.stores.postgres.lexemes import row_of
from palaver.stores.postgres.listing import folded
from palaver.stores.postgres.session import Session
from palaver.stores.quotes import cited_in, consulted_in
from palaver.stores.record_columns import (
    conversation_record_columns,
    key_record_columns,
    message_record_columns,
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
    KeyRecord,
    MessageRecord,
    Record,
    TenantRecord,
    TurnRecord,
    check_tenant,
)
from palaver.stores.rows import attachment_columns, bot_columns, entity_columns

_TABLES = {
    KeyRecord: "api_keys",
    BotRecord: "bots",
    EntityRecord: "entities",
    ConversationRecord: "conversations",
    TurnRecord: "turns",
    MessageRecord: "messages",
    DocumentRecord: "documents",
}
"""Those whose rows have places of their own."""

_QUERIES = {
    TenantRecord: "put_tenant",
    KeyRecord: "put_key",
    BotRecord: "put_bot",
    EntityRecord: "put_entity",
    ConversationRecord: "put_conversation",
    TurnRecord: "put_turn",
    MessageRecord: "put_message",
    EventRecord: "put_event",
    DocumentRecord: "put_document",
}


async def reserve(db: Session, records: Sequence[Record]) -> None:
    """See to it that what is made from now on comes behind these. In a transaction of its own, since one after the other does so:
    a sequence that two set at once would go back."""
    last: dict[str, int] = {}
    for record in records:
        if (
            not isinstance(record, TenantRecord | AttachmentRecord | EventRecord | ChunkRecord)
            and record.place is not None
        ):
            table = _TABLES[type(record)]
            last[table] = max(last.get(table, 0), record.place)
    if last:
        await db.row("lock_places")
    for table, n in last.items():
        await db.row("reserve_places", table=table, n=n)


async def put(db: Session, tenant_id: str, records: Sequence[Record]) -> None:
    """``RecordRows.put_records``"""
    for kind, group in groupby(records, key=type):
        alike = list(group)
        if kind is AttachmentRecord:
            await _put_attachments(db, tenant_id, alike)
            await db.run_many("insert_once", _once_rows(tenant_id, alike))
            continue
        if kind is ChunkRecord:
            await put_chunks(db, tenant_id, alike)
            continue
        await _put_contents(db, tenant_id, alike)
        rows = [{**_columns(record, tenant_id), "tenant_id": tenant_id} for record in alike]
        await db.run_many(_QUERIES[kind], rows)
        await db.run_many("insert_once", _once_rows(tenant_id, alike))
        await _put_links(db, tenant_id, alike)
        await _put_quotes(db, tenant_id, alike)
        if kind is EventRecord:
            await db.run("note_logs", tenant_id=tenant_id, turn_ids=list({row["turn_id"] for row in rows}))


def _columns(record: Record, tenant_id: str) -> dict[str, Any]:
    match record:
        case TenantRecord(tenant=tenant):
            check_tenant(record, tenant_id)
            return {"id": tenant.id, "created_at": to_micros(tenant.created_at)}
        case KeyRecord():
            return dict(key_record_columns(record))
        case BotRecord(bot=bot):
            deleted_at = bot.deleted_at and to_micros(bot.deleted_at)
            index = {"index_revision": record.index.revision, "embedding": record.index.embedding}
            return {"n": record.place, "deleted_at": deleted_at, **bot_columns(bot), **index}
        case EntityRecord(entity=entity):
            return {"n": record.place, **entity_columns(entity)}
        case ConversationRecord():
            return _conversation_columns(record)
        case TurnRecord(queued=queued, interrupting=interrupting):
            return {**turn_record_columns(record), "queued": queued, "interrupting": interrupting}
        case MessageRecord(on_path=on_path):
            columns = message_record_columns(record)
            return {**columns, "on_path": on_path, "words": row_of(columns["text"], tenant_id)}
        case EventRecord(turn_id=turn_id, event=event):
            return {"turn_id": turn_id, "seq": event.seq, "type": str(event.type), "data": event.json, "at": record.at}
        case _:
            return _document_columns(record)


def _document_columns(record: Record) -> dict[str, Any]:
    if not isinstance(record, DocumentRecord):
        raise InvalidInput("This is put by itself.")
    return {**document_record_columns(record), "bot_id": record.document.bot_id}


def _conversation_columns(record: ConversationRecord) -> dict[str, Any]:
    """One that was deleted with its bot is hidden by the bot's own row."""
    conversation = record.conversation
    columns = {**conversation_record_columns(record), "title_folded": folded(conversation.title)}
    hidden_by_bot = columns.pop("deletion") == conversation.bot_id
    return {**columns, "deleted_at": None} if hidden_by_bot else columns


def _once_rows(tenant_id: str, records: Sequence[Record]) -> Iterator[dict[str, Any]]:
    for record in records:
        match record:
            case BotRecord(bot=bot, once=Once() as once):
                yield _once_row(tenant_id, "bot", once, bot.id)
            case EntityRecord(entity=entity, once=Once() as once):
                yield _once_row(tenant_id, "entity", once, entity.id)
            case AttachmentRecord(attachment=attachment, once=Once() as once):
                yield _once_row(tenant_id, "attachment", once, attachment.id)
            case DocumentRecord(document=document, once=Once() as once):
                yield _once_row(tenant_id, "document", once, document.id)
            case ConversationRecord(conversation=conversation, once=Once() as once):
                yield _once_row(tenant_id, "conversation", once, conversation.id)
            case _:
                continue


def _once_row(tenant_id: str, kind: str, once: Once, resource_id: str) -> dict[str, Any]:
    made = {"key": once.key, "fingerprint": once.fingerprint, "resource_id": resource_id}
    return {"tenant_id": tenant_id, "kind": kind, **made}


async def _put_links(db: Session, tenant_id: str, records: Sequence[Record]) -> None:
    for record in records:
        match record:
            case MessageRecord(message=message) if attachments := attachments_of(message.parts):
                await link_attachments(db, (tenant_id, message.conversation_id), message.seq, attachments)
            case _:
                continue


async def _put_quotes(db: Session, tenant_id: str, records: Sequence[Record]) -> None:
    """Note which documents turns quote: a purge of one finds them by it."""
    quoted = sorted({pair for record in records for pair in _quoted(record)})
    if quoted:
        turn_ids, document_ids = zip(*quoted, strict=True)
        await db.run("put_quotes", tenant_id=tenant_id, turn_ids=turn_ids, document_ids=document_ids)


def _quoted(record: Record) -> Iterator[tuple[str, str]]:
    match record:
        case MessageRecord(message=message):
            yield from ((message.turn_id, document_id) for document_id in cited_in([message]))
        case EventRecord(turn_id=turn_id, event=event):
            yield from ((turn_id, document_id) for document_id in consulted_in([event]))
        case _:
            return


async def _put_contents(db: Session, tenant_id: str, records: Sequence[Record]) -> None:
    for record in records:
        match record:
            case DocumentRecord(content=None):
                raise InvalidInput("A document is put with its bytes.")
            case DocumentRecord(document=document, content=content):
                await db.run("insert_content", tenant_id=tenant_id, sha256=document.sha256, content=content)
            case _:
                return


async def _put_attachments(db: Session, tenant_id: str, records: Sequence[Record]) -> None:
    for record in records:
        if not isinstance(record, AttachmentRecord) or record.content is None:
            raise InvalidInput("An attachment is put with its bytes.")
        attachment = record.attachment
        await db.run("insert_blob", tenant_id=tenant_id, sha256=attachment.sha256, content=record.content)
        await db.run(
            "put_attachment",
            tenant_id=tenant_id,
            used=record.used,
            **attachment_columns(attachment),
        )
