"""A bot with documents in a SQLite file, and the retrieval over it, as a server has it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from palaver.bot import Bot
from palaver.embeddings.catalog import KnownEmbeddings
from palaver.embeddings.patience import EmbeddingPatience
from palaver.provider.addresses import Providers
from palaver.retrieval.indexes import Indexes, indexes_over
from palaver.retrieval.reembedding import Reembedding
from palaver.retrieval.search import Retrieval
from palaver.stores.knowledge_orders import CHUNKS_AT_ONCE, Embedded
from palaver.stores.sqlite.store import SqliteStore
from palaver.tenant import DEFAULT_TENANT
from palaver.testing.stores.knowing import add, chunks_of, claimed
from palaver.testing.stores.making import make_bot

_INDEX_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """An open store with one bot."""

    store: SqliteStore
    bot: Bot
    indexes: Indexes
    retrieval: Retrieval
    reembedding: Reembedding

    async def add(self, texts: Sequence[str], vectors: Sequence[bytes] = (), *, embedding: str = "") -> None:
        """Publish a document of these chunks; without ``vectors`` they are embedded as the bot wants it."""
        claim = await claimed(self.store, await add(self.store, self.bot))
        for start in range(0, len(texts), CHUNKS_AT_ONCE):
            end = start + CHUNKS_AT_ONCE
            given = Embedded(embedding=embedding, vectors=vectors[start:end]) if vectors else None
            await self.store.put_chunks(claim, chunks_of(claim, *texts[start:end], after=start), given)
        await self.store.publish_document(claim)
        if not vectors:
            await self.reembedding.bring(DEFAULT_TENANT, self.bot.id)

    async def texts(self, question: str, *, k: int) -> list[str]:
        """What is found for a question, best first."""
        found = await self.retrieval.search(DEFAULT_TENANT, self.bot, question, k=k)
        return [hit.chunk.text for hit in found.hits]


@asynccontextmanager
async def library(
    path: Path, *, providers: dict[str, Any] | None = None, retrieval: dict[str, Any] | None = None
) -> AsyncIterator[Library]:
    """Open an empty one. ``providers`` are the fields of ``Providers``, ``retrieval`` is the bot's."""
    store = SqliteStore(path)
    await store.open()
    embeddings = KnownEmbeddings(Providers(**(providers or {})), patience=EmbeddingPatience(query_seconds=60))
    reembedding = Reembedding(store, embeddings, owner="bench")
    indexes = indexes_over(store, limit_bytes=_INDEX_BYTES)
    try:
        yield Library(
            store=store,
            bot=await make_bot(store, retrieval=retrieval or {}),
            indexes=indexes,
            retrieval=Retrieval(store, embeddings, indexes, reembedding=reembedding),
            reembedding=reembedding,
        )
    finally:
        await embeddings.aclose()
        await store.close()
