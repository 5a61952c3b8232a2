"""``hub.files`` over HTTP."""

from __future__ import annotations

from palaver.attaching import upload_of
from palaver.attachment import PREFIX, Attachment, FileSource
from palaver.client.nouns import Noun, path_of
from palaver.client.transport import Call


class HttpFiles(Noun):
    """See ``surface.Files``."""

    async def add(
        self, source: FileSource, *, name: str | None = None, idempotency_key: str | None = None
    ) -> Attachment:
        call = Call(method="POST", path="/v1/files", body=await upload_of(source, name)).keyed(idempotency_key)
        return await self._send(Attachment, call)

    async def get(self, file_id: str) -> Attachment:
        return await self._get(Attachment, path_of("files", PREFIX, file_id))

    async def content(self, file_id: str) -> bytes:
        call = Call(method="GET", path=path_of("files", PREFIX, file_id, "content"))
        return (await self._transport.fetch(call)).content
