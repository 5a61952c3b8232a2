"""``hub.documents`` over HTTP."""

from __future__ import annotations

from functools import partial
from typing import Unpack

from palaver.arguments import DocumentFields, DocumentQuery, PageQuery
from palaver.client.nouns import Noun, path_of
from palaver.client.transport import Call
from palaver.document import Chunk, Document, Source
from palaver.page import Page
from palaver.settling import settled
from palaver.sources import told
from palaver.wire.checking import check
from palaver.wire.documents import DocumentForm


def _path(document_id: str, action: str = "") -> str:
    return path_of("documents", "doc", document_id, action)


async def _giving(path: str, source: Source | None, fields: DocumentFields) -> Call:
    """Return the call that sends a document; the fields of a form are checked here, where they still have their types."""
    file, said = await told(source, fields)
    body = said if file is None else check(DocumentForm, said).given()
    return Call(method="POST", path=path, body=body, file=file)


class HttpDocuments(Noun):
    """See ``surface.Documents``."""

    async def add(
        self,
        bot_id: str,
        source: Source | None = None,
        *,
        wait: bool = True,
        idempotency_key: str | None = None,
        **fields: Unpack[DocumentFields],
    ) -> Document:
        call = await _giving(path_of("bots", "bot", bot_id, "documents"), source, fields)
        made = await self._send(Document, call.keyed(idempotency_key))
        return await self.wait(made.id) if wait else made

    async def get(self, document_id: str) -> Document:
        return await self._get(Document, _path(document_id))

    async def list(self, bot_id: str, **query: Unpack[DocumentQuery]) -> Page[Document]:
        return await self._page(Document, path_of("bots", "bot", bot_id, "documents"), query)

    async def wait(self, document_id: str) -> Document:
        return await settled(partial(self.get, document_id))

    async def replace(
        self, document_id: str, source: Source | None = None, *, wait: bool = True, **fields: Unpack[DocumentFields]
    ) -> Document:
        replaced = await self._send(Document, await _giving(_path(document_id, "replace"), source, fields))
        return await self.wait(replaced.id) if wait else replaced

    async def delete(self, document_id: str) -> None:
        await self._transport.send(Call(method="DELETE", path=_path(document_id)))

    async def restore(self, document_id: str) -> Document:
        return await self._send(Document, Call(method="POST", path=_path(document_id, "restore"), repeatable=True))

    async def content(self, document_id: str) -> bytes:
        return (await self._transport.fetch(Call(method="GET", path=_path(document_id, "content")))).content

    async def chunks(self, document_id: str, **page: Unpack[PageQuery]) -> Page[Chunk]:
        return await self._page(Chunk, _path(document_id, "chunks"), page)
