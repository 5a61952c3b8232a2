"""Finding what a bot knows about a question: by words, and by vectors where it has an embedding that answers."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog

from palaver.bot import Bot
from palaver.document import Hit
from palaver.embeddings.base import EmbeddingCatalog, Purpose
from palaver.errors import FeatureAbsent, InvalidInput, ModelError
from palaver.provider.addresses import not_configured
from palaver.retrieval.base import Reranker
from palaver.retrieval.indexes import Indexes
from palaver.retrieval.lookup import ranked
from palaver.retrieval.mixing import mixed
from palaver.retrieval.reembedding import Reembedding
from palaver.retrieval.settings import retrieval_settings
from palaver.stores.base import Store
from palaver.stores.knowledge_orders import BotIndex, ChunkQuery, VectorQuery

_CANDIDATES = 30
"""How many chunks each side names before they are mixed or reranked, at least; else four times what is wanted."""
_TEXT_CHARACTERS = 4_000
_QUERIES_KEPT = 256
_QUERY_SECONDS = 60.0
_log = structlog.get_logger("palaver.retrieval")


class Mode(StrEnum):
    """By what was searched."""

    OFF = "off"
    """By nothing: the bot does without documents."""
    LEXICAL = "lexical"
    """By words; there are no vectors."""
    LEXICAL_FALLBACK = "lexical_fallback"
    """By words, although there are vectors: the question could not be embedded."""
    HYBRID = "hybrid"
    """By vectors and words."""
    VECTOR = "vector"
    """By vectors alone: their weight is 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found: ranks count from 1, scores are 0–1 and fall. They compare within one search only."""

    hits: Sequence[Hit]
    mode: Mode
    reranked: bool = False


class Retrieval:
    """Searches of bots.

    Args:
        rerankers: Those given in process, by name.
        reembedding: Is woken where what serves is not what the bot wants.
    """

    def __init__(
        self,
        store: Store,
        embeddings: EmbeddingCatalog,
        indexes: Indexes,
        *,
        reembedding: Reembedding,
        rerankers: Mapping[str, Reranker] | None = None,
    ) -> None:
        self._store = store
        self._embeddings = embeddings
        self._indexes = indexes
        self._reembedding = reembedding
        self._rerankers = dict(rerankers or {})
        self._questions = _Questions()
        self._broken: set[str] = set()

    async def search(
        self,
        tenant_id: str,
        bot: Bot,
        text: str,
        *,
        k: int | None = None,
        where: Mapping[str, str] | None = None,
        index: BotIndex | None = None,
    ) -> Found:
        """Return the best ``k`` chunks for a text. Of one that is very long, its beginning and its end are looked for.

        What is None is the bot's own; ``where`` is laid over the bot's; ``index`` is what the store said a moment ago.

        Raises:
            InvalidInput: The bot's ``retrieval`` is none.
            ModelError: ``provider_not_configured`` for a reranker that was not given.
            NotFound: For the bot.
        """
        settings = retrieval_settings(bot.retrieval)
        if not settings.enabled:
            return Found(hits=(), mode=Mode.OFF)
        reranker = self._reranker(settings.reranker)
        index = index or await self._store.bot_index(tenant_id, bot.id)
        wanted = settings.wanted_embedding(self._embeddings)
        if index.revision == 0:
            return Found(hits=(), mode=Mode.LEXICAL)
        if wanted != index.embedding:
            self._reembedding.wake(tenant_id, bot.id)
        search = _Search(
            tenant_id=tenant_id,
            bot_id=bot.id,
            text=_cut(text),
            k=k or settings.k,
            where={**settings.where, **(where or {})},
            embedding=None if wanted is None else index.embedding,
            vector_weight=settings.vector_weight,
            reranker=reranker,
        )
        return await self._reranked(search, await self._found(search))

    def check(self, retrieval: Mapping[str, Any]) -> None:
        """Look at the settings that a bot is to have. Where no reranker was given, another process may have the one they name.

        Raises:
            InvalidInput: Rerankers were given, but none of that name.
        """
        name = retrieval_settings(retrieval).reranker
        if self._rerankers and name is not None and name not in self._rerankers:
            raise InvalidInput(f"retrieval.reranker: {_not_given(name)}", path="retrieval.reranker")

    def _reranker(self, name: str | None) -> Reranker | None:
        if name is not None and name not in self._rerankers:
            raise not_configured(_not_given(name))
        return None if name is None else self._rerankers[name]

    async def _found(self, search: _Search) -> Found:
        if search.embedding is None:
            return Found(hits=await self._by_words(search), mode=Mode.LEXICAL)
        if search.vector_weight == 1:
            near = await self._by_vectors(search, search.embedding)
            if near is not None:
                return Found(hits=near, mode=Mode.VECTOR)
            return Found(hits=await self._by_words(search), mode=Mode.LEXICAL_FALLBACK)
        near, worded = await self._by_both(search, search.embedding)
        if near is None:
            return Found(hits=worded, mode=Mode.LEXICAL_FALLBACK)
        return Found(hits=mixed(near, worded, vector_weight=search.vector_weight), mode=Mode.HYBRID)

    async def _by_both(self, search: _Search, embedding: str) -> tuple[Sequence[Hit] | None, Sequence[Hit]]:
        try:
            async with asyncio.TaskGroup() as both:
                near = both.create_task(self._by_vectors(search, embedding))
                worded = both.create_task(self._by_words(search))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return near.result(), worded.result()

    async def _by_words(self, search: _Search) -> Sequence[Hit]:
        query = ChunkQuery(bot_id=search.bot_id, text=search.text, k=search.number, where=search.where)
        return await self._indexes.words.search_chunks(search.tenant_id, query)

    async def _by_vectors(self, search: _Search, embedding: str) -> Sequence[Hit] | None:
        """Return what is near, or None where nobody can say."""
        try:
            vector = await self._vector(embedding, search.text)
            query = VectorQuery(
                bot_id=search.bot_id, embedding=embedding, vector=vector, k=search.number, where=search.where
            )
            hits = await self._indexes.vectors.search_vectors(search.tenant_id, query)
        except (ModelError, FeatureAbsent) as error:
            self._note_broken(embedding, error)
            return None
        self._broken.discard(embedding)
        return hits

    async def _vector(self, embedding: str, text: str) -> bytes:
        vector = self._questions.find(embedding, text)
        if vector is None:
            [vector] = await self._embeddings.find(embedding).embed([text], purpose=Purpose.QUERY)
            self._questions.keep(embedding, text, vector)
        return vector

    def _note_broken(self, embedding: str, error: ModelError | FeatureAbsent) -> None:
        if embedding not in self._broken:  # once, not for every question, until it works again
            self._broken.add(embedding)
            provider_text = error.provider_text if isinstance(error, ModelError) else ""
            _log.warning(
                "search_by_words_alone",
                embedding=embedding,
                code=error.code,
                reason=error.message,
                provider_text=provider_text,
            )

    async def _reranked(self, search: _Search, found: Found) -> Found:
        if search.reranker is None or not found.hits:
            return Found(hits=found.hits[: search.k], mode=found.mode)
        try:
            scores = await search.reranker.scores(search.text, found.hits)
        except ModelError as error:
            _log.warning("reranker_failed", code=error.code, provider_text=error.provider_text)
            return Found(hits=found.hits[: search.k], mode=found.mode)
        keys = [hit.chunk.key for hit in found.hits]
        hits = ranked(found.hits, dict(zip(keys, scores, strict=True)))
        return Found(hits=hits[: search.k], mode=found.mode, reranked=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    tenant_id: str
    bot_id: str
    text: str
    k: int
    where: Mapping[str, str]
    embedding: str | None
    vector_weight: float
    reranker: Reranker | None

    @property
    def number(self) -> int:
        """How many chunks each side names."""
        is_final = self.embedding is None and self.reranker is None
        return self.k if is_final else max(_CANDIDATES, self.k * 4)


def _not_given(name: str) -> str:
    return f"No reranker was given under the name {name!r}."


def _cut(text: str) -> str:
    half = _TEXT_CHARACTERS // 2
    return text if len(text) <= _TEXT_CHARACTERS else f"{text[:half]}\n{text[-half:]}"


class _Questions:
    """The vectors of questions, for a minute: a question that is asked again is not embedded again."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], tuple[float, bytes]] = OrderedDict()

    def find(self, embedding: str, text: str) -> bytes | None:
        kept_at, vector = self._kept.get((embedding, text), (0.0, None))
        return vector if vector is not None and time.monotonic() - kept_at < _QUERY_SECONDS else None

    def keep(self, embedding: str, text: str, vector: bytes) -> None:
        self._kept[embedding, text] = (time.monotonic(), vector)
        self._kept.move_to_end((embedding, text))
        while len(self._kept) > _QUERIES_KEPT:
            self._kept.popitem(last=False)
