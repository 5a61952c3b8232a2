"""``hub.documents`` in this process."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Any, Unpack

from palaver.arguments import DocumentFields, DocumentQuery, PageQuery
from palaver.document import Chunk, Document, DocumentSource, Source
from palaver.errors import Conflict
from palaver.hub.intake import Content
from palaver.hub.place import Place
from palaver.ids import new_id
from palaver.once import once
from palaver.page import Page
from palaver.settling import settled
from palaver.sources import File, told
from palaver.stores.knowledge_orders import DocumentDraft, DocumentFilter, Replacement
from palaver.stores.orders import Made
from palaver.training.sheet import training_csv
from palaver.wire import documents as wire
from palaver.wire.checking import check
from palaver.wire.pages import PageQuery as WirePageQuery

_CREATE = "documents.create"


class LocalDocuments:
    """See ``surface.Documents``."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def _known(self, document_id: str) -> str:
        return self._place.known("doc", document_id)

    async def make(
        self, idempotency_key: str | None, bot_id: str, file: File | None = None, **fields: Any
    ) -> Made[Document]:
        """Store a document of a file, or of what ``fields`` say, and say whether an earlier call with the same key did."""
        body = check(wire.DocumentCreate if file is None else wire.DocumentForm, fields)
        bot = await self._place.store.get_bot(self._place.tenant_id, self._place.known("bot", bot_id))
        if file is None and (known := await self._made_before(idempotency_key, bot.id, body)) is not None:
            return Made(value=known, replayed=True)
        content = await self._place.intake.take(body, file)
        assert content is not None, "a request to create one has a content"
        unique = once(idempotency_key, _CREATE, bot.id, _asked(body, file, content))
        draft = DocumentDraft(
            id=new_id("doc"),
            bot_id=bot.id,
            title=body.title or content.title,
            source=content.source,
            media_type=content.media_type,
            sha256=content.sha256,
            url=content.url,
            metadata=body.metadata,
        )
        made = await self._place.store.create_document(self._place.tenant_id, draft, content.raw, unique)
        self._place.ingestor.wake()
        return made

    async def _made_before(self, idempotency_key: str | None, bot_id: str, body: wire.DocumentForm) -> Document | None:
        """Return what the key made, so that no page is fetched for nothing."""
        unique = once(idempotency_key, _CREATE, bot_id, body.given())
        place = self._place
        return None if unique is None else await place.store.find_made_document(place.tenant_id, unique)

    async def add(
        self,
        bot_id: str,
        source: Source | None = None,
        *,
        wait: bool = True,
        idempotency_key: str | None = None,
        **fields: Unpack[DocumentFields],
    ) -> Document:
        """See ``surface.Documents.add``."""
        file, said = await told(source, fields)
        made = await self.make(idempotency_key, bot_id, file, **said)
        return await self.wait(made.value.id) if wait else made.value

    async def get(self, document_id: str) -> Document:
        """See ``surface.Documents.get``."""
        return await self._place.store.get_document(self._place.tenant_id, self._known(document_id))

    async def list(self, bot_id: str, **query: Unpack[DocumentQuery]) -> Page[Document]:
        """See ``surface.Documents.list``."""
        asked = check(wire.DocumentQuery, query)
        fields = asked.model_dump(exclude={"limit", "after", "before"})
        wanted = DocumentFilter(bot_id=self._place.known("bot", bot_id), **fields)
        listing = self._place.listing("documents", {"bot_id": bot_id, **fields})
        window = listing.window(limit=asked.limit, after=asked.after, before=asked.before)
        return listing.page(await self._place.store.page_documents(self._place.tenant_id, wanted, window))

    async def wait(self, document_id: str) -> Document:
        """See ``surface.Documents.wait``."""
        return await settled(partial(self.get, document_id))

    async def renew(self, document_id: str, file: File | None = None, **fields: Any) -> Document:
        """Begin a next version, of a file or of what ``fields`` say."""
        body = check(wire.DocumentEdit if file is None else wire.DocumentForm, fields)
        document = await self.get(document_id)
        if document.source is DocumentSource.TRAINING:
            raise Conflict("What a bot was trained on has no content to replace: untrain it, and train again.")
        content = await self._place.intake.take(body, file)
        replaced = await self._place.store.replace_document(
            self._place.tenant_id,
            document.id,
            _replacement(body, content),
            None if content is None else content.raw,
        )
        self._place.ingestor.wake()
        return replaced

    async def replace(
        self, document_id: str, source: Source | None = None, *, wait: bool = True, **fields: Unpack[DocumentFields]
    ) -> Document:
        """See ``surface.Documents.replace``."""
        file, said = await told(source, fields)
        replaced = await self.renew(document_id, file, **said)
        return await self.wait(replaced.id) if wait else replaced

    async def delete(self, document_id: str) -> None:
        """See ``surface.Documents.delete``."""
        await self._place.store.delete_document(self._place.tenant_id, self._known(document_id))

    async def restore(self, document_id: str) -> Document:
        """See ``surface.Documents.restore``."""
        return await self._place.store.restore_document(self._place.tenant_id, self._known(document_id))

    async def read(self, document_id: str) -> tuple[Document, bytes | AsyncGenerator[bytes]]:
        """Return a document and its newest content; of what a bot was trained on, the pairs as CSV, part by part."""
        place = self._place
        document, content = await place.store.get_content(place.tenant_id, self._known(document_id))
        if document.source is DocumentSource.TRAINING:
            return document, training_csv(place.store, place.tenant_id, document.id)
        return document, content

    async def content(self, document_id: str) -> bytes:
        """See ``surface.Documents.content``."""
        _, content = await self.read(document_id)
        if isinstance(content, bytes):
            return content
        async with aclosing(content):
            return b"".join([part async for part in content])

    async def chunks(self, document_id: str, **page: Unpack[PageQuery]) -> Page[Chunk]:
        """See ``surface.Documents.chunks``."""
        query = check(WirePageQuery, page)
        known = self._known(document_id)
        listing = self._place.listing("chunks", {"document_id": known})
        window = listing.window(limit=query.limit, after=query.after, before=query.before)
        return listing.page(await self._place.store.page_chunks(self._place.tenant_id, known, window))


def _asked(body: wire.DocumentForm, file: File | None, content: Content) -> dict[str, Any]:
    """What makes a request the same: a page may change, its address does not."""
    if file is None:
        return body.given()
    return {**body.given(), "name": file.name, "media_type": file.media_type, "sha256": content.sha256}


def _replacement(body: wire.DocumentForm, content: Content | None) -> Replacement:
    metadata = body.metadata if "metadata" in body.model_fields_set else None
    if content is None:
        return Replacement(title=body.title, metadata=metadata)
    return Replacement(
        title=body.title,
        source=content.source,
        url=content.url,
        media_type=content.media_type,
        sha256=content.sha256,
        metadata=metadata,
    )
