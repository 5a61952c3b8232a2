"""A search of a bot: what decides how it is searched, and what becomes of it where something is missing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
from langchain_core.documents import BaseDocumentCompressor, Document

from palaver.bot import Bot
from palaver.embeddings.catalog import KnownEmbeddings
from palaver.embeddings.scripted import ScriptedEmbedding
from palaver.errors import InvalidInput, ModelError, NotFound, StoreUnavailable
from palaver.page import Window
from palaver.provider.addresses import Providers
from palaver.retrieval.indexes import Indexes, indexes_over
from palaver.retrieval.passages import embedded
from palaver.retrieval.reembedding import Reembedding
from palaver.retrieval.reranking import as_reranker
from palaver.retrieval.search import Found, Mode, Retrieval
from palaver.retrieval.shelf import Shelf
from palaver.retrieval.vectors import FaissVectors
from palaver.retrieval.words import MemoryWords
from palaver.stores.base import Feature
from palaver.stores.knowledge_orders import ChunkQuery, Replacement, TrainingFilter, VectorQuery
from palaver.stores.orders import BotChange
from palaver.stores.sqlite.store import SqliteStore
from palaver.tenant import DEFAULT_TENANT as TENANT
from palaver.testing.stores.knowing import add, chunks_of, claimed, learned, run
from palaver.testing.stores.making import exchange, make_bot, make_conversation

TEXTS = ("Refunds take fourteen days.", "The office is closed on Sundays.", "Dogs may sleep in the garden.")
BROKEN = ModelError("Away.", code="provider_unreachable", provider_text="secret details")


@dataclass
class World:
    """A store, two embeddings by the names ``one`` and ``two``, and what stands on them."""

    store: SqliteStore
    folder: Path
    one: ScriptedEmbedding = field(default_factory=lambda: ScriptedEmbedding(64))
    two: ScriptedEmbedding = field(default_factory=lambda: ScriptedEmbedding(32))

    def __post_init__(self) -> None:
        self.embeddings = KnownEmbeddings(
            Providers(default_embedding=None), embeddings={"one": self.one, "two": self.two}
        )
        self.reembedding = Reembedding(self.store, self.embeddings, owner="w1", pause_seconds=0)
        self.indexes = indexes_over(self.store, limit_bytes=10_000_000, folder=str(self.folder / "indexes"))
        self.rerankers: dict[str, Any] = {}

    async def bot(self, **retrieval: Any) -> Bot:
        return await make_bot(self.store, retrieval=retrieval)

    async def learn(self, bot: Bot, *texts: str, embedding: str | None = None, **fields: Any) -> str:
        claim = await claimed(self.store, await add(self.store, bot, **fields))
        chunks = chunks_of(claim, *texts)
        made = await embedded(self.embeddings, embedding, chunks) if embedding else None
        await self.store.put_chunks(claim, chunks, made)
        return (await self.store.publish_document(claim)).id

    async def search(self, bot: Bot, text: str, **options: Any) -> Found:
        rerankers = {name: as_reranker(each) for name, each in self.rerankers.items()}
        retrieval = Retrieval(
            self.store, self.embeddings, self.indexes, reembedding=self.reembedding, rerankers=rerankers
        )
        return await retrieval.search(TENANT, bot, text, **options)

    async def serving(self, bot: Bot) -> str | None:
        return (await self.store.bot_index(TENANT, bot.id)).embedding


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = SqliteStore(tmp_path / "palaver.db")
    await store.open()
    yield World(store, tmp_path)
    await store.close()


def texts(found: Found) -> list[str]:
    return [hit.chunk.text for hit in found.hits]


async def test_without_an_embedding_words_alone_are_searched(world: World) -> None:
    """The mode says so, and no embedding is asked."""
    bot = await world.bot()
    await world.learn(bot, *TEXTS)
    found = await world.search(bot, "When are refunds paid?")
    assert (texts(found)[0], found.mode, found.reranked) == (TEXTS[0], Mode.LEXICAL, False)
    assert world.one.calls == []


async def test_with_an_embedding_both_sides_are_searched(world: World) -> None:
    """Ranks count from 1, scores are 0–1 and fall."""
    bot = await world.bot(embedding="one", k=2)
    await world.learn(bot, *TEXTS, embedding="one")
    found = await world.search(bot, "May dogs sleep there?")
    assert (texts(found)[0], found.mode, len(found.hits)) == (TEXTS[2], Mode.HYBRID, 2)
    assert [hit.rank for hit in found.hits] == [1, 2]
    assert 1 >= found.hits[0].score >= found.hits[1].score >= 0


async def test_with_all_the_weight_vectors_alone_are_searched(world: World) -> None:
    """The mode says so; where they fail, words are."""
    bot = await world.bot(embedding="one", vector_weight=1)
    await world.learn(bot, *TEXTS, embedding="one")
    assert (await world.search(bot, "dogs")).mode is Mode.VECTOR
    world.one.failure = BROKEN
    found = await world.search(bot, "the garden")
    assert (texts(found)[0], found.mode) == (TEXTS[2], Mode.LEXICAL_FALLBACK)


async def test_a_bot_can_do_without_documents(world: World) -> None:
    """Nothing is searched."""
    bot = await world.bot(enabled=False, embedding="one")
    await world.learn(bot, *TEXTS)
    assert await world.search(bot, "refunds") == Found(hits=(), mode=Mode.OFF)


async def test_settings_that_are_none_are_refused(world: World) -> None:
    """A bot that was written by somebody else fails with a name, not with a traceback."""
    with pytest.raises(InvalidInput):
        await world.search(await world.bot(nonsense=1), "refunds")


async def test_a_bot_that_is_gone_is_not_found(world: World) -> None:
    """As everywhere."""
    bot = await world.bot(embedding="one")
    await world.learn(bot, *TEXTS, embedding="one")
    await world.search(bot, "refunds")
    await world.store.delete_bot(TENANT, bot.id)
    with pytest.raises(NotFound):
        await world.search(bot, "refunds")


async def test_how_much_and_which_may_be_said_with_the_search(world: World) -> None:
    """``k`` is the search's own; ``where`` is laid over the bot's, on both sides."""
    bot = await world.bot(embedding="one", where={"kind": "a"})
    for kind, year in (("a", 1), ("a", 2), ("b", 1)):
        await world.learn(bot, f"refund {kind} {year}", embedding="one", metadata={"kind": kind, "year": year})
    assert sorted(texts(await world.search(bot, "refund"))) == ["refund a 1", "refund a 2"]
    assert texts(await world.search(bot, "refund", where={"year": "2"})) == ["refund a 2"]
    assert texts(await world.search(bot, "refund", where={"kind": "b"})) == ["refund b 1"]
    assert len((await world.search(bot, "refund", k=1)).hits) == 1


async def test_a_broken_embedding_is_said_once(world: World) -> None:
    """Searches go on with words and say so; the log has one line until it works again, with what the provider said."""
    bot = await world.bot(embedding="one")
    await world.learn(bot, *TEXTS, embedding="one")
    retrieval = Retrieval(world.store, world.embeddings, world.indexes, reembedding=world.reembedding)
    world.one.failure = BROKEN
    with structlog.testing.capture_logs() as logs:
        for number in range(3):
            found = await retrieval.search(TENANT, bot, f"refunds {number}")
            assert (texts(found)[0], found.mode) == (TEXTS[0], Mode.LEXICAL_FALLBACK)
        world.one.failure = None
        assert (await retrieval.search(TENANT, bot, "refunds again")).mode is Mode.HYBRID
        world.one.failure = BROKEN
        assert (await retrieval.search(TENANT, bot, "refunds, still")).mode is Mode.LEXICAL_FALLBACK
    said = [line for line in logs if line["event"] == "search_by_words_alone"]
    assert len(said) == 2
    assert "secret details" in said[0]["provider_text"]


async def test_vectors_of_another_length_are_a_broken_embedding(world: World) -> None:
    """A model that was changed behind its name is noticed; words go on."""
    bot = await world.bot(embedding="one")
    await world.learn(bot, *TEXTS, embedding="one")
    other = KnownEmbeddings(embeddings={"one": ScriptedEmbedding(16)})
    retrieval = Retrieval(world.store, other, world.indexes, reembedding=world.reembedding)
    assert (await retrieval.search(TENANT, bot, "refunds")).mode is Mode.LEXICAL_FALLBACK


async def test_a_question_is_embedded_once(world: World) -> None:
    """The same question within a minute has its vector already; a very long one is cut."""
    bot = await world.bot(embedding="one")
    await world.learn(bot, *TEXTS, embedding="one")
    retrieval = Retrieval(world.store, world.embeddings, world.indexes, reembedding=world.reembedding)
    world.one.calls.clear()
    for _ in range(3):
        await retrieval.search(TENANT, bot, "refunds")
    assert world.one.calls == [("refunds",)]
    await retrieval.search(TENANT, bot, "refunds " + "x" * 100_000)
    assert len(world.one.calls[-1][0]) < 5_000


async def test_what_changes_is_seen_at_once(world: World) -> None:
    """The search after a delete, a replacement or a restore shows it, also in another process that was warm."""
    bot = await world.bot(embedding="one")
    document_id = await world.learn(bot, TEXTS[0], embedding="one")
    other = replace(world, folder=world.folder / "other")
    for each in (world, other):
        assert texts(await each.search(bot, "refunds")) == [TEXTS[0]]
    await world.store.delete_document(TENANT, document_id)
    for each in (world, other):
        assert texts(await each.search(bot, "refunds")) == []
    await world.store.restore_document(TENANT, document_id)
    for each in (world, other):
        assert texts(await each.search(bot, "refunds")) == [TEXTS[0]]
    claim = await claimed(world.store, await world.store.replace_document(TENANT, document_id, Replacement(), None))
    chunks = chunks_of(claim, "Refunds take a week.")
    await world.store.put_chunks(claim, chunks, await embedded(world.embeddings, "one", chunks))
    await world.store.publish_document(claim)
    for each in (world, other):
        assert texts(await each.search(bot, "refunds")) == ["Refunds take a week."]


class Backwards(BaseDocumentCompressor):
    """A LangChain compressor that turns the order round and leaves the first out."""

    def compress_documents(self, documents: Sequence[Document], query: str, callbacks: Any = None) -> list[Document]:
        return list(reversed(documents))[:-1]


class Failing(BaseDocumentCompressor):
    def compress_documents(self, documents: Sequence[Document], query: str, callbacks: Any = None) -> list[Document]:
        raise ValueError("the provider's own words")


async def test_a_reranker_orders_again(world: World) -> None:
    """What it puts first is first; what it leaves out comes last; one that fails changes nothing."""
    world.rerankers = {"backwards": Backwards(), "failing": Failing()}
    bot = await world.bot(k=3)
    await world.learn(bot, "refund refund refund", "refund of shoes", "one refund among many other words here")
    plain = await world.search(bot, "refund")
    for name, expected, reranked in (
        ("backwards", [*reversed(texts(plain)[1:]), texts(plain)[0]], True),
        ("failing", texts(plain), False),
    ):
        found = await world.search(replace(bot, retrieval={"k": 3, "reranker": name}), "refund")
        assert (texts(found), found.reranked) == (expected, reranked)
        assert [hit.rank for hit in found.hits] == [1, 2, 3]


async def test_a_reranker_that_was_not_given_is_an_error(world: World) -> None:
    """A search names it, before it looks for anything; a bot that does without documents needs none."""
    bot = await world.bot(reranker="backwards")
    with pytest.raises(ModelError, match="'backwards'") as caught:
        await world.search(bot, "refund")
    assert caught.value.code == "provider_not_configured"
    off = replace(bot, retrieval={"reranker": "backwards", "enabled": False})
    assert (await world.search(off, "refund")).mode is Mode.OFF


async def test_a_changed_embedding_serves_when_it_is_whole(world: World) -> None:
    """The old vectors are searched until all chunks have new ones; a cut in between loses nothing that was done."""
    bot = await world.bot(embedding="one")
    await world.learn(bot, *(f"{text} {number}" for number in range(120) for text in TEXTS), embedding="one")
    bot = await world.store.update_bot(TENANT, bot.id, BotChange(retrieval={"embedding": "two"}))
    assert (await world.search(bot, "refunds")).mode is Mode.HYBRID
    assert await world.serving(bot) == "one"
    embed, calls = world.two.embed, 0

    async def cut_in_the_middle(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise BROKEN
        return await embed(*arguments, **named)

    world.two.embed = cut_in_the_middle  # type: ignore[method-assign]
    await world.reembedding.step()
    assert await world.serving(bot) == "one"
    done = 360 - len((await world.store.unembedded_chunks(TENANT, bot.id, "two", Window(limit=1000))).data)
    assert 0 < done < 360
    world.two.calls.clear()
    assert (await world.search(bot, "refunds")).mode is Mode.HYBRID
    await world.reembedding.step()
    assert await world.serving(bot) == "two"
    assert sum(len(call) for call in world.two.calls) == 360 - done
    assert (await world.search(bot, "refunds")).mode is Mode.HYBRID


async def test_an_embedding_that_comes_later_is_made_in_the_background(world: World) -> None:
    """Words are searched until then; ``none`` goes back to words."""
    bot = await world.bot()
    await world.learn(bot, *TEXTS)
    bot = await world.store.update_bot(TENANT, bot.id, BotChange(retrieval={"embedding": "one"}))
    assert (await world.search(bot, "refunds")).mode is Mode.LEXICAL
    await world.reembedding.step()
    assert (await world.search(bot, "refunds")).mode is Mode.HYBRID
    bot = await world.store.update_bot(TENANT, bot.id, BotChange(retrieval={"embedding": "none"}))
    assert (await world.search(bot, "refunds")).mode is Mode.LEXICAL
    await world.reembedding.step()
    assert await world.serving(bot) is None


async def test_two_processes_do_not_do_the_same_work(world: World) -> None:
    """While one has the lease, the other lets it be."""
    bot = await world.bot(embedding="one")
    await world.learn(bot, *TEXTS)
    assert await world.store.claim_embedding(TENANT, bot.id, "somebody else", 60)
    assert not await world.reembedding.bring(TENANT, bot.id)
    assert world.one.calls == []


async def test_a_gap_is_filled(world: World) -> None:
    """A document that came without vectors gets them, and mirrors that are warm see them."""
    bot = await world.bot(embedding="one", vector_weight=1)
    await world.learn(bot, TEXTS[0], embedding="one")
    await world.learn(bot, TEXTS[1])
    assert texts(await world.search(bot, "office closed")) == [TEXTS[0]]
    assert await world.reembedding.bring(TENANT, bot.id)
    assert texts(await world.search(bot, "office closed"))[0] == TEXTS[1]


async def test_the_loop_waits_until_it_is_woken(world: World) -> None:
    """A step does nothing until then, and one that was woken for a bot that is gone goes on."""
    step = asyncio.ensure_future(world.reembedding.step())
    await asyncio.sleep(0.05)
    assert not step.done()
    world.reembedding.wake(TENANT, "bot_00000000-0000-7000-8000-000000000000")
    await asyncio.wait_for(step, 5)


class Flaky:
    """A store that is away when its vectors or chunks are read for the ``fails_at``-th time."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.fails_at = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def page_vectors(self, *arguments: Any) -> Any:
        self._count()
        return await self._store.page_vectors(*arguments)

    async def page_chunks(self, *arguments: Any, **named: Any) -> Any:
        self._count()
        return await self._store.page_chunks(*arguments, **named)

    def _count(self) -> None:
        self.fails_at -= 1
        if self.fails_at == 0:
            raise StoreUnavailable


