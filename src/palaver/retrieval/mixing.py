"""One list of what two indexes found. Pure.

The scores of both sides are shares of what could be at best (a cosine of 1, all that a question's words weigh), so that they
are added as they are, the vector side with at least 0.7. On the questions of ``bench/passages.json`` with MiniLM that found the
right passage first for 0.95 of the misspelt ones and 0.45 of the paraphrased (vectors alone: 0.70 and 0.45); stretching both
sides to 0–1 first made that 0.88 and 0.38, and mixing ranks with equal weights loses most of what vectors find.
"""

from __future__ import annotations

from collections.abc import Sequence

from palaver.document import Hit
from palaver.retrieval.lookup import ranked


def mixed(by_vectors: Sequence[Hit], by_words: Sequence[Hit], *, vector_weight: float) -> list[Hit]:
    """Return all that was found by either side, best first, each once."""
    hits = {hit.chunk.key: hit for hit in (*by_vectors, *by_words)}
    near = {hit.chunk.key: hit.score for hit in by_vectors}
    worded = {hit.chunk.key: hit.score for hit in by_words}
    scores = {key: vector_weight * near.get(key, 0) + (1 - vector_weight) * worded.get(key, 0) for key in hits}
    return ranked(list(hits.values()), scores)
