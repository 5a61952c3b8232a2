"""Documents: create, read, list, replace, delete, restore."""

from __future__ import annotations

from functools import partial

from palaver.clock import from_micros
from palaver.document import Document, DocumentSource
from palaver.errors import NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.documents import is_indexed_anew, new_document, replaced
from palaver.stores.keyset import by_key
from palaver.stores.knowledge_orders import DocumentDraft, DocumentFilter, Replacement
from palaver.stores.knowledge_rows import DOCUMENT_WIDTH, document_columns, document_of
from palaver.stores.orders import Made, Once
from palaver.stores.scan import Scan
from palaver.stores.sqlite.access import Access
from palaver.stores.sqlite.blobs import forget_content
from palaver.stores.sqlite.bots import bot_with_key
from palaver.stores.sqlite.document_rows import leave_unfinished, live_document, revise, update
from palaver.stores.sqlite.once import made_before, note_made
from palaver.stores.sqlite.transaction import Transaction


class SqliteDocuments(Access):
    """The documents of ``stores.knowledge.DocumentRows``"""

    async def create_document(
        self, tenant_id: str, draft: DocumentDraft, content: bytes, once: Once | None = None
    ) -> Made[Document]:
        return await self._write(lambda tx: _create(tx, tenant_id, draft, content, once))

    async def find_made_document(self, tenant_id: str, once: Once) -> Document | None:
        return await self._read(lambda tx: _find_made(tx, tenant_id, once), snapshot=True)

    async def get_document(self, tenant_id: str, document_id: str) -> Document:
        return (await self._read(partial(live_document, tenant_id=tenant_id, document_id=document_id)))[0]

    async def get_content(self, tenant_id: str, document_id: str) -> tuple[Document, bytes]:
        return await self._read(partial(_content, tenant_id=tenant_id, document_id=document_id), snapshot=True)

    async def page_documents(self, tenant_id: str, wanted: DocumentFilter, window: Window) -> Slice[Document]:
        return await self._read(partial(_page, tenant_id=tenant_id, wanted=wanted, window=window), snapshot=True)

    async def replace_document(
        self, tenant_id: str, document_id: str, replacement: Replacement, content: bytes | None
    ) -> Document:
        return await self._write(lambda tx: _replace(tx, tenant_id, document_id, replacement, content))

    async def delete_document(self, tenant_id: str, document_id: str) -> None:
        await self._write(partial(_delete, tenant_id=tenant_id, document_id=document_id))

    async def restore_document(self, tenant_id: str, document_id: str) -> Document:
        return await self._write(partial(_restore, tenant_id=tenant_id, document_id=document_id))


def insert_document(tx: Transaction, tenant_id: str, bot_n: int, document: Document, content: bytes) -> int:
    """Store a document and its content. Returns its integer key."""
    tx.run("insert_blob", tenant_id=tenant_id, sha256=document.sha256, content=content)
    return tx.insert("insert_document", tenant_id=tenant_id, bot_n=bot_n, **document_columns(document))


def _find_made(tx: Transaction, tenant_id: str, once: Once | None) -> Document | None:
    known = made_before(tx, tenant_id, "document", once)
    return None if known is None else live_document(tx, tenant_id, known)[0]


def _create(tx: Transaction, tenant_id: str, draft: DocumentDraft, content: bytes, once: Once | None) -> Made[Document]:
    known = _find_made(tx, tenant_id, once)
    if known is not None:
        return Made(value=known, replayed=True)
    _, bot_n = bot_with_key(tx, tenant_id, draft.bot_id)
    document = new_document(draft, len(content), from_micros(tx.now))
    insert_document(tx, tenant_id, bot_n, document, content)
    note_made(tx, tenant_id, "document", once, draft.id)
    return Made(value=live_document(tx, tenant_id, draft.id)[0])


def _content(tx: Transaction, tenant_id: str, document_id: str) -> tuple[Document, bytes]:
    document, _ = live_document(tx, tenant_id, document_id)
    row = tx.row("content", tenant_id=tenant_id, sha256=document.sha256)
    if row is None:
        raise NotFound
    return document, row[0]


def _page(tx: Transaction, tenant_id: str, wanted: DocumentFilter, window: Window) -> Slice[Document]:
    _, bot_n = bot_with_key(tx, tenant_id, wanted.bot_id)
    scan = Scan.over(window, Order.DESC)
    where, order, start = by_key(scan, "d.n")
    where += " AND d.deleted_at IS NOT NULL AND d.purging = 0" if wanted.deleted else " AND d.deleted_at IS NULL"
    if wanted.status is not None:
        where += " AND d.status = :status"
    if wanted.source is not None:
        where += " AND +d.source = :source"  # the walk is along the index of all, not that of the trained ones
    rows = tx.select(
        f"SELECT {tx.queries['document_columns']}, d.n FROM documents d CROSS JOIN bots b ON b.n = d.bot_n"  # noqa: S608 - constants
        f" WHERE d.bot_n = :bot_n AND {where} ORDER BY {order} LIMIT :limit",
        {"start": start, "bot_n": bot_n, "status": wanted.status, "source": wanted.source, "limit": scan.rows},
    )
    return scan.slice(rows, document_of, lambda row: (row[DOCUMENT_WIDTH],))


def _replace(
    tx: Transaction, tenant_id: str, document_id: str, replacement: Replacement, content: bytes | None
) -> Document:
    document, state = live_document(tx, tenant_id, document_id)
    changed = replaced(document, replacement, content, from_micros(tx.now))
    if content is not None:
        tx.run("insert_blob", tenant_id=tenant_id, sha256=changed.sha256, content=content)
    leave_unfinished(tx, document, state)
    update(tx, changed)
    tx.run("end_claim", n=state.n)
    if changed.sha256 != document.sha256:
        forget_content(tx, tenant_id, document.sha256)
    if is_indexed_anew(document, replacement):
        revise(tx, state)
    return live_document(tx, tenant_id, document_id)[0]


def _delete(tx: Transaction, tenant_id: str, document_id: str) -> None:
    document, state = live_document(tx, tenant_id, document_id)
    leave_unfinished(tx, document, state)
    tx.run("delete_document", n=state.n, now=tx.now)
    if document.source is DocumentSource.TRAINING:
        tx.run("take_marks_of_run_back", n=state.n)
    if document.ready_version is not None:
        revise(tx, state)


def _restore(tx: Transaction, tenant_id: str, document_id: str) -> Document:
    row = tx.row("deleted_document", id=document_id, tenant_id=tenant_id)
    if row is not None:
        tx.run("restore_document", n=row[0])
    document, state = live_document(tx, tenant_id, document_id)
    if row is not None and document.ready_version is not None:
        revise(tx, state)
    return document