@pytest.mark.parametrize("fails_at", range(1, 7))
async def test_a_reading_that_was_cut_is_made_up_for(world: World, fails_at: int) -> None:
    """Wherever the store was away while a mirror was filled or filled anew, the next search finds everything."""
    bot = await world.bot(embedding="one")
    for number in range(5):
        await world.learn(bot, f"refund {number}", embedding="one")
    flaky = cast("Any", Flaky(world.store))
    shelf = Shelf(10_000_000)
    words, vectors = MemoryWords(flaky, shelf), FaissVectors(flaky, shelf)
    [asked] = await world.one.embed(["refund"])
    by_words = ChunkQuery(bot_id=bot.id, text="refund", k=9)
    by_vectors = VectorQuery(bot_id=bot.id, embedding="one", vector=asked, k=9)
    for _ in range(2):
        for search in (
            lambda: words.search_chunks(TENANT, by_words),
            lambda: vectors.search_vectors(TENANT, by_vectors),
        ):
            flaky.fails_at = fails_at
            with suppress(StoreUnavailable):
                await search()
            flaky.fails_at = 0
            assert len(await search()) == 5
        assert await world.store.serve_embedding(TENANT, bot.id, "one")


async def test_files_of_indexes_are_tidied(world: World) -> None:
    """What is searched is saved; a file goes with its bot, and one that is behind its bot goes where nobody writes it again."""
    bot, other = await world.bot(embedding="one"), await world.bot(embedding="one")
    for each in (bot, other):
        await world.learn(each, *TEXTS, embedding="one")
        await world.search(each, "refunds")
    await world.indexes.tidy()
    folder = world.folder / "indexes"
    assert len(list(folder.glob("*.json"))) == len(list(folder.glob("*.faiss"))) == 2
    await world.store.delete_bot(TENANT, bot.id)
    await world.indexes.tidy()
    assert len(list(folder.iterdir())) == 2
    restarted = replace(world)
    await restarted.indexes.tidy()
    assert len(list(folder.iterdir())) == 2
    await world.learn(other, "More.", embedding="one")
    await restarted.indexes.tidy()
    assert list(folder.iterdir()) == []


