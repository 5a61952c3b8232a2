"""A bot's texts as LangChain's vector store.

Each text is a document of the bot. Its id is in the document's metadata, under ``langchain_id``, beside the metadata that
were given with it; a bot's other documents are never returned. A search finds texts by their best chunks, and returns
them whole. To find texts by their ids, the bot's documents are listed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore

from palaver.arguments import DocumentFields
from palaver.document import Document as StoredDocument
from palaver.langchain.calls import AnyHub, block, wait
from palaver.page import PAGE_LIMIT_MAX
from palaver.retrieval.settings import K_MAX
from palaver.surface import Hub

ID_KEY = "langchain_id"
KEPT = {"kept_by": "langchain"}
"""What the metadata of every text have, so that a search finds nothing else."""
_CHUNKS_A_TEXT = 4
"""How many chunks are looked for to find one text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    id: str
    text: str
    metadata: Mapping[str, Any]


class PalaverVectorStore(VectorStore):
    """Texts that a bot knows.

    Args:
        bot_id: Whose texts. What finds them is the embedding that the bot names (``retrieval={"embedding": …}``), or words.
        embeddings: What the bot's embedding is, if LangChain code has to know it; nothing is embedded here.
    """

    def __init__(self, hub: AnyHub, bot_id: str, *, embeddings: Embeddings | None = None) -> None:
        self._hub = hub
        self._bot_id = bot_id
        self._embeddings = embeddings

    @property
    def embeddings(self) -> Embeddings | None:
        """What was given as the bot's embedding."""
        return self._embeddings

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **_: Any,
    ) -> list[str]:
        """Keep texts and return their ids, once they are found. A text whose id is there already takes its place."""
        return block(self._hub, partial(self._put, _texts(texts, metadatas, ids)))

    async def aadd_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **_: Any,
    ) -> list[str]:
        """See ``add_texts``."""
        return await wait(self._hub, partial(self._put, _texts(texts, metadatas, ids)))

    def delete(self, ids: list[str] | None = None, **_: Any) -> bool:
        """Delete texts (None: all of them). An id that is not there is passed over."""
        return block(self._hub, partial(self._delete, ids))

    async def adelete(self, ids: list[str] | None = None, **_: Any) -> bool:
        """See ``delete``."""
        return await wait(self._hub, partial(self._delete, ids))

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Return those of these texts that are there."""
        return block(self._hub, partial(self._get, ids))

    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """See ``get_by_ids``."""
        return await wait(self._hub, partial(self._get, ids))

    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        """Return the texts that fit best. See ``similarity_search_with_score``."""
        return [text for text, _ in self.similarity_search_with_score(query, k, **kwargs)]

    async def asimilarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        """See ``similarity_search_with_score``."""
        return [text for text, _ in await self.asimilarity_search_with_score(query, k, **kwargs)]

    def similarity_search_with_score(
        self,
        query: str,
        k: int = 4,
        *,
        filter: Mapping[str, str] | None = None,  # noqa: A002  # LangChain's word
        **_: Any,
    ) -> list[tuple[Document, float]]:
        """Return the texts that fit best, each with its score (0–1, 1 is best); ``filter`` compares values of their metadata."""
        return block(self._hub, partial(self._find, query, k, filter or {}))

    async def asimilarity_search_with_score(
        self,
        query: str,
        k: int = 4,
        *,
        filter: Mapping[str, str] | None = None,  # noqa: A002  # LangChain's word
        **_: Any,
    ) -> list[tuple[Document, float]]:
        """See ``similarity_search_with_score``."""
        return await wait(self._hub, partial(self._find, query, k, filter or {}))

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings | None,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **place: Any,
    ) -> PalaverVectorStore:
        """Return a store with these texts; ``hub`` and ``bot_id`` say where."""
        store = cls(**place, embeddings=embedding)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    @classmethod
    async def afrom_texts(
        cls,
        texts: list[str],
        embedding: Embeddings | None,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **place: Any,
    ) -> PalaverVectorStore:
        """See ``from_texts``."""
        store = cls(**place, embeddings=embedding)
        await store.aadd_texts(texts, metadatas, ids=ids)
        return store

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return lambda score: score

    async def _put(self, texts: Sequence[_Text], hub: Hub) -> list[str]:
        there = await self._stored(hub, {text.id for text in texts})
        changed = []
        for text in texts:
            metadata = {**text.metadata, **KEPT, ID_KEY: text.id}
            fields = DocumentFields(text=text.text, media_type="text/plain", metadata=metadata)
            old = there.get(text.id)
            if old is None:
                there[text.id] = await hub.documents.add(self._bot_id, wait=False, **fields)
            else:
                there[text.id] = await hub.documents.replace(old.id, wait=False, **fields)
            changed.append(there[text.id].id)
        for document_id in changed:
            await hub.documents.wait(document_id)
        return [text.id for text in texts]

    async def _delete(self, ids: Sequence[str] | None, hub: Hub) -> bool:
        for document in (await self._stored(hub, None if ids is None else set(ids))).values():
            await hub.documents.delete(document.id)
        return True

    async def _get(self, ids: Sequence[str], hub: Hub) -> list[Document]:
        there = await self._stored(hub, set(ids))
        return [await self._text(hub, there[text_id]) for text_id in ids if text_id in there]

    async def _find(self, query: str, k: int, where: Mapping[str, str], hub: Hub) -> list[tuple[Document, float]]:
        chunks = min(k * _CHUNKS_A_TEXT, K_MAX)
        scores: dict[str, float] = {}
        for hit in await hub.search(self._bot_id, query, k=chunks, where={**where, **KEPT}):
            scores.setdefault(hit.chunk.document_id, hit.score)
        best = list(scores.items())[:k]
        return [(await self._text(hub, await hub.documents.get(name)), score) for name, score in best]

    async def _stored(self, hub: Hub, ids: Collection[str] | None) -> dict[str, StoredDocument]:
        """Return the documents of these texts (None: of all) by the texts' ids."""
        found: dict[str, StoredDocument] = {}
        page = await hub.documents.list(self._bot_id, source="text", limit=PAGE_LIMIT_MAX)
        while True:
            named = ((document.metadata.get(ID_KEY), document) for document in page)
            found |= {text_id: document for text_id, document in named if text_id and (ids is None or text_id in ids)}
            if page.next is None or len(found) == (None if ids is None else len(ids)):
                return found
            page = await hub.documents.list(self._bot_id, source="text", limit=PAGE_LIMIT_MAX, after=page.next)

    async def _text(self, hub: Hub, document: StoredDocument) -> Document:
        metadata = {name: value for name, value in document.metadata.items() if name not in (ID_KEY, *KEPT)}
        content = await hub.documents.content(document.id)
        return Document(page_content=content.decode(), metadata=metadata, id=document.metadata[ID_KEY])


def _texts(
    texts: Iterable[str], metadatas: list[dict[str, Any]] | None, ids: Sequence[str | None] | None
) -> list[_Text]:
    every = list(texts)
    told = metadatas or [{} for _ in every]
    names = ids or [None for _ in every]
    return [
        _Text(id=name or str(uuid.uuid4()), text=text, metadata=metadata)
        for text, metadata, name in zip(every, told, names, strict=True)
    ]
