"""``hub.files`` in this process: how an upload becomes an attachment, and the images of a message."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from palaver.attaching import upload_of
from palaver.attachment import PREFIX, Attachment, FileSource, is_attachment_id
from palaver.clock import SystemClock, from_micros
from palaver.conversation import ImagePart
from palaver.errors import InvalidInput, NotFound
from palaver.filenames import safe_name
from palaver.hub.place import Place
from palaver.ids import new_id
from palaver.images import SUFFIXES, check_size
from palaver.models.base import ImageData
from palaver.once import once
from palaver.stores.orders import Made
from palaver.wire.checking import check
from palaver.wire.files import FileUpload


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as it was given; ``sha256`` is that of the given bytes, in hex."""

    content: bytes
    name: str
    sha256: str


def upload(content: bytes, name: str | None) -> Upload:
    """Return bytes as an upload."""
    return Upload(content=content, name=name or "", sha256=hashlib.sha256(content).hexdigest())


def _decoded(data: str, name: str | None = None) -> Upload:
    """Return what a ``data:`` URL holds."""
    try:
        content = base64.b64decode(data.partition(",")[2], validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("This is no base64.", code="invalid_file") from None
    return upload(content, name)


Enclosed = str | Upload
"""An attachment of a message that is about to be sent: the id of one that is there, or a file."""


class LocalFiles:
    """See ``surface.Files``."""

    def __init__(self, place: Place) -> None:
        self._place = place

    async def store(
        self, idempotency_key: str | None, given: Upload, *, file_id: str | None = None, owner: str = ""
    ) -> Made[Attachment]:
        """Keep an upload, and say whether an earlier call with the same key did. ``owner`` makes keys its own."""
        unique = once(idempotency_key, "files.create", owner, {"sha256": given.sha256, "name": given.name})
        attachment, content = await self._drawn(given, file_id)
        return await self._place.store.put_attachment(self._place.tenant_id, attachment, content, unique)

    async def decoded(self, body: FileUpload) -> Upload:
        """Return the upload that a request in JSON is."""
        return await asyncio.to_thread(_decoded, body.data, body.name)

    async def add(
        self, source: FileSource, *, name: str | None = None, idempotency_key: str | None = None
    ) -> Attachment:
        """See ``surface.Files.add``."""
        body = check(FileUpload, await upload_of(source, name))
        return (await self.store(idempotency_key, await self.decoded(body))).value

    async def get(self, file_id: str) -> Attachment:
        """See ``surface.Files.get``."""
        return (await self.read(file_id))[0]

    async def content(self, file_id: str) -> bytes:
        """See ``surface.Files.content``."""
        return (await self.read(file_id))[1]

    async def read(self, file_id: str) -> tuple[Attachment, bytes]:
        """Return a file and its bytes, unless all messages that refer to it are deleted."""
        known = self._place.known(PREFIX, file_id)
        found = await self._place.store.get_attachment(self._place.tenant_id, known)
        if not await self._place.store.shows_attachment(self._place.tenant_id, known):
            raise NotFound
        return found

    async def enclosed(self, given: Sequence[str | FileUpload]) -> Sequence[Enclosed]:
        """Return the attachments of a request with their bytes. Nothing is stored yet. Raises ``InvalidInput invalid_file``."""
        return [await self._enclosed(each) for each in given]

    async def _enclosed(self, given: str | FileUpload) -> Enclosed:
        match given:
            case FileUpload():
                return await self.decoded(given)
            case str() if is_attachment_id(given):
                return given
            case _:
                return await asyncio.to_thread(_decoded, given)

    async def parts(self, enclosed: Sequence[Enclosed]) -> tuple[ImagePart, ...]:
        """Return the parts of a message that refer to these. Files among them are stored, once all are known to be good.

        Raises:
            NotFound: There is no upload with this id.
            InvalidInput: What ``images.draw`` raises; ``file_too_large``: they hold too much together.
        """
        found = [await self._found(each) for each in enclosed]
        if found:
            check_size(sum(attachment.size_bytes for attachment, _ in found), self._place.images.limits)
        for attachment, content in found:
            if content is not None:
                await self._place.store.put_attachment(self._place.tenant_id, attachment, content)
        return tuple(ImagePart(attachment_id=each.id, media_type=each.media_type) for each, _ in found)

    async def shown(self, given: Sequence[str | FileUpload]) -> tuple[ImageData, ...]:
        """Return the attachments of a request as a model is given them, with nothing stored. Raises what ``parts`` raises."""
        found = [await self._shown(each) for each in await self.enclosed(given)]
        if found:
            check_size(sum(len(image.content) for image in found), self._place.images.limits)
        return tuple(found)

    async def _shown(self, enclosed: Enclosed) -> ImageData:
        attachment, content = await (self.read(enclosed) if isinstance(enclosed, str) else self._drawn(enclosed))
        return ImageData(content=content, media_type=attachment.media_type)

    async def _found(self, enclosed: Enclosed) -> tuple[Attachment, bytes | None]:
        """Return an attachment, and its bytes if they are still to be stored."""
        return (await self.get(enclosed), None) if isinstance(enclosed, str) else await self._drawn(enclosed)

    async def _drawn(self, given: Upload, file_id: str | None = None) -> tuple[Attachment, bytes]:
        drawn = await self._place.images.drawn(given.content)
        attachment = Attachment(
            id=file_id or new_id(PREFIX),
            name=safe_name(given.name, suffixes=SUFFIXES[drawn.media_type]),
            media_type=drawn.media_type,
            size_bytes=len(drawn.content),
            sha256=drawn.sha256,
            created_at=from_micros(SystemClock().micros()),
        )
        return attachment, drawn.content


def asked_with(enclosed: Sequence[Enclosed]) -> Sequence[object]:
    """What makes attachments the same in a request that is made again: an id, or a file's hash and name."""
    return [each if isinstance(each, str) else {"sha256": each.sha256, "name": each.name} for each in enclosed]