async def test_a_store_that_searches_is_searched(world: World) -> None:
    """An index in memory stands in only for what the store lacks."""
    features = world.store.features
    assert (world.indexes.words is world.store) == (Feature.CHUNK_SEARCH in features)
    assert (world.indexes.vectors is world.store) == (Feature.VECTOR_SEARCH in features)


async def test_memory_is_bounded(world: World) -> None:
    """Of many bots, those searched last are kept, as many as fit."""
    shelf = Shelf(400_000)
    words = MemoryWords(world.store, shelf)
    world.indexes = Indexes(words=words, vectors=world.indexes.vectors)
    bots = [await world.bot() for _ in range(8)]
    for bot in bots:
        await world.learn(bot, *(f"{text} {number}" * 10 for number in range(60) for text in TEXTS))
        assert (await world.search(bot, "refunds")).hits
    kept = [("words", TENANT, bot.id) in shelf for bot in bots]
    assert kept[-1]
    assert not kept[0]
    assert sum(mirror.size_bytes for mirror in shelf._mirrors.values()) <= 400_000 or sum(kept) == 1


async def test_nothing_is_searched_where_nothing_is(world: World) -> None:
    """A bot that never had a document costs a search nothing: no embedding is asked."""
    assert await world.search(await world.bot(embedding="one"), "refunds") == Found(hits=(), mode=Mode.LEXICAL)
    assert world.one.calls == []


