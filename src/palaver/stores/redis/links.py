"""Which messages refer to which attachments, and the bytes of these: a set of references beside each."""

from __future__ import annotations

from dataclasses import replace

from palaver.conversation import FilePart, ImagePart, Part
from palaver.stores.redis.claims import forget_once
from palaver.stores.redis.server import Command
from palaver.stores.redis.session import Session
from palaver.stores.redis.step import Move
from palaver.stores.redis.stored import StoredAttachment

REFS = "refs"


def attachments_of(parts: tuple[Part, ...]) -> list[str]:
    """Return the ids of the attachments that a message refers to."""
    return [part.attachment_id for part in parts if isinstance(part, ImagePart | FilePart)]


async def link(db: Session, tenant_id: str, message_id: str, attachment_ids: list[str]) -> None:
    """Note which attachments a message refers to, as part of the step; those that are not there are passed over."""
    for kept in await db.find_all(StoredAttachment, attachment_ids):
        if kept is not None and kept.tenant_id == tenant_id and not kept.doomed:
            if not kept.used:
                db.put(replace(kept, used=True))
            refs = db.keys.of(REFS, kept.id)
            there: Command = ("EXISTS", db.keys.of(kept.KIND, kept.id))
            db.step.before.append(Move([(there, 1)], [("SADD", refs, message_id)]))


async def unlink(db: Session, attachment_id: str, message_id: str) -> None:
    """Forget that a message refers to an attachment, which is doomed with its last reference."""
    kept = await db.find(StoredAttachment, attachment_id)
    if kept is None:
        return
    refs = db.keys.of(REFS, attachment_id)
    count, is_in = await db.ask(("SCARD", refs), ("SISMEMBER", refs, message_id))
    if is_in:
        db.expect(count, "SCARD", refs)
        db.write("SREM", refs, message_id)
        db.put(replace(kept, doomed=kept.doomed or count == 1))


async def doom(db: Session, attachment_id: str) -> StoredAttachment | None:
    """Give an attachment up, unless a message has come to refer to it; return it then."""
    kept = await db.find(StoredAttachment, attachment_id)
    if kept is None or (kept.used and not kept.doomed):
        return None
    if not kept.doomed:
        kept = replace(kept, doomed=True)
        db.put(kept)
    return kept


async def let_go(db: Session, kept: StoredAttachment) -> None:
    """Remove the bytes of an attachment that was given up, if no other has them."""
    blob, refs = db.keys.blob(kept.tenant_id, kept.sha256)
    count, is_in = await db.ask(("SCARD", refs), ("SISMEMBER", refs, kept.id))
    if is_in:
        db.decide(refs)
        db.expect(count, "SCARD", refs)
        db.write("SREM", refs, kept.id)
        if count == 1:
            db.write("UNLINK", blob)


async def drop(db: Session, attachment_id: str) -> None:
    """Remove an attachment that was given up."""
    kept = await db.find(StoredAttachment, attachment_id)
    if kept is not None:
        await forget_once(db, kept.tenant_id, StoredAttachment, kept.key, kept.id)
        db.drop(kept)
