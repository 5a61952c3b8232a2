"""What a bot knows, as LangChain's retriever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from palaver.document import Hit
from palaver.langchain.calls import block, wait
from palaver.surface import Hub


class PalaverRetriever(BaseRetriever):
    """Finds the chunks of a bot's documents that fit a question best, as ``hub.search`` does.

    Attributes:
        hub: The hub.
        bot_id: Whose documents.
        k: How many chunks; None: the bot's own number.
        where: Only documents whose metadata has these values.
    """

    hub: Any
    bot_id: str
    k: int | None = None
    where: Mapping[str, str] | None = None

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002
        k: int | None = None,
    ) -> list[Document]:
        return block(self.hub, lambda hub: self._find(hub, query, k))

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002
        k: int | None = None,
    ) -> list[Document]:
        return await wait(self.hub, lambda hub: self._find(hub, query, k))

    async def _find(self, hub: Hub, query: str, k: int | None) -> list[Document]:
        found = await hub.search(self.bot_id, query, k=k or self.k, where=self.where)
        return [document_of(hit) for hit in found]


def document_of(hit: Hit) -> Document:
    """Return a chunk as LangChain has it; where it comes from is its metadata."""
    chunk = hit.chunk
    told = {"title": hit.title, "heading": chunk.heading, "page": chunk.page}
    metadata = {name: value for name, value in told.items() if value is not None}
    return Document(
        page_content=chunk.text,
        id=f"{chunk.document_id}:{chunk.version}:{chunk.ordinal}",
        metadata={
            **metadata,
            "document_id": chunk.document_id,
            "version": chunk.version,
            "start": chunk.start,
            "end": chunk.end,
            "score": hit.score,
        },
    )
