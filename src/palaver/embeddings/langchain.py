"""Any LangChain ``Embeddings`` that is given in process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from palaver.embeddings.base import Purpose, packed
from palaver.embeddings.threads import in_own_thread
from palaver.errors import ModelError
from palaver.provider.refusals import foreign_failure

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings


class LangChainEmbedding:
    """A LangChain embedding as ours. One that only knows how to block runs in a thread, and is abandoned when it is late."""

    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings

    async def embed(self, texts: Sequence[str], *, purpose: Purpose = Purpose.DOCUMENT) -> Sequence[bytes]:
        """See ``EmbeddingModel.embed``."""
        try:
            if purpose is Purpose.QUERY:
                lists = [await self._query(text) for text in texts]
            else:
                lists = await self._documents(list(texts))
        except ModelError:
            raise
        except Exception as error:  # noqa: BLE001  # a foreign model may raise anything: the edge where it becomes ours
            raise foreign_failure(error) from None
        return [packed(numbers) for numbers in lists]

    async def _documents(self, texts: list[str]) -> list[list[float]]:
        from langchain_core.embeddings import Embeddings

        if type(self._embeddings).aembed_documents is not Embeddings.aembed_documents:
            return await self._embeddings.aembed_documents(texts)
        return await in_own_thread(lambda: self._embeddings.embed_documents(texts))

    async def _query(self, text: str) -> list[float]:
        from langchain_core.embeddings import Embeddings

        if type(self._embeddings).aembed_query is not Embeddings.aembed_query:
            return await self._embeddings.aembed_query(text)
        return await in_own_thread(lambda: self._embeddings.embed_query(text))
