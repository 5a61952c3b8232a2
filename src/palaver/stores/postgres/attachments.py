"""Bytes, by reference and hash."""

from __future__ import annotations

from functools import partial

from palaver.attachment import Attachment
from palaver.clock import to_micros
from palaver.errors import NotFound
from palaver.stores.postgres.access import Access
from palaver.stores.postgres.session import Session
from palaver.stores.rows import attachment_of


class PostgresAttachments(Access):
    """``stores.base.AttachmentRows``"""

    async def put_attachment(self, tenant_id: str, attachment: Attachment, content: bytes) -> Attachment:
        return await self._write(partial(_put, tenant_id=tenant_id, attachment=attachment, content=content))

    async def get_attachment(self, tenant_id: str, attachment_id: str) -> tuple[Attachment, bytes]:
        row = await self._read(lambda db: db.row("attachment", id=attachment_id, tenant_id=tenant_id))
        if row is None:
            raise NotFound
        return attachment_of(row[:-1]), row[-1]


async def _put(db: Session, tenant_id: str, attachment: Attachment, content: bytes) -> Attachment:
    await db.run("insert_blob", tenant_id=tenant_id, sha256=attachment.sha256, content=content)
    await db.run(
        "insert_attachment",
        id=attachment.id,
        tenant_id=tenant_id,
        name=attachment.name,
        media_type=attachment.media_type,
        size_bytes=attachment.size_bytes,
        sha256=attachment.sha256,
        created_at=to_micros(attachment.created_at),
    )
    return attachment
