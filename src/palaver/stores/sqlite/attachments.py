"""Bytes, by reference and hash."""

from __future__ import annotations

from functools import partial

from palaver.attachment import Attachment
from palaver.errors import NotFound
from palaver.stores.orders import Made, Once
from palaver.stores.rows import attachment_columns, attachment_of
from palaver.stores.sqlite.access import Access
from palaver.stores.sqlite.once import made_before, note_made
from palaver.stores.sqlite.transaction import Transaction


class SqliteAttachments(Access):
    """``stores.base.AttachmentRows``"""

    async def put_attachment(
        self, tenant_id: str, attachment: Attachment, content: bytes, once: Once | None = None
    ) -> Made[Attachment]:
        return await self._write(lambda tx: _put(tx, tenant_id, attachment, content, once))

    async def get_attachment(self, tenant_id: str, attachment_id: str) -> tuple[Attachment, bytes]:
        return await self._read(partial(_get, tenant_id=tenant_id, attachment_id=attachment_id))

    async def shows_attachment(
        self, tenant_id: str, attachment_id: str, *, bot_id: str | None = None, entity_id: str | None = None
    ) -> bool:
        where = {"id": attachment_id, "tenant_id": tenant_id, "bot_id": bot_id, "entity_id": entity_id}
        return await self._read(lambda tx: tx.row("attachment_is_shown", **where)) is not None


def _get(tx: Transaction, tenant_id: str, attachment_id: str) -> tuple[Attachment, bytes]:
    row = tx.row("attachment", id=attachment_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    return attachment_of(row[:-1]), row[-1]


def _put(
    tx: Transaction, tenant_id: str, attachment: Attachment, content: bytes, once: Once | None
) -> Made[Attachment]:
    known = made_before(tx, tenant_id, "attachment", once)
    if known is not None:
        return Made(value=_get(tx, tenant_id, known)[0], replayed=True)
    tx.run("insert_blob", tenant_id=tenant_id, sha256=attachment.sha256, content=content)
    tx.insert(
        "insert_attachment",
        tenant_id=tenant_id,
        **attachment_columns(attachment),
    )
    note_made(tx, tenant_id, "attachment", once, attachment.id)
    return Made(value=attachment)