async def test_what_names_lost_is_made_up_for(world: World) -> None:
    """However many of the nearest chunks are gone with their conversations, as many live ones as asked for are found."""
    bot = await world.bot(embedding="one", vector_weight=1)
    conversation = await make_conversation(world.store, bot=bot)
    for number in range(40):
        await exchange(world.store, conversation, f"refund {number}", "refund")
    pairs = (await world.store.page_untrained(TENANT, TrainingFilter(bot_id=bot.id), Window(limit=100))).data
    claim = await run(world.store, bot)
    chunks = learned(claim, pairs)
    await world.store.put_chunks(claim, chunks, await embedded(world.embeddings, "one", chunks))
    await world.store.publish_document(claim)
    await world.learn(bot, *TEXTS, embedding="one")
    assert len((await world.search(bot, "refund", k=3)).hits) == 3
    await world.store.delete_conversation(TENANT, conversation.id)
    assert sorted(texts(await world.search(bot, "refund", k=3))) == sorted(TEXTS)


@pytest.mark.slow
@pytest.mark.parametrize("in_memory", [False, True])
async def test_nothing_foreign_is_ever_found(world: World, in_memory: bool) -> None:
    """20 tenants with nearly the same texts, 2,000 searches at once and one by one, by words and by vectors: no chunk of another."""
    if in_memory:
        world.indexes = Indexes(words=MemoryWords(world.store, Shelf(300_000)), vectors=world.indexes.vectors)
    bots: dict[str, Bot] = {}
    for number in range(20):
        tenant_id = f"tenant{number}"
        await world.store.ensure_tenant(tenant_id)
        bot = bots[tenant_id] = await make_bot(world.store, tenant_id=tenant_id, retrieval={"embedding": "one"})
        claim = await claimed(world.store, await add(world.store, bot, tenant_id=tenant_id))
        chunks = chunks_of(claim, *(f"{text} Canary of tenant {number}." for text in TEXTS))
        await world.store.put_chunks(claim, chunks, await embedded(world.embeddings, "one", chunks))
        await world.store.publish_document(claim)
    retrieval = Retrieval(world.store, world.embeddings, world.indexes, reembedding=world.reembedding)

    async def ask(number: int) -> int:
        asker, about = number % 20, number * 7 % 20
        question = f"{TEXTS[number % 3]} Canary of tenant {about}."
        found = await retrieval.search(f"tenant{asker}", bots[f"tenant{asker}"], question, k=20)
        assert found.mode is Mode.HYBRID
        assert len(found.hits) == len(TEXTS)
        assert all(hit.chunk.text.endswith(f"Canary of tenant {asker}.") for hit in found.hits)
        return len(found.hits)

    for start in range(0, 2000, 20):
        if start % 400:
            await asyncio.gather(*(ask(number) for number in range(start, start + 20)))
        else:
            for number in range(start, start + 20):
                await ask(number)
    with pytest.raises(NotFound):
        await retrieval.search("tenant1", bots["tenant2"], "refunds")
