"""Bytes, by reference and hash."""

from __future__ import annotations

from functools import partial

from palaver.attachment import Attachment
from palaver.clock import to_micros
from palaver.errors import NotFound
from palaver.stores.redis.access import Access
from palaver.stores.redis.places import take_place
from palaver.stores.redis.session import Session
from palaver.stores.redis.step import Move
from palaver.stores.redis.stored import StoredAttachment
from palaver.stores.redis.values import attachment


class RedisAttachments(Access):
    """``stores.base.AttachmentRows``"""

    async def put_attachment(self, tenant_id: str, attachment: Attachment, content: bytes) -> Attachment:
        await self._run(lambda db: _put(db, tenant_id, attachment, content), attachment.id)
        return attachment

    async def get_attachment(self, tenant_id: str, attachment_id: str) -> tuple[Attachment, bytes]:
        return await self._run(partial(_get, tenant_id=tenant_id, attachment_id=attachment_id))


async def _put(db: Session, tenant_id: str, value: Attachment, content: bytes) -> None:
    await put_attachment(db, tenant_id, value, content, used=False)


async def put_attachment(db: Session, tenant_id: str, value: Attachment, content: bytes, *, used: bool) -> None:
    """Keep bytes and a reference to them, as part of the step. The reference comes first: a purge finds bytes by it."""
    db.put(
        StoredAttachment(
            tenant_id=tenant_id,
            id=value.id,
            n=await take_place(db, StoredAttachment),
            name=value.name,
            media_type=value.media_type,
            size_bytes=value.size_bytes,
            sha256=value.sha256,
            created_at=to_micros(value.created_at),
            used=used,
        )
    )
    blob, refs = db.keys.blob(tenant_id, value.sha256)
    db.step.after.append(Move([], [("SET", blob, content), ("SADD", refs, value.id)]))


async def _get(db: Session, tenant_id: str, attachment_id: str) -> tuple[Attachment, bytes]:
    kept = await db.get(StoredAttachment, tenant_id, attachment_id)
    blob, _ = db.keys.blob(tenant_id, kept.sha256)
    (content,) = await db.ask(("GET", blob))
    if content is None or kept.doomed:
        raise NotFound
    return attachment(kept), content
