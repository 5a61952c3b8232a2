"""What of a chunk is embedded: the same for a new document as for one that is embedded anew."""

from __future__ import annotations

from collections.abc import Sequence

from palaver.document import Chunk
from palaver.embeddings.base import EmbeddingCatalog
from palaver.stores.knowledge_orders import Embedded


async def embedded(embeddings: EmbeddingCatalog, name: str, chunks: Sequence[Chunk]) -> Embedded:
    """Return the vectors of some chunks by the embedding of this name, in their order.

    Raises:
        ModelError: ``embedding_failed`` or ``provider_not_configured``.
    """
    return Embedded(embedding=name, vectors=await embeddings.find(name).embed([chunk.passage for chunk in chunks]))
