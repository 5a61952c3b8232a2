"""Documents: kept with their content in a slot of their own, replaced, deleted, restored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from palaver.clock import from_micros
from palaver.document import Document, DocumentStatus
from palaver.errors import NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.documents import NOTHING, is_indexed_anew, new_document, replaced
from palaver.stores.knowledge_orders import DocumentDraft, DocumentFilter, Replacement
from palaver.stores.orders import Made, Once
from palaver.stores.redis import chunk_rows, pruning
from palaver.stores.redis.access import Access
from palaver.stores.redis.announcements import announcement
from palaver.stores.redis.bots import live_bot
from palaver.stores.redis.claims import made_before, made_by
from palaver.stores.redis.indexes import mapped, page
from palaver.stores.redis.logs import together
from palaver.stores.redis.places import take_place
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredDocument
from palaver.stores.redis.values import document, stored_document, with_document


class RedisDocuments(Access):
    """``stores.knowledge.DocumentRows``, but for their way into the index"""

    async def create_document(
        self, tenant_id: str, draft: DocumentDraft, content: bytes, once: Once | None = None
    ) -> Made[Document]:
        about = once.key if once else draft.id
        return await self._run(lambda db: _create(db, tenant_id, draft, content, once), about)

    async def find_made_document(self, tenant_id: str, once: Once) -> Document | None:
        return await self._run(partial(_find_made, tenant_id=tenant_id, once=once))

    async def get_document(self, tenant_id: str, document_id: str) -> Document:
        return document(await self._run(partial(live_document, tenant_id=tenant_id, document_id=document_id)))

    async def get_content(self, tenant_id: str, document_id: str) -> tuple[Document, bytes]:
        return await self._run(partial(_content, tenant_id=tenant_id, document_id=document_id))

    async def page_documents(self, tenant_id: str, wanted: DocumentFilter, window: Window) -> Slice[Document]:
        return await self._run(partial(_page, tenant_id=tenant_id, wanted=wanted, window=window))

    async def replace_document(
        self, tenant_id: str, document_id: str, replacement: Replacement, content: bytes | None
    ) -> Document:
        return await self._run(lambda db: _replace(db, tenant_id, document_id, replacement, content), document_id)

    async def delete_document(self, tenant_id: str, document_id: str) -> None:
        await self._run(partial(_delete, tenant_id=tenant_id, document_id=document_id), document_id)

    async def restore_document(self, tenant_id: str, document_id: str) -> Document:
        return await self._run(partial(_restore, tenant_id=tenant_id, document_id=document_id), document_id)


async def live_document(db: Session, tenant_id: str, document_id: str) -> StoredDocument:
    """Return a document that is not deleted, nor is its bot; or raise ``NotFound``."""
    found = await db.get(StoredDocument, tenant_id, document_id)
    await live_bot(db, tenant_id, found.bot_id)
    if found.deleted_at is not None:
        raise NotFound
    return found


def announce(db: Session, kept: StoredDocument) -> None:
    """Tell, after the step, of a change of what can be found, if anything of the document can."""
    if kept.ready_version is not None:
        db.step.after.append(announcement(db.keys, kept))


def unclaimed(kept: StoredDocument) -> StoredDocument:
    """Return a document whose claim has ended for good."""
    return replace(kept, owner=None, lease_until=None, attempts=0, next_span=0)


def put_content(db: Session, kept: StoredDocument, content: bytes) -> None:
    """Keep the newest content of a document, as part of the step."""
    db.write("SET", content_key(db, kept.id), content)


def content_key(db: Session, document_id: str) -> str:
    """Where the newest content of a document is."""
    return db.keys.of("content", document_id)


async def _create(
    db: Session, tenant_id: str, draft: DocumentDraft, content: bytes, once: Once | None
) -> Made[Document]:
    known = await made_before(db, tenant_id, StoredDocument, once, draft.id)
    if known is not None:
        return Made(value=document(await live_document(db, tenant_id, known.id)), replayed=True)
    await live_bot(db, tenant_id, draft.bot_id)
    value = new_document(draft, len(content), from_micros(db.now))
    kept = stored_document(tenant_id, await take_place(db, StoredDocument), value, once)
    db.put(kept)
    put_content(db, kept, content)
    return Made(value=value)


async def _find_made(db: Session, tenant_id: str, once: Once) -> Document | None:
    known = await made_by(db, tenant_id, StoredDocument, once)
    return None if known is None else document(await live_document(db, tenant_id, known.id))


async def _content(db: Session, tenant_id: str, document_id: str) -> tuple[Document, bytes]:
    key = db.keys.of(StoredDocument.KIND, document_id)
    ((kept, content),) = await db.ask(together(db, ("GET", key), ("GET", content_key(db, document_id))))
    db.learn(StoredDocument, key, kept)
    return document(await live_document(db, tenant_id, document_id)), content or NOTHING


async def _page(db: Session, tenant_id: str, wanted: DocumentFilter, window: Window) -> Slice[Document]:
    await live_bot(db, tenant_id, wanted.bot_id)

    async def fits(found: Sequence[StoredDocument]) -> Sequence[bool]:
        return [
            wanted.status in (None, each.status) and wanted.source in (None, each.source) and not each.doomed
            for each in found
        ]

    return mapped(await page(db, StoredDocument, _list(wanted), window, Order.DESC, keep=fits), document)


def _list(wanted: DocumentFilter) -> str:
    if wanted.deleted:
        return f"documents.deleted:{wanted.bot_id}"
    unready = wanted.status not in (None, DocumentStatus.READY)
    return f"documents.{wanted.status if unready else 'live'}:{wanted.bot_id}"


async def _replace(
    db: Session, tenant_id: str, document_id: str, replacement: Replacement, content: bytes | None
) -> Document:
    kept = await live_document(db, tenant_id, document_id)
    if kept.version != kept.ready_version:
        chunk_rows.forget(db, kept, kept.version)
    value = replaced(document(kept), replacement, content, from_micros(db.now))
    next_one = unclaimed(with_document(kept, value))
    db.put(next_one)
    if content is not None:
        put_content(db, kept, content)
    if is_indexed_anew(value, replacement):
        announce(db, next_one)
    return value


async def _delete(db: Session, tenant_id: str, document_id: str) -> None:
    kept = await live_document(db, tenant_id, document_id)
    kept = replace(kept, deleted_at=db.now, fence=kept.fence + 1, owner=None, lease_until=None)
    db.put(kept)
    announce(db, kept)


async def _restore(db: Session, tenant_id: str, document_id: str) -> Document:
    kept = await db.get(StoredDocument, tenant_id, document_id)
    await live_bot(db, tenant_id, kept.bot_id)
    if kept.doomed:
        raise NotFound
    if kept.deleted_at is not None:  # restoring what is there changes nothing
        kept = replace(kept, deleted_at=None)
        db.put(kept)
        await pruning.note_others(db, kept)
        announce(db, kept)
    return document(kept)
