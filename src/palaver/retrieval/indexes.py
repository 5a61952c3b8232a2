"""Where chunks are looked for: in the store itself, where it can, else in this process's memory."""

from __future__ import annotations

from dataclasses import dataclass

from palaver.retrieval.base import VectorIndex, WordIndex
from palaver.retrieval.index_files import IndexFiles
from palaver.retrieval.shelf import Shelf
from palaver.retrieval.vectors import FaissVectors
from palaver.retrieval.words import MemoryWords
from palaver.stores.base import Feature, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexes:
    """Both indexes over one store."""

    words: WordIndex
    vectors: VectorIndex

    async def tidy(self) -> None:
        """Save what is in memory only, and remove saved files that nobody needs. For a loop with long pauses, and the end."""
        if isinstance(self.vectors, FaissVectors):
            await self.vectors.tidy()


def indexes_over(store: Store, *, limit_bytes: int, folder: str | None = None) -> Indexes:
    """Return the indexes over a store.

    Those in memory may take ``limit_bytes``, all bots together; vectors are saved in ``folder`` as well (None: nowhere).
    """
    shelf = Shelf(limit_bytes)
    files = IndexFiles(folder) if folder else None
    return Indexes(
        words=store if Feature.CHUNK_SEARCH in store.features else MemoryWords(store, shelf),
        vectors=store if Feature.VECTOR_SEARCH in store.features else FaissVectors(store, shelf, files=files),
    )
