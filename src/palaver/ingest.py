"""Makes documents ready, in the background: read in a child process, cut into chunks, embedded, written, published.

Any process may do it for any tenant: a claim has a lease and a fence, as a turn has. What was written for a version is found
by nobody until it is published in one step, so a process that dies in the middle leaves nothing behind but a lease.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice

import structlog

from palaver.document import Chunk, Document, DocumentError, DocumentSource
from palaver.embeddings.base import EmbeddingCatalog
from palaver.errors import FenceLost, ModelError, NotFound, PalaverError, Unavailable
from palaver.retrieval.chunking import chunks_of
from palaver.retrieval.conversion import read
from palaver.retrieval.loaders.base import Extract
from palaver.retrieval.passages import embedded
from palaver.retrieval.settings import retrieval_settings
from palaver.stores.base import Store
from palaver.stores.knowledge_orders import CHUNKS_AT_ONCE, Ingestion
from palaver.text import as_name

POLL_SECONDS = 2.0
"""How often documents that another process accepted, or left behind, are looked for."""
_log = structlog.get_logger("palaver.ingest")


class Ingestor:
    """Makes one document after the other ready. ``step`` is the body of a loop; several may go on at once.

    Args:
        owner: The name of this process.
        published: Is told, by tenant and bot, of each document that is ready.
        polls: Whether to look for documents of others, too; else nothing is done until ``wake`` is called.
        lease_seconds: How long a document is this process's own without a renewal.
    """

    def __init__(
        self,
        store: Store,
        embeddings: EmbeddingCatalog,
        *,
        owner: str,
        published: Callable[[str, str], None],
        polls: bool = True,
        lease_seconds: float,
    ) -> None:
        self._store = store
        self._embeddings = embeddings
        self._owner = owner
        self._published = published
        self._poll_seconds = POLL_SECONDS if polls else None
        self._lease_seconds = lease_seconds
        self._woken = asyncio.Event()
        if polls:
            self._woken.set()

    def wake(self) -> None:
        """Say that there is a new one."""
        self._woken.set()

    async def step(self) -> None:
        """Wait for a document, and make it ready or have it fail."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._poll_seconds):
                await self._woken.wait()
        self._woken.clear()  # before the store is asked: who wakes meanwhile is heard
        claiming = asyncio.ensure_future(self._store.claim_documents(self._owner, self._lease_seconds, 1))
        try:
            if claims := await asyncio.shield(claiming):
                self._woken.set()
                await self._held(claims[0])
        except asyncio.CancelledError:
            with suppress(Unavailable):
                await self._give_back(await claiming)  # where it was cut itself, it has gone on in the store
            raise

    async def _give_back(self, claims: Sequence[Ingestion]) -> None:
        """This process stops: others need not wait for the lease, and it is not the document's fault."""
        for claim in claims:
            with suppress(FenceLost, Unavailable):
                await self._store.give_document_back(claim)

    async def _held(self, claim: Ingestion) -> None:
        """Make a document ready, and renew its lease meanwhile."""
        try:
            async with asyncio.TaskGroup() as group:
                renewing = group.create_task(self._renew(claim))
                await self._make_ready(claim)
                renewing.cancel()
        except ExceptionGroup as failed:
            if not isinstance(
                failed.exceptions[0], FenceLost | NotFound
            ):  # it was replaced or deleted, or is another's
                raise failed.exceptions[0] from None

    async def _renew(self, claim: Ingestion) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            if await self._store.renew_ingestions([claim], self._lease_seconds):
                raise FenceLost("Another process has this document.")

    async def _make_ready(self, claim: Ingestion) -> None:
        try:
            document = await self._ingest(claim)
        except (FenceLost, NotFound, Unavailable):
            raise
        except PalaverError as error:
            if isinstance(error, ModelError) and error.provider_text:
                _log.warning("provider_said", document_id=claim.document.id, code=error.code, text=error.provider_text)
            await self._store.fail_document(claim, DocumentError(code=error.code, message=error.message))
        else:
            self._published(claim.tenant_id, document.bot_id)

    async def _ingest(self, claim: Ingestion) -> Document:
        document, content = await self._store.get_content(claim.tenant_id, claim.document.id)
        extract = await read(content, media_type=document.media_type)
        chunks = await asyncio.to_thread(
            lambda: list(chunks_of(extract, document_id=document.id, version=claim.document.version))
        )
        embedding = retrieval_settings(claim.bot.retrieval).wanted_embedding(self._embeddings)
        for batch in _batches(chunks):
            made = None if embedding is None else await embedded(self._embeddings, embedding, batch)
            await self._store.put_chunks(claim, batch, made)
        return await self._store.publish_document(claim, title=_title(document, extract))


def _batches(chunks: Sequence[Chunk]) -> Iterator[Sequence[Chunk]]:
    left = iter(chunks)
    while batch := tuple(islice(left, CHUNKS_AT_ONCE)):
        yield batch


def _title(document: Document, extract: Extract) -> str | None:
    """Return the title of a page that was given none and is called by its address till now."""
    is_address = document.source is DocumentSource.URL and document.title == as_name(document.url or "", "")
    return as_name(extract.title, "") or None if is_address and extract.title else None
