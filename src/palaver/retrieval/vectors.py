"""Search by vectors in the memory of this process, for a store that has none: one mirror a bot and embedding."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from palaver.document import Hit
from palaver.errors import FeatureAbsent, NotFound
from palaver.retrieval.faiss_mirror import FaissMirror
from palaver.retrieval.index_files import IndexFiles, IndexName
from palaver.retrieval.lookup import Scored, live_hits
from palaver.retrieval.mirror import Source
from palaver.retrieval.shelf import Shelf
from palaver.stores.knowledge import ChunkRows
from palaver.stores.knowledge_orders import VectorQuery


class FaissVectors:
    """A ``VectorIndex`` over a store's rows.

    Args:
        shelf: Where the mirrors are kept; may be shared with other kinds.
        files: Where they are saved as well, if anywhere.
    """

    def __init__(self, store: ChunkRows, shelf: Shelf, *, files: IndexFiles | None = None) -> None:
        self._store = store
        self._shelf = shelf
        self._files = files

    async def search_vectors(self, tenant_id: str, query: VectorQuery) -> Sequence[Hit]:
        """See ``VectorIndex``.

        Raises:
            EmbeddingFailed: The vector is not as long as those that are stored.
            FeatureAbsent: FAISS is not installed.
        """
        source = Source(store=self._store, tenant_id=tenant_id, bot_id=query.bot_id)
        name = IndexName(tenant_id=tenant_id, bot_id=query.bot_id, embedding=query.embedding)
        mirror = await self._shelf.fresh(name, source, partial(self._open, name))

        async def nearest(number: int) -> Sequence[Scored]:
            return await mirror.run(lambda: mirror.nearest(query.vector, number, query.where))

        return await live_hits(source, query.k, nearest)

    async def tidy(self) -> None:
        """Save what has changed, and remove the files that are of no use any more.

        These are the files of bots that are gone, and such as are behind their bot while no mirror here will write them
        again. What was purged is thereby out of the files, too.
        """
        await self._shelf.put_away()
        if self._files is not None:
            for name, revision in await asyncio.to_thread(self._files.names):
                if await self._is_useless(name, revision):
                    await asyncio.to_thread(self._files.remove, name)

    def _open(self, name: IndexName) -> FaissMirror:
        try:
            if self._files is None:
                return FaissMirror(name.embedding)
            return self._files.load(name) or FaissMirror(name.embedding, keep=partial(self._files.save, name))
        except ImportError:
            raise FeatureAbsent(
                "Search by vectors needs an extra on this store: pip install 'palaver[faiss]'."
            ) from None

    async def _is_useless(self, name: IndexName, revision: int) -> bool:
        try:
            index = await self._store.bot_index(name.tenant_id, name.bot_id)
        except NotFound:
            return True
        return name not in self._shelf and (index.revision, index.embedding) != (revision, name.embedding)
