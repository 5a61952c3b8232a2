"""The contracts of finding: an index over the chunks of a bot, by words or by vectors, and what may order its hits again.

A store that has ``Feature.CHUNK_SEARCH`` or ``Feature.VECTOR_SEARCH`` is such an index itself. For one that lacks it the
index is made in the memory of this process, from its rows. ``palaver.testing`` has a suite for each of the two.

What an index returns is live at that moment, inside the tenant and the bot, and fits ``where``: see the contract of the
same methods in ``stores/knowledge.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from palaver.document import Hit
from palaver.stores.knowledge_orders import ChunkQuery, VectorQuery


class WordIndex(Protocol):
    """Finds by words."""

    async def search_chunks(self, tenant_id: str, query: ChunkQuery) -> Sequence[Hit]:
        """Return the chunks that fit the words best, at most ``k``, best first. Raises ``NotFound`` for the bot."""
        ...


class VectorIndex(Protocol):
    """Finds by vectors."""

    async def search_vectors(self, tenant_id: str, query: VectorQuery) -> Sequence[Hit]:
        """Return the chunks nearest to a vector, at most ``k``, best first. Raises ``NotFound`` for the bot."""
        ...


class Reranker(Protocol):
    """Reads a question and what was found for it together, which is slower and sees more than an index does."""

    async def scores(self, text: str, hits: Sequence[Hit]) -> Sequence[float]:
        """Return how well each of the hits answers, 0–1, in their order.

        Raises:
            ModelError: The hits stay as the index ordered them.
        """
        ...
