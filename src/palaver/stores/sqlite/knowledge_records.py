"""Documents and chunks as they are, for a copy. What was put stands under a fence that no claim ever has."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from palaver.errors import Conflict, InvalidInput
from palaver.page import Order, Slice, Window
from palaver.stores.keyset import number_of
from palaver.stores.knowledge_rows import CHUNK_WIDTH, DOCUMENT_WIDTH, chunk_of, document_of, document_record_columns
from palaver.stores.record_columns import once_of
from palaver.stores.records import ChunkRecord, DocumentRecord, Record
from palaver.stores.rows import Row
from palaver.stores.scan import Scan
from palaver.stores.sqlite.chunk_writes import Batch, ChunkWriting
from palaver.stores.sqlite.quarters import note_quarters
from palaver.stores.sqlite.transaction import Transaction

_COPIED = 0


def documents(tx: Transaction, tenant_id: str, scan: Scan) -> Slice[Record]:
    """A page of the shelf of documents."""
    rows = tx.rows("record_documents", tenant_id=tenant_id, n=number_of(scan), limit=scan.rows)
    return scan.slice(rows, _document, lambda row: (row[DOCUMENT_WIDTH + 5],))


def _document(row: Row) -> Record:
    revision, owner, fence, attempts, lease_until, place, key, fingerprint = row[DOCUMENT_WIDTH:]
    return DocumentRecord(
        document=document_of(row),
        once=once_of(key, fingerprint),
        revision=revision,
        owner=owner,
        fence=fence,
        attempts=attempts,
        lease_until=lease_until,
        place=place,
    )


def page_chunk_records(tx: Transaction, tenant_id: str, document_id: str, window: Window) -> Slice[Record]:
    """``RecordRows.page_chunk_records``"""
    scan = Scan.over(window, Order.ASC)
    start = number_of(scan)
    rows = tx.rows("record_chunks", document_id=document_id, tenant_id=tenant_id, ordinal=start, limit=scan.rows)
    return scan.slice(rows, lambda row: _chunk(tx, row), lambda row: (row[2],))


def _chunk(tx: Transaction, row: Row) -> Record:
    chunk_n, bot_n = row[CHUNK_WIDTH:]
    return ChunkRecord(chunk=chunk_of(row), vectors=dict(tx.rows("record_vectors", chunk_n=chunk_n, bot_n=bot_n)))


def put_document(tx: Transaction, tenant_id: str, bot_n: int, record: DocumentRecord) -> int:
    """Keep a document as it is, with its content; return 0 if something has its id."""
    if record.content is None:
        raise InvalidInput("A document is put with its content.")
    tx.run("insert_blob", tenant_id=tenant_id, sha256=record.document.sha256, content=record.content)
    ready_fence = None if record.document.ready_version is None else _COPIED
    columns = document_record_columns(record)
    return tx.run("put_document", tenant_id=tenant_id, bot_n=bot_n, ready_fence=ready_fence, **columns)


def put_chunk_records(tx: Transaction, tenant_id: str, records: Sequence[ChunkRecord]) -> None:
    """Keep chunks of ready versions, with their vectors, document by document."""
    for document_id, group in groupby(records, key=lambda record: record.chunk.document_id):
        document = tx.row("record_document", id=document_id, tenant_id=tenant_id)
        if document is None:
            raise Conflict(f"A record refers to {document_id}, which is not there.")
        document_n, bot_n, ready_fence = document
        if ready_fence == _COPIED:
            some = list(group)
            batch = Batch.with_vectors([each.chunk for each in some], [each.vectors for each in some])
            extent = ChunkWriting(tx, tenant_id, bot_n).put(batch, document_n=document_n, fence=_COPIED)
            if extent is not None:
                tx.run("widen_extent", n=document_n, first=extent[0], last=extent[1])
                after: int | None = min(each.chunk.ordinal for each in some) - 1
                while after is not None:
                    after = note_quarters(tx, bot_n, document_n, _COPIED, after)
