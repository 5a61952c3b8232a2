"""Bytes, by reference and hash.

Bytes lie in the slot of their hash, with the references to them and the messages that have these. A message is noted
there before it is written, and forgotten there before it is removed: bytes can be kept too long, never too short.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from palaver.attachment import Attachment
from palaver.clock import to_micros
from palaver.errors import Conflict, NotFound
from palaver.stores.redis.access import Access
from palaver.stores.redis.kept import dump
from palaver.stores.redis.keys import UNUSED, Keys
from palaver.stores.redis.session import Session, answer
from palaver.stores.rows import attachment_of

_COLUMNS = ("id", "name", "media_type", "size_bytes", "sha256", "created_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Where an attachment is. ``place`` is the text of its place among the tenant's."""

    tenant_id: str
    id: str
    sha256: str
    place: str

    def key(self, keys: Keys, name: str) -> str:
        """Of something in the slot of the bytes."""
        return keys.content(self.tenant_id, self.sha256, name)

    def links(self, keys: Keys) -> str:
        """Of the messages that have it."""
        return self.key(keys, f"links/{self.id}")

    @property
    def unused_member(self) -> str:
        """What stands for it in the list of those that no message has."""
        return f"{self.id} {self.sha256} {self.place} {self.tenant_id}"

    @property
    def listed_member(self) -> str:
        """What stands for it in its tenant's list."""
        return f"{self.sha256} {self.place} {self.id}"


def reference_of(member: str) -> Reference:
    """Read a member of the list of unused ones."""
    attachment_id, sha256, place, tenant_id = member.split(" ", 3)
    return Reference(tenant_id=tenant_id, id=attachment_id, sha256=sha256, place=place)


class Linking(Access):
    """What messages do to attachments."""

    async def _find(self, tenant_id: str, attachment_id: str) -> Reference | None:
        raw = (await self._wire.ask([("GET", self._keys.inside(attachment_id))]))[0]
        if raw is None:
            return None
        place, sha256, owner = raw.decode().split(" ", 2)
        if owner != tenant_id:
            return None
        return Reference(tenant_id=tenant_id, id=attachment_id, sha256=sha256, place=place)

    async def _link(self, tenant_id: str, message_id: str, attachment_ids: Sequence[str]) -> None:
        """Note that a message has these attachments; those that are unknown here are passed over."""
        for attachment_id in attachment_ids:
            found = await self._find(tenant_id, attachment_id)
            if found is not None:
                await self._write(partial(_link, reference=found, message_id=message_id), attachment_id)

    async def _unlink(self, tenant_id: str, message_id: str, attachment_ids: Sequence[str]) -> None:
        """Forget that a message has these."""
        for attachment_id in attachment_ids:
            found = await self._find(tenant_id, attachment_id)
            if found is not None:
                await self._wire.put([("SREM", found.links(self._keys), message_id)])

    async def _let_go(self, tenant_id: str, message_id: str, attachment_ids: Sequence[str]) -> None:
        """Forget that a message has these; what no message has any more is removed."""
        await self._unlink(tenant_id, message_id, attachment_ids)
        for attachment_id in attachment_ids:
            found = await self._find(tenant_id, attachment_id)
            if found is not None:
                await self._remove(found)

    async def _remove(self, reference: Reference) -> bool:
        """Remove an attachment, unless a message has it."""
        if not await self._write(partial(_remove, reference=reference), reference.id):
            return False
        keys = self._keys
        await self._wire.put([("UNLINK", keys.inside(reference.id))])
        await self._wire.put([("ZREM", keys.tenant(reference.tenant_id, "attachments"), reference.listed_member)])
        await self._wire.put([("ZREM", keys.listing(UNUSED), reference.unused_member)])
        return True

    async def _keep(self, tenant_id: str, attachment: Attachment, content: bytes, *, used: bool) -> None:
        """Keep bytes and a reference. It is listed first: what is listed and not there was never finished."""
        number = (await self._wire.put([("INCR", self._keys.counter("attachments"))]))[0]
        place = f"{int(number):016d}"
        made = Reference(tenant_id=tenant_id, id=attachment.id, sha256=attachment.sha256, place=place)
        keys = self._keys
        if not used:
            created_at = to_micros(attachment.created_at)
            await self._wire.put([("ZADD", keys.listing(UNUSED), created_at, made.unused_member)])
        await self._wire.put([("ZADD", keys.tenant(tenant_id, "attachments"), 0, made.listed_member)])
        operation = partial(_keep, reference=made, attachment=attachment, content=content, used=used)
        await self._write(operation, attachment.sha256)
        await self._wire.put([("SET", keys.inside(attachment.id), f"{place} {attachment.sha256} {tenant_id}")])


class RedisAttachments(Linking):
    """``stores.base.AttachmentRows``"""

    async def put_attachment(self, tenant_id: str, attachment: Attachment, content: bytes) -> Attachment:
        if (await self._wire.ask([("EXISTS", self._keys.inside(attachment.id))]))[0]:
            raise Conflict("An attachment with this id exists already.")
        await self._keep(tenant_id, attachment, content, used=False)
        return attachment

    async def get_attachment(self, tenant_id: str, attachment_id: str) -> tuple[Attachment, bytes]:
        found = await self._find(tenant_id, attachment_id)
        if found is None:
            raise NotFound
        row, content = await self._wire.ask(
            [("HGET", found.key(self._keys, "refs"), attachment_id), ("GET", found.key(self._keys, "bytes"))]
        )
        if row is None or content is None:
            raise NotFound
        return attachment_in(row)[0], content


def attachment_in(raw: bytes) -> tuple[Attachment, bool]:
    """Read a reference, and whether it was copied as one that was used."""
    row: dict[str, Any] = json.loads(raw)
    return attachment_of([row.get(name) for name in _COLUMNS]), bool(row.get("used"))


async def _keep(db: Session, reference: Reference, attachment: Attachment, content: bytes, *, used: bool) -> None:
    columns = {
        "id": attachment.id,
        "name": attachment.name,
        "media_type": attachment.media_type,
        "size_bytes": attachment.size_bytes,
        "sha256": attachment.sha256,
        "created_at": to_micros(attachment.created_at),
        "used": int(used) or None,
    }
    db.do("HSETNX", reference.key(db.keys, "refs"), attachment.id, dump(columns))
    db.do("SET", reference.key(db.keys, "bytes"), content, "NX")


async def _link(db: Session, reference: Reference, message_id: str) -> None:
    if await db.one(answer("HEXISTS", reference.key(db.keys, "refs"), reference.id)):
        db.check("1", "HEXISTS", reference.key(db.keys, "refs"), reference.id)
        db.do("SADD", reference.links(db.keys), message_id)


async def _remove(db: Session, reference: Reference) -> bool:
    refs, links = reference.key(db.keys, "refs"), reference.links(db.keys)
    count, linked = await db.read(answer("HLEN", refs), answer("SCARD", links))
    if linked:
        return False
    db.check("0", "SCARD", links)
    db.check(str(count), "HLEN", refs)
    there = await db.one(answer("HEXISTS", refs, reference.id))
    db.do("HDEL", refs, reference.id)
    if count - there == 0:
        db.do("UNLINK", reference.key(db.keys, "bytes"))
    return True
