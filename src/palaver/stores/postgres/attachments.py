"""Bytes, by reference and hash."""

from __future__ import annotations

from functools import partial

from palaver.attachment import Attachment
from palaver.errors import NotFound
from palaver.stores.orders import Made, Once
from palaver.stores.postgres.access import Access
from palaver.stores.postgres.once import made_before
from palaver.stores.postgres.session import Session
from palaver.stores.rows import attachment_columns, attachment_of


class PostgresAttachments(Access):
    """``stores.base.AttachmentRows``"""

    async def put_attachment(
        self, tenant_id: str, attachment: Attachment, content: bytes, once: Once | None = None
    ) -> Made[Attachment]:
        return await self._write(lambda db: _put(db, tenant_id, attachment, content, once))

    async def get_attachment(self, tenant_id: str, attachment_id: str) -> tuple[Attachment, bytes]:
        return await self._read(partial(_get, tenant_id=tenant_id, attachment_id=attachment_id))

    async def shows_attachment(
        self, tenant_id: str, attachment_id: str, *, bot_id: str | None = None, entity_id: str | None = None
    ) -> bool:
        where = {"id": attachment_id, "tenant_id": tenant_id, "bot_id": bot_id, "entity_id": entity_id}
        return await self._read(lambda db: db.row("attachment_is_shown", **where)) is not None


async def _get(db: Session, tenant_id: str, attachment_id: str) -> tuple[Attachment, bytes]:
    row = await db.row("attachment", id=attachment_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    return attachment_of(row[:-1]), row[-1]


async def _put(
    db: Session, tenant_id: str, attachment: Attachment, content: bytes, once: Once | None
) -> Made[Attachment]:
    known = await made_before(db, tenant_id, "attachment", once, attachment.id)
    if known is not None:
        return Made(value=(await _get(db, tenant_id, known))[0], replayed=True)
    await db.run("insert_blob", tenant_id=tenant_id, sha256=attachment.sha256, content=content)
    await db.run(
        "insert_attachment",
        tenant_id=tenant_id,
        **attachment_columns(attachment),
    )
    return Made(value=attachment)
