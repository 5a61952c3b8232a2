"""Search by words in the memory of this process, for a store that has none: one mirror a bot."""

from __future__ import annotations

from collections.abc import Sequence

from palaver.document import Hit
from palaver.retrieval.lookup import Scored, live_hits
from palaver.retrieval.mirror import Source
from palaver.retrieval.shelf import Shelf
from palaver.retrieval.word_mirror import WordMirror
from palaver.stores.knowledge import ChunkRows
from palaver.stores.knowledge_orders import ChunkQuery


class MemoryWords:
    """A ``WordIndex`` over a store's rows.

    Args:
        shelf: Where the mirrors are kept; may be shared with other kinds.
    """

    def __init__(self, store: ChunkRows, shelf: Shelf) -> None:
        self._store = store
        self._shelf = shelf

    async def search_chunks(self, tenant_id: str, query: ChunkQuery) -> Sequence[Hit]:
        """See ``WordIndex``."""
        source = Source(store=self._store, tenant_id=tenant_id, bot_id=query.bot_id)
        mirror = await self._shelf.fresh(("words", tenant_id, query.bot_id), source, WordMirror)

        async def best(number: int) -> Sequence[Scored]:
            return await mirror.run(lambda: mirror.best(query.text, number, query.where))

        return await live_hits(source, query.k, best)
