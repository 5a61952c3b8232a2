"""The contract of an index over the chunks of a bot as tests: by words, and by vectors.

Subclass ``WordIndexConformance`` or ``VectorIndexConformance`` in a test module and give it three pytest fixtures: ``clock``, a
``FakeClock``, ``store``, an open store on that clock with nothing in it, and ``word_index`` or ``vector_index``, an index over the
store's rows. What the suite of a store asks of its own search is asked of the index, and what follows from it being a copy.
"""

from __future__ import annotations

import random
from typing import Any, cast

import pytest

from palaver.bot import Bot
from palaver.document import Document
from palaver.retrieval.base import VectorIndex, WordIndex
from palaver.stores.base import Store
from palaver.stores.knowledge_orders import ChunkQuery, Replacement, VectorQuery
from palaver.testing.stores.chunks import ChunkSearchConformance, VectorSearchConformance
from palaver.testing.stores.knowing import EMBEDDING, floats, known, publish, texts_of
from palaver.testing.stores.making import TENANT, make_bot

STEPS = 40


class SearchedBy:
    """A store whose searches are those of an index."""

    def __init__(self, store: Store, *, words: WordIndex | None = None, vectors: VectorIndex | None = None) -> None:
        self._store = store
        if words is not None:
            self.search_chunks = words.search_chunks
        if vectors is not None:
            self.search_vectors = vectors.search_vectors

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class _Library:
    """Documents of one bot that come, change and go at random, and what of them is to be found."""

    def __init__(self, store: Store, bot: Bot, seed: int) -> None:
        self._store = store
        self._bot = bot
        self._random = random.Random(seed)
        self._live: dict[str, tuple[Document, str]] = {}
        self._deleted: dict[str, tuple[Document, str]] = {}
        self._made = 0

    @property
    def texts(self) -> list[str]:
        """What is live, in order."""
        return sorted(text for _, text in self._live.values())

    async def change(self) -> None:
        """Add, replace, describe anew, delete or restore a document."""
        change = self._random.choice((self._add, self._add, self._replace, self._describe, self._delete, self._restore))
        await change()

    async def _add(self) -> None:
        text = self._new_text()
        document = await known(self._store, self._bot, text, vectors=[(1, self._made)])
        self._live[document.id] = (document, text)

    async def _replace(self) -> None:
        if (picked := self._pick(self._live)) is None:
            return
        text = self._new_text()
        pending = await self._store.replace_document(TENANT, picked[0].id, Replacement(), None)
        document = await publish(self._store, pending, text, vectors=[(1, self._made)])
        self._live[document.id] = (document, text)

    async def _describe(self) -> None:
        if (picked := self._pick(self._live)) is not None:
            await self._store.replace_document(TENANT, picked[0].id, Replacement(metadata={"n": self._made}), None)

    async def _delete(self) -> None:
        if (picked := self._pick(self._live)) is not None:
            await self._store.delete_document(TENANT, picked[0].id)
            self._deleted[picked[0].id] = self._live.pop(picked[0].id)

    async def _restore(self) -> None:
        if (picked := self._pick(self._deleted)) is not None:
            await self._store.restore_document(TENANT, picked[0].id)
            self._live[picked[0].id] = self._deleted.pop(picked[0].id)

    def _new_text(self) -> str:
        self._made += 1
        return f"refund number{self._made}"

    def _pick(self, shelf: dict[str, tuple[Document, str]]) -> tuple[Document, str] | None:
        return shelf[self._random.choice(sorted(shelf))] if shelf else None


class WordIndexConformance(ChunkSearchConformance):
    """Everything that a store's own search by words has to do, and that it stays equal to the rows."""

    @pytest.fixture
    async def wordy(self, store: Store, word_index: WordIndex) -> Store:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The store, searched by the index."""
        return cast("Store", SearchedBy(store, words=word_index))

    @pytest.mark.parametrize("seed", range(3))
    async def test_what_is_found_is_what_is_live(self, store: Store, word_index: WordIndex, seed: int) -> None:
        """After any change, and after several that were not looked at, a search finds all that is live and nothing else."""
        library = _Library(store, bot := await make_bot(store), seed)
        for step in range(STEPS):
            await library.change()
            if step % 3 != 1:
                hits = await word_index.search_chunks(TENANT, ChunkQuery(bot_id=bot.id, text="refund", k=STEPS))
                assert sorted(texts_of(hits)) == library.texts


class VectorIndexConformance(VectorSearchConformance):
    """Everything that a store's own search by vectors has to do, and that it stays equal to the rows."""

    @pytest.fixture
    async def near(self, store: Store, vector_index: VectorIndex) -> Store:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The store, searched by the index."""
        return cast("Store", SearchedBy(store, vectors=vector_index))

    @pytest.mark.parametrize("seed", range(3))
    async def test_what_is_found_is_what_is_live(self, store: Store, vector_index: VectorIndex, seed: int) -> None:
        """After any change, and after several that were not looked at, a search finds all that is live and nothing else."""
        library = _Library(store, bot := await make_bot(store), seed)
        query = VectorQuery(bot_id=bot.id, embedding=EMBEDDING, vector=floats(1, 0), k=STEPS)
        for step in range(STEPS):
            await library.change()
            if step % 3 != 1:
                assert sorted(texts_of(await vector_index.search_vectors(TENANT, query))) == library.texts
