"""Bytes, by reference and hash."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from palaver.attachment import Attachment
from palaver.errors import NotFound
from palaver.stores.orders import Made, Once
from palaver.stores.redis.access import Access
from palaver.stores.redis.claims import made_before
from palaver.stores.redis.links import REFS
from palaver.stores.redis.places import take_place
from palaver.stores.redis.session import Session
from palaver.stores.redis.step import Move
from palaver.stores.redis.stored import StoredAttachment, StoredMessage
from palaver.stores.redis.values import attachment, stored_attachment


class RedisAttachments(Access):
    """``stores.base.AttachmentRows``"""

    async def put_attachment(
        self, tenant_id: str, attachment: Attachment, content: bytes, once: Once | None = None
    ) -> Made[Attachment]:
        return await self._run(lambda db: _put(db, tenant_id, attachment, content, once), attachment.id)

    async def get_attachment(self, tenant_id: str, attachment_id: str) -> tuple[Attachment, bytes]:
        return await self._run(partial(_get, tenant_id=tenant_id, attachment_id=attachment_id))

    async def shows_attachment(
        self, tenant_id: str, attachment_id: str, *, bot_id: str | None = None, entity_id: str | None = None
    ) -> bool:
        whose = None if bot_id is None else (bot_id, entity_id)
        return await self._run(lambda db: _shows(db, tenant_id, attachment_id, whose))


async def _put(db: Session, tenant_id: str, value: Attachment, content: bytes, once: Once | None) -> Made[Attachment]:
    known = await made_before(db, tenant_id, StoredAttachment, once, value.id)
    if known is not None:
        return Made(value=attachment(known), replayed=True)
    kept = stored_attachment(tenant_id, await take_place(db, StoredAttachment), value, once)
    keep_attachment(db, kept, content)
    return Made(value=value)


def keep_attachment(db: Session, kept: StoredAttachment, content: bytes) -> None:
    """Keep bytes and a reference to them, as part of the step. The reference comes first: a purge finds bytes by it."""
    db.put(kept)
    blob, refs = db.keys.blob(kept.tenant_id, kept.sha256)
    db.step.after.append(Move([], [("SET", blob, content), ("SADD", refs, kept.id)]))


async def _shows(db: Session, tenant_id: str, attachment_id: str, whose: tuple[str, str | None] | None) -> bool:
    kept = await db.find(StoredAttachment, attachment_id)
    if kept is None or kept.tenant_id != tenant_id or kept.doomed:
        return False
    if not kept.used:
        return whose is None
    (referring,) = await db.ask(("SMEMBERS", db.keys.of(REFS, attachment_id)))
    for message in await db.find_all(StoredMessage, [each.decode() for each in referring]):
        if message is not None and message.deleted_at is None:
            with suppress(NotFound):
                conversation, _ = await db.live(tenant_id, message.conversation_id)
                if whose in (None, (conversation.bot_id, conversation.entity_id)):
                    return True
    return False


async def _get(db: Session, tenant_id: str, attachment_id: str) -> tuple[Attachment, bytes]:
    kept = await db.get(StoredAttachment, tenant_id, attachment_id)
    blob, _ = db.keys.blob(tenant_id, kept.sha256)
    (content,) = await db.ask(("GET", blob))
    if content is None or kept.doomed:
        raise NotFound
    return attachment(kept), content
