"""From names that an index in memory suggests to chunks that are live.

Such an index may be behind the store by a moment. So its answers are names only, and each is looked up in the store: what
was deleted or replaced is never returned, on any process. Where some are gone the index is asked for more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from palaver.document import ChunkKey, Hit
from palaver.retrieval.mirror import Source

Scored = tuple[ChunkKey, float]
"""The name of a chunk and its score, 0–1."""
_MORE = 4
"""How many times as many names are asked for where too few were live."""


async def live_hits(source: Source, k: int, suggest: Callable[[int], Awaitable[Sequence[Scored]]]) -> Sequence[Hit]:
    """Return the best ``k`` live chunks of those that ``suggest(number)`` names, best first; fewer where there are fewer."""
    number = k
    while True:
        suggested = await suggest(number)
        scores = dict(suggested)
        hits = await source.store.find_chunks(source.tenant_id, source.bot_id, list(scores))
        if len(hits) >= k or len(suggested) < number:
            return ranked(hits, {hit.chunk.key: scores[hit.chunk.key] for hit in hits})[:k]
        number *= _MORE


def ranked(hits: Sequence[Hit], scores: Mapping[ChunkKey, float]) -> list[Hit]:
    """Return the hits with these scores, cut to 0–1, best first; the ranks count from 1. Equals keep their order."""
    rated = [replace(hit, score=min(1.0, max(0.0, scores[hit.chunk.key]))) for hit in hits]
    rated.sort(key=lambda hit: -hit.score)
    return [replace(hit, rank=rank) for rank, hit in enumerate(rated, 1)]
