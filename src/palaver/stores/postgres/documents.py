"""Documents: create, read, replace, delete, restore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from palaver.clock import from_micros, to_micros
from palaver.document import Document, DocumentSource, DocumentStatus
from palaver.errors import NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.documents import is_indexed_anew, new_document, replaced
from palaver.stores.keyset import by_key
from palaver.stores.knowledge_orders import DocumentDraft, DocumentFilter, Replacement
from palaver.stores.knowledge_rows import DOCUMENT_WIDTH, document_columns, document_of
from palaver.stores.orders import Made, Once
from palaver.stores.postgres.access import Access
from palaver.stores.postgres.bots import get_bot
from palaver.stores.postgres.once import made_before, made_by
from palaver.stores.postgres.session import Row, Session
from palaver.stores.scan import Scan


class DocumentState(NamedTuple):
    """``{document_state}``: what the store knows of a document beyond its value."""

    owner: str | None = None
    fence: int = 0
    ready_fence: int | None = None
    attempts: int = 0
    lease_until: int | None = None
    revision: int = 0


STATE_WIDTH = len(DocumentState._fields)


class PostgresDocuments(Access):
    """The documents of ``stores.knowledge.DocumentRows``"""

    async def create_document(
        self, tenant_id: str, draft: DocumentDraft, content: bytes, once: Once | None = None
    ) -> Made[Document]:
        return await self._write(partial(_create, tenant_id=tenant_id, draft=draft, content=content, once=once))

    async def find_made_document(self, tenant_id: str, once: Once) -> Document | None:
        return await self._read(partial(_find_made, tenant_id=tenant_id, once=once))

    async def get_document(self, tenant_id: str, document_id: str) -> Document:
        return await self._read(partial(_get, tenant_id=tenant_id, document_id=document_id))

    async def get_content(self, tenant_id: str, document_id: str) -> tuple[Document, bytes]:
        row = await self._read(lambda db: db.row("document_and_content", tenant_id=tenant_id, id=document_id))
        if row is None:
            raise NotFound
        return document_of(row), row[DOCUMENT_WIDTH]

    async def page_documents(self, tenant_id: str, wanted: DocumentFilter, window: Window) -> Slice[Document]:
        return await self._read(partial(_page, tenant_id=tenant_id, wanted=wanted, window=window))

    async def replace_document(
        self, tenant_id: str, document_id: str, replacement: Replacement, content: bytes | None
    ) -> Document:
        return await self._write(lambda db: _replace(db, tenant_id, document_id, replacement, content))

    async def delete_document(self, tenant_id: str, document_id: str) -> None:
        await self._write(partial(_delete, tenant_id=tenant_id, document_id=document_id))

    async def restore_document(self, tenant_id: str, document_id: str) -> Document:
        return await self._write(partial(_restore, tenant_id=tenant_id, document_id=document_id))


async def _get(db: Session, tenant_id: str, document_id: str) -> Document:
    row = await db.row("document", tenant_id=tenant_id, id=document_id)
    if row is None:
        raise NotFound
    return document_of(row)


def state_of(row: Row) -> DocumentState:
    """``{document_columns}, {document_state}, …``"""
    return DocumentState(*row[DOCUMENT_WIDTH : DOCUMENT_WIDTH + STATE_WIDTH])


async def document_to_change(db: Session, tenant_id: str, document_id: str) -> tuple[Document, DocumentState]:
    """Return a document, which nobody else changes until the commit; or raise ``NotFound``."""
    row = await db.row("document_to_change", tenant_id=tenant_id, id=document_id)
    if row is None:
        raise NotFound
    return document_of(row), state_of(row)


async def save(db: Session, tenant_id: str, document: Document, state: DocumentState) -> Document:
    """Write a document that is locked."""
    deleted_at = document.deleted_at and to_micros(document.deleted_at)
    columns = {**document_columns(document), "deleted_at": deleted_at}
    await db.run("update_document", tenant_id=tenant_id, **columns, **state._asdict())
    return document


async def leave_claim(db: Session, tenant_id: str, document: Document, state: DocumentState) -> DocumentState:
    """Return the state of a document whose newest claim, if there is one, has ended: what it wrote is residue."""
    if document.status is DocumentStatus.PROCESSING:
        await leave_chunks(db, tenant_id, document.id, state.fence)
    return state._replace(owner=None, attempts=0, lease_until=None)


async def leave_chunks(db: Session, tenant_id: str, document_id: str, fence: int | None) -> None:
    """Leave to the purge what was written under a fence, if there is one."""
    if fence is not None:
        await db.run("leave_chunks", tenant_id=tenant_id, document_id=document_id, fence=fence)


async def indexed_anew(db: Session, tenant_id: str, document: Document, state: DocumentState) -> DocumentState:
    """Return the state of a document after a change of what can be found, of which caches learn by the revision."""
    row = await db.row("next_revision", tenant_id=tenant_id, bot_id=document.bot_id)
    if row is None:
        raise NotFound
    return state._replace(revision=row[0])


async def _create(
    db: Session, tenant_id: str, draft: DocumentDraft, content: bytes, once: Once | None
) -> Made[Document]:
    known = await made_before(db, tenant_id, "document", once, draft.id)
    if known is not None:
        return Made(value=await _get(db, tenant_id, known), replayed=True)
    await get_bot(db, tenant_id, draft.bot_id)
    document = new_document(draft, len(content), from_micros(db.now))
    return Made(value=await insert(db, tenant_id, document, content, DocumentState()))


async def _find_made(db: Session, tenant_id: str, once: Once) -> Document | None:
    known = await made_by(db, tenant_id, "document", once)
    return None if known is None else await _get(db, tenant_id, known)


async def insert(db: Session, tenant_id: str, document: Document, content: bytes, state: DocumentState) -> Document:
    """Keep a new document and its content."""
    await db.run("insert_content", tenant_id=tenant_id, sha256=document.sha256, content=content)
    columns = {**document_columns(document), "bot_id": document.bot_id}
    await db.run("insert_document", tenant_id=tenant_id, **columns, **state._asdict())
    return document


async def _page(db: Session, tenant_id: str, wanted: DocumentFilter, window: Window) -> Slice[Document]:
    await get_bot(db, tenant_id, wanted.bot_id)
    scan = Scan.over(window, Order.DESC)
    where, order, start = by_key(scan, "d.n")
    params: dict[str, Any] = {"start": start, "tenant_id": tenant_id, "bot_id": wanted.bot_id, "limit": scan.rows}
    conditions = ["d.deleted_at > 0 AND d.deleted_at IS NOT NULL" if wanted.deleted else "d.deleted_at IS NULL"]
    equal: Mapping[str, DocumentStatus | DocumentSource | None] = {"status": wanted.status, "source": wanted.source}
    for column, value in equal.items():
        if value is not None:
            conditions.append(f"d.{column} = :{column}")
            params[column] = value.value
    rows = await db.select(
        f"SELECT {db.queries['document_columns']}, d.n FROM documents d"  # noqa: S608 - constants
        f" WHERE d.tenant_id = :tenant_id AND d.bot_id = :bot_id AND {' AND '.join(conditions)} AND {where}"
        f" ORDER BY {order} LIMIT :limit",
        params,
    )
    return scan.slice(rows, document_of, lambda row: (row[-1],))


async def _replace(
    db: Session, tenant_id: str, document_id: str, replacement: Replacement, content: bytes | None
) -> Document:
    document, state = await document_to_change(db, tenant_id, document_id)
    changed = replaced(document, replacement, content, from_micros(db.now))
    state = await leave_claim(db, tenant_id, document, state)
    if is_indexed_anew(document, replacement):
        state = await indexed_anew(db, tenant_id, document, state)
    if content is not None:
        await db.run("insert_content", tenant_id=tenant_id, sha256=changed.sha256, content=content)
    await save(db, tenant_id, changed, state)
    if changed.sha256 != document.sha256:
        await drop_content(db, tenant_id, document.sha256)
    return changed


async def drop_content(db: Session, tenant_id: str, sha256: str) -> None:
    """Remove bytes that no document has any more."""
    await db.row("lock_content", tenant_id=tenant_id, sha256=sha256)
    await db.run("drop_content", tenant_id=tenant_id, sha256=sha256)


async def _delete(db: Session, tenant_id: str, document_id: str) -> None:
    """Hide it. The next fence is nobody's: who was making it ready has lost that, also when it is restored."""
    document, state = await document_to_change(db, tenant_id, document_id)
    left = await leave_claim(db, tenant_id, document, state)
    state = left._replace(fence=state.fence + 1, attempts=state.attempts)
    if document.ready_version is not None:
        state = await indexed_anew(db, tenant_id, document, state)
    await save(db, tenant_id, replace(document, deleted_at=from_micros(db.now)), state)
    if document.source is DocumentSource.TRAINING:
        await db.run("take_marks_back", tenant_id=tenant_id, document_id=document_id)


async def _restore(db: Session, tenant_id: str, document_id: str) -> Document:
    row = await db.row("deleted_document", tenant_id=tenant_id, id=document_id)
    if row is None:
        return await _get(db, tenant_id, document_id)  # restoring what is there changes nothing
    document, state = replace(document_of(row), deleted_at=None), state_of(row)
    if document.ready_version is not None:
        state = await indexed_anew(db, tenant_id, document, state)
    return await save(db, tenant_id, document, state)
