"""Rerankers that are given in process: ours, or one of LangChain's document compressors (cross-encoders, rerank APIs)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from palaver.document import Hit
from palaver.errors import ModelError
from palaver.provider.refusals import foreign_failure
from palaver.retrieval.base import Reranker

if TYPE_CHECKING:
    from langchain_core.documents import BaseDocumentCompressor

_PLACE = "palaver_place"
PATIENCE_SECONDS = 10.0


class LangChainReranker:
    """A LangChain document compressor as ours.

    Compressors return documents in a new order and may leave some out; few say a score. So the order is what counts: the
    first scores 1, the last little, one that was left out 0.
    """

    def __init__(self, compressor: BaseDocumentCompressor) -> None:
        self._compressor = compressor

    async def scores(self, text: str, hits: Sequence[Hit]) -> Sequence[float]:
        """See ``Reranker``; the compressor has ``PATIENCE_SECONDS``."""
        from langchain_core.documents import Document

        documents = [Document(hit.chunk.text, metadata={_PLACE: place}) for place, hit in enumerate(hits)]
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                ordered = await self._compressor.acompress_documents(documents, text)
        except TimeoutError:
            raise ModelError("The reranker did not answer in time.") from None
        except Exception as error:  # noqa: BLE001  # a foreign model may raise anything: the edge where it becomes ours
            raise foreign_failure(error) from None
        scores = [0.0] * len(hits)
        for rank, document in enumerate(ordered):
            place = document.metadata.get(_PLACE)
            if isinstance(place, int) and 0 <= place < len(hits):
                scores[place] = 1 - rank / len(hits)
        return scores


def as_reranker(given: object) -> Reranker:
    """Return ours as it is, and a LangChain compressor as ours."""
    if hasattr(given, "scores"):
        return cast("Reranker", given)
    return LangChainReranker(cast("BaseDocumentCompressor", given))
