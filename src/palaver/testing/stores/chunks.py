"""What can be found: ``ChunkRows``. Search by words and by vectors is a feature; a store without one raises."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest

from palaver.document import ChunkKey
from palaver.errors import FeatureAbsent, NotFound
from palaver.ids import new_id
from palaver.page import Position, Window
from palaver.stores.base import Feature, Store
from palaver.stores.knowledge_orders import BotIndex, ChunkQuery, IndexChange, Replacement, Vector, VectorQuery
from palaver.testing.clock import FakeClock
from palaver.testing.stores.knowing import (
    EMBEDDING,
    add,
    chunks_of,
    claimed,
    embedded,
    floats,
    found,
    known,
    publish,
    texts_of,
)
from palaver.testing.stores.making import (
    LEASE_SECONDS,
    OTHER,
    OWNER,
    TENANT,
    agree,
    claim_of,
    completed,
    make_bot,
    make_conversation,
    running,
    waiting,
)

NEWER = "scripted/3"


class ChunkConformance:
    """Chunks by their names, and what a cache of them goes by."""

    async def test_chunks_come_back_as_they_were_made(self, store: Store) -> None:
        """Every field is kept, in the order of their places, whatever the size of the pages."""
        bot = await make_bot(store)
        claim = await claimed(store, await add(store, bot))
        chunks = chunks_of(claim, *(f"text \u2028 {number} \U0001f600" for number in range(12)))
        await store.put_chunks(claim, chunks)
        document = await store.publish_document(claim)
        assert list((await store.page_chunks(TENANT, document.id, Window())).data) == chunks
        for version in (None, 1):
            page = partial(store.page_chunks, TENANT, document.id, version=version)
            assert await agree(page, lambda chunk: chunk.key) == [chunk.key for chunk in chunks]
        assert not (await store.page_chunks(TENANT, document.id, Window(), version=2)).data

    async def test_chunks_are_found_by_their_names(self, store: Store) -> None:
        """Those that are live, in the order that was asked for, with the title that their document has now."""
        bot = await make_bot(store)
        document = await known(store, bot, "zero", "one", "two", title="Old")
        keys = [ChunkKey(document.id, 1, ordinal) for ordinal in (2, 7, 0)] + [ChunkKey(new_id("doc"), 1, 0)]
        hits = await store.find_chunks(TENANT, bot.id, keys)
        assert [(hit.chunk.text, hit.title, hit.score) for hit in hits] == [("two", "Old", 0), ("zero", "Old", 0)]
        assert [hit.rank for hit in hits] == sorted(hit.rank for hit in hits)
        await store.replace_document(TENANT, document.id, Replacement(title="New"), None)
        assert {hit.title for hit in await store.find_chunks(TENANT, bot.id, keys)} == {"New"}
        assert list(await store.find_chunks(TENANT, bot.id, [])) == []

    async def test_names_of_what_is_not_live_find_nothing(self, store: Store) -> None:
        """Staged, superseded, deleted, another bot's and another tenant's chunks are not found."""
        bot, other = await make_bot(store), await make_bot(store)
        document = await known(store, bot, "one")
        first, second = ChunkKey(document.id, 1, 0), ChunkKey(document.id, 2, 0)
        changed = await store.replace_document(TENANT, document.id, Replacement(), None)
        claim = await claimed(store, changed)
        await store.put_chunks(claim, chunks_of(claim, "two"))
        assert texts_of(await store.find_chunks(TENANT, bot.id, [first, second])) == ["one"]
        assert not await store.find_chunks(TENANT, other.id, [first])
        assert not await store.find_chunks(OTHER, bot.id, [first])
        await store.publish_document(claim)
        assert texts_of(await store.find_chunks(TENANT, bot.id, [first, second])) == ["two"]
        await store.delete_document(TENANT, document.id)
        assert not await store.find_chunks(TENANT, bot.id, [first, second])
        await store.restore_document(TENANT, document.id)
        assert texts_of(await store.find_chunks(TENANT, bot.id, [first, second])) == ["two"]
        await store.delete_bot(TENANT, bot.id)
        assert not await store.find_chunks(TENANT, bot.id, [first, second])

    async def test_the_revision_grows_with_every_change(self, store: Store) -> None:
        """What was published, replaced, deleted or restored since a revision is listed after it, once, as it is now."""
        bot = await make_bot(store)
        assert await store.bot_index(TENANT, bot.id) == BotIndex()
        first = await known(store, bot, "one", metadata={"a": "b"})
        seen = (await store.bot_index(TENANT, bot.id)).revision
        second = await known(store, bot, "two")
        pending = await add(store, bot)
        await store.delete_document(TENANT, first.id)
        changes = await store.index_changes(TENANT, bot.id, after=0, limit=10)
        assert [(each.document_id, each.version) for each in changes] == [(second.id, 1), (first.id, None)]
        assert [each.revision for each in changes] == sorted({each.revision for each in changes})
        assert changes[-1].revision == (await store.bot_index(TENANT, bot.id)).revision > seen > 0
        assert list(await store.index_changes(TENANT, bot.id, after=seen, limit=1)) == [changes[0]]
        await store.restore_document(TENANT, first.id)
        (last,) = await store.index_changes(TENANT, bot.id, after=changes[-1].revision, limit=10)
        assert last == IndexChange(revision=last.revision, document_id=first.id, version=1, metadata={"a": "b"})
        await store.replace_document(TENANT, first.id, Replacement(metadata={"a": "c"}), None)
        (changed,) = await store.index_changes(TENANT, bot.id, after=last.revision, limit=10)
        assert (changed.document_id, changed.version, changed.metadata) == (first.id, 1, {"a": "c"})
        await store.delete_document(TENANT, pending.id)
        assert (await store.bot_index(TENANT, bot.id)).revision == changed.revision

    async def test_a_foreign_index_is_not_found(self, store: Store) -> None:
        """Another tenant's bot has no index, and nothing of it can be read or written."""
        bot = await make_bot(store)
        document = await known(store, bot, "one", vectors=[(1, 0)])
        vector = Vector(ChunkKey(document.id, 1, 0), floats(0, 1))
        for bot_id in (bot.id, new_id("bot")):
            for call in (
                store.bot_index(OTHER, bot_id),
                store.index_changes(OTHER, bot_id, after=0, limit=1),
                store.unembedded_chunks(OTHER, bot_id, NEWER, Window(limit=1)),
                store.claim_embedding(OTHER, bot_id, "w", 1),
                store.serve_embedding(OTHER, bot_id, None),
            ):
                with pytest.raises(NotFound):
                    await call
        assert not (await store.page_vectors(OTHER, (document.id, 1), EMBEDDING, Window())).data
        await store.put_vectors(OTHER, NEWER, [vector])
        assert not (await store.page_vectors(TENANT, (document.id, 1), NEWER, Window())).data
        assert (await store.bot_index(TENANT, bot.id)).embedding == EMBEDDING

    async def test_a_claim_says_what_there_is_to_find(self, store: Store) -> None:
        """A turn that runs is told the index of its bot as it was when it began, also when it had to wait."""
        bot = await make_bot(store)
        conversation = await make_conversation(store, bot=bot)
        claim = await running(store, conversation)
        assert claim.index == BotIndex()
        await waiting(store, conversation)
        await known(store, bot, "one", vectors=[(1, 0)])
        index = await store.bot_index(TENANT, bot.id)
        assert (await running(store, await make_conversation(store, bot=bot))).index == index
        assert claim_of(await store.finish_turn(claim, completed("Hello."), promote=OWNER)).index == index
        assert index.embedding == EMBEDDING


class VectorConformance:
    """Vectors as rows."""

    async def test_vectors_are_listed_by_their_chunks(self, store: Store) -> None:
        """Those of a version by one embedding, in the order of the chunks, before it is ready and after."""
        bot = await make_bot(store)
        claim = await claimed(store, await add(store, bot))
        vectors = [(1.0, float(number)) for number in range(9)]
        await store.put_chunks(claim, chunks_of(claim, *"abcdefghi"), embedded(*vectors))
        key = (claim.document.id, 1)
        for ready in (False, True):
            if ready:
                await store.publish_document(claim)
            page = partial(store.page_vectors, TENANT, key, EMBEDDING)
            listed = await agree(page, lambda each: (each.key, each.vector))
            assert listed == [(ChunkKey(*key, n), floats(*vector)) for n, vector in enumerate(vectors)]
            assert not (await store.page_vectors(TENANT, key, NEWER, Window())).data

    async def test_the_first_vectors_decide_which_embedding_serves(self, store: Store) -> None:
        """Words alone do until vectors come; those by another embedding that come later don't change it."""
        bot = await make_bot(store)
        await known(store, bot, "words")
        assert (await store.bot_index(TENANT, bot.id)).embedding is None
        await known(store, bot, "one", vectors=[(1, 0)])
        claim = await claimed(store, await add(store, bot))
        await store.put_chunks(claim, chunks_of(claim, "two"), embedded((1, 0, 0), embedding=NEWER))
        assert (await store.bot_index(TENANT, bot.id)).embedding == EMBEDDING
        await store.publish_document(claim)
        assert (await store.bot_index(TENANT, bot.id)).embedding == EMBEDDING

    async def test_an_embedding_anew_serves_once_it_is_whole(self, store: Store, clock: FakeClock) -> None:
        """Chunks without a vector are listed until all have one; then it can serve, and the old vectors go in time."""
        bot = await make_bot(store)
        document = await known(store, bot, "one", "two", vectors=[(1, 0), (0, 1)])
        gone = await known(store, bot, "gone", vectors=[(1, 1)])
        await store.delete_document(TENANT, gone.id)
        assert await store.claim_embedding(TENANT, bot.id, "w1", LEASE_SECONDS)
        assert not await store.claim_embedding(TENANT, bot.id, "w2", LEASE_SECONDS)
        assert await store.claim_embedding(TENANT, bot.id, "w1", LEASE_SECONDS)
        clock.advance(LEASE_SECONDS + 1)
        assert await store.claim_embedding(TENANT, bot.id, "w2", LEASE_SECONDS)
        before = await store.bot_index(TENANT, bot.id)
        missing = list((await store.unembedded_chunks(TENANT, bot.id, NEWER, Window())).data)
        assert sorted(chunk.text for chunk in missing) == ["one", "two"]
        assert not (await store.unembedded_chunks(TENANT, bot.id, EMBEDDING, Window())).data
        for number, chunk in enumerate(missing):
            assert not await store.serve_embedding(TENANT, bot.id, NEWER)
            assert await store.bot_index(TENANT, bot.id) == before
            await store.put_vectors(TENANT, NEWER, [Vector(chunk.key, floats(number, 1, 2))])
            left = (await store.unembedded_chunks(TENANT, bot.id, NEWER, Window())).data
            assert len(left) == len(missing) - number - 1
        assert await store.serve_embedding(TENANT, bot.id, NEWER)
        after = await store.bot_index(TENANT, bot.id)
        assert after.embedding == NEWER
        assert after.revision > before.revision
        await self._purged(store)
        assert not (await store.page_vectors(TENANT, (document.id, 1), EMBEDDING, Window())).data
        assert len((await store.page_vectors(TENANT, (document.id, 1), NEWER, Window())).data) == 2

    @pytest.mark.parametrize("embeds", [True, False])
    async def test_what_has_no_vector_is_listed_page_by_page(self, store: Store, embeds: bool) -> None:
        """Each chunk once and none left out, whether vectors are written meanwhile or not. A document that goes is not listed
        any more; a version that comes before the position is, when the listing begins anew."""
        bot = await make_bot(store)
        made = [await known(store, bot, *(f"{letter}{number}" for number in range(5))) for letter in "abcdef"]
        for document, ordinals in ((made[1], (0, 2, 3)), (made[3], range(5))):
            await store.put_vectors(TENANT, NEWER, [Vector(ChunkKey(document.id, 1, at), floats(1)) for at in ordinals])

        async def listed(after: Position | None) -> tuple[Sequence[str], Position | None]:
            page = await store.unembedded_chunks(TENANT, bot.id, NEWER, Window(limit=3, after=after))
            if embeds:
                await store.put_vectors(TENANT, NEWER, [Vector(chunk.key, floats(1)) for chunk in page.data])
            return [chunk.text for chunk in page.data], page.next

        texts, position = await listed(None)
        assert texts == ["a0", "a1", "a2"]
        await store.delete_document(TENANT, made[5].id)
        await publish(store, await store.replace_document(TENANT, made[0].id, Replacement(), None), "anew")
        while position is not None:
            more, position = await listed(position)
            texts = [*texts, *more]
        assert texts[3:] == ["b1", "b4", *(f"c{number}" for number in range(5)), *(f"e{number}" for number in range(5))]
        left = (await store.unembedded_chunks(TENANT, bot.id, NEWER, Window())).data
        assert [chunk.text for chunk in left] == ["anew", *([] if embeds else texts[3:])]

    async def test_words_alone_can_serve(self, store: Store) -> None:
        """With no embedding none has to be whole."""
        bot = await make_bot(store)
        document = await known(store, bot, "one", vectors=[(1, 0)])
        assert await store.serve_embedding(TENANT, bot.id, None)
        assert (await store.bot_index(TENANT, bot.id)).embedding is None
        await self._purged(store)
        assert not (await store.page_vectors(TENANT, (document.id, 1), EMBEDDING, Window())).data

    async def test_vectors_of_what_is_not_there_are_passed_over(self, store: Store) -> None:
        """The others of the call are written; the same again changes nothing."""
        bot = await make_bot(store)
        document = await known(store, bot, "one")
        keys = [ChunkKey(document.id, 1, 0), ChunkKey(document.id, 1, 5), ChunkKey(document.id, 9, 0)]
        keys.append(ChunkKey(new_id("doc"), 1, 0))
        for _ in range(2):
            await store.put_vectors(TENANT, EMBEDDING, [Vector(key, floats(1, 0)) for key in keys])
        page = await store.page_vectors(TENANT, (document.id, 1), EMBEDDING, Window())
        assert list(page.data) == [Vector(keys[0], floats(1, 0))]

    @staticmethod
    async def _purged(store: Store) -> None:
        for _ in range(100):
            if not await store.purge(deleted_before_seconds=3600, limit=50):
                return
        raise AssertionError("the purge does not end")


class VectorSearchConformance:
    """Search by vectors: ``search_vectors``, or ``FeatureAbsent``."""

    @pytest.fixture
    async def near(self, store: Store) -> Store:
        """A store that searches by vectors. One that lacks the feature must say so; there is nothing more to test of it."""
        if Feature.VECTOR_SEARCH not in store.features:
            bot = await make_bot(store)
            with pytest.raises(FeatureAbsent):
                await store.search_vectors(TENANT, VectorQuery(bot_id=bot.id, embedding="e", vector=floats(1), k=1))
            pytest.xfail("the store declares that it lacks search by vectors")
        return store

    async def test_the_nearest_come_first(self, near: Store) -> None:
        """By the cosine, which is the score; what points away scores 0; at most ``k``."""
        bot = await make_bot(near)
        texts, vectors = ("right", "up", "left", "almost"), [(2, 0), (0, 3), (-1, 0), (0.8, 0.6)]
        await known(near, bot, *texts, vectors=vectors, metadata={"kind": "a"})
        query = VectorQuery(bot_id=bot.id, embedding=EMBEDDING, vector=floats(1, 0), k=3)
        hits = await near.search_vectors(TENANT, query)
        assert texts_of(hits) == ["right", "almost", "up"]
        assert [hit.rank for hit in hits] == [1, 2, 3]
        assert [hit.score for hit in hits] == pytest.approx([1, 0.8, 0], abs=1e-3)

    async def test_a_search_by_vectors_stays_inside(self, near: Store) -> None:
        """Other bots', other tenants', deleted and filtered chunks are not found, nor vectors by another embedding."""
        bot, other = await make_bot(near), await make_bot(near)
        foreign = await make_bot(near, tenant_id=OTHER)
        await known(near, bot, "ours", vectors=[(1, 0.5)], metadata={"kind": "a"})
        gone = await known(near, bot, "gone", vectors=[(1, 0)], metadata={"kind": "a"})
        await known(near, bot, "b", vectors=[(1, 0)], metadata={"kind": "b"})
        await known(near, other, "other", vectors=[(1, 0)], metadata={"kind": "a"})
        await known(near, foreign, "theirs", tenant_id=OTHER, vectors=[(1, 0)], metadata={"kind": "a"})
        await near.delete_document(TENANT, gone.id)
        query = VectorQuery(bot_id=bot.id, embedding=EMBEDDING, vector=floats(1, 0), k=9, where={"kind": "a"})
        assert texts_of(await near.search_vectors(TENANT, query)) == ["ours"]
        newer = VectorQuery(bot_id=bot.id, embedding=NEWER, vector=floats(1, 0), k=9)
        assert not await near.search_vectors(TENANT, newer)
        with pytest.raises(NotFound):
            await near.search_vectors(OTHER, query)


PASSAGES = (
    "A refund is paid within fourteen days after the parcel has come back to our warehouse.",
    "Parcels are delivered on weekdays between eight and eighteen o'clock by our own drivers.",
    "If goods arrive broken, take a photo and send it to the complaints desk before you return them.",
    "You can change your password on the page of your account under security.",
    "Invoices are sent by e-mail on the first day of every month.",
    "The café in the entrance hall is open from nine to five and serves vegan food.",
    "Dogs are allowed in the garden but not inside the restaurant.",
    "Our office in Zürich moved to the Bahnhofstrasse in spring.",
    "Gift cards never expire and can't be exchanged for cash.",
    "To cancel a subscription write to us at least three days before it is renewed.",
    "The warranty of electric bicycles covers the battery for two years.",
    "Students pay half the price when they show a valid card.",
)
QUESTIONS = {
    "How many days until my refund is paid?": 0,
    "When are the parcels delivered on a weekday?": 1,
    "What do I have to do when something arrives broken?": 2,
    "Where can I change the password of my account?": 3,
    "When do you send the invoices of a month?": 4,
    "Is the cafe open and is there vegan food?": 5,
    "May I take my dog into the restaurant?": 6,
    "Where is your office in Zurich now?": 7,
    "Does a gift card expire?": 8,
    "How do I cancel my subscription?": 9,
    "How long is the battery covered by the warranty?": 10,
    "What is the price for students with a card?": 11,
    "subscripton cancelation": 9,
    "waranty batery": 10,
}


class ChunkSearchConformance:
    """Search by words: ``search_chunks``, or ``FeatureAbsent``."""

    @pytest.fixture
    async def wordy(self, store: Store) -> Store:
        """A store that searches by words. One that lacks the feature must say so; there is nothing more to test of it."""
        if Feature.CHUNK_SEARCH not in store.features:
            bot = await make_bot(store)
            with pytest.raises(FeatureAbsent):
                await store.search_chunks(TENANT, ChunkQuery(bot_id=bot.id, text="x", k=1))
            pytest.xfail("the store declares that it lacks search by words")
        return store

    async def test_a_question_finds_the_passage_that_answers_it(self, wordy: Store) -> None:
        """A question as a person writes it, misspelt or not, finds its passage first; scores are 0–1 and fall."""
        bot = await make_bot(wordy)
        await known(wordy, bot, *PASSAGES)
        wrong = []
        for question, number in QUESTIONS.items():
            hits = await wordy.search_chunks(TENANT, ChunkQuery(bot_id=bot.id, text=question, k=5))
            assert len(hits) <= 5
            assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
            scores = [hit.score for hit in hits]
            assert scores == sorted(scores, reverse=True)
            assert all(0 <= score <= 1 for score in scores)
            if not hits or hits[0].chunk.text != PASSAGES[number]:
                wrong.append((question, texts_of(hits)))
        assert wrong == []

    async def test_words_are_matched_by_their_stem(self, wordy: Store) -> None:
        """Case, accents and endings don't matter."""
        bot = await make_bot(wordy)
        await known(wordy, bot, "The CAFÉ sells running shoes.", "Nothing of that kind.")
        for words in ("cafe", "Café", "run", "runs", "SHOE", "shoes?"):
            assert (await found(wordy, bot, words))[0].startswith("The CAFÉ"), words

    async def test_a_heading_is_searched_with_its_passage(self, wordy: Store) -> None:
        """A word that stands only above a passage finds it, misspelt or not, and counts with those of the text."""
        bot = await make_bot(wordy)
        await known(wordy, bot, "Nothing of that kind.", "It opens at nine.", "The part is new.", "It opens at ten.")
        for words in ("handbook", "Handbooks", "handbok"):
            assert sorted(await found(wordy, bot, words)) == ["It opens at nine.", "It opens at ten."], words
        assert (await found(wordy, bot, "handbook: opens at nine"))[0] == "It opens at nine."

    async def test_misspelt_words_are_found_where_none_fits(self, wordy: Store) -> None:
        """A word that is there as it is written is never taken for another."""
        bot = await make_bot(wordy)
        await known(wordy, bot, "The warranty ends.", "The warrant is signed.")
        assert (await found(wordy, bot, "warrantty"))[0] == "The warranty ends."
        assert await found(wordy, bot, "warrant") == ["The warrant is signed."]
        assert await found(wordy, bot, "zzzzqqqq") == []

    @pytest.mark.parametrize("words", ["", " \u2028 ", "?!", "*", "()", "\U0001f600"])
    async def test_a_query_without_a_word_finds_nothing(self, wordy: Store, words: str) -> None:
        """There is no error, either."""
        bot = await make_bot(wordy)
        await known(wordy, bot, "words * ( ) ?! \U0001f600")
        assert await found(wordy, bot, words) == []

    @pytest.mark.parametrize(
        "words",
        [
            '"',
            '"refund',
            "refund*",
            "NEAR(refund)",
            "refund AND",
            "-refund",
            "text:refund",
            "refund:*B & !a",
            "re'fund refund",
        ],
    )
    async def test_no_syntax_of_an_index_shows(self, wordy: Store, words: str) -> None:
        """Signs and operators are no more than what they are: words that are there, or nothing."""
        bot = await make_bot(wordy)
        await known(wordy, bot, "The refund policy.", "Something else.")
        assert await found(wordy, bot, words) in (["The refund policy."], [])

    async def test_a_search_stays_inside(self, wordy: Store) -> None:
        """Other bots', other tenants', staged, superseded and deleted chunks are not found, however well they fit."""
        bot, other = await make_bot(wordy), await make_bot(wordy)
        foreign = await make_bot(wordy, tenant_id=OTHER)
        document = await known(wordy, bot, "refund ours")
        gone = await known(wordy, bot, "refund refund gone")
        await known(wordy, other, "refund refund other")
        await known(wordy, foreign, "refund refund theirs", tenant_id=OTHER)
        await wordy.delete_document(TENANT, gone.id)
        changed = await wordy.replace_document(TENANT, document.id, Replacement(), None)
        claim = await claimed(wordy, changed)
        await wordy.put_chunks(claim, chunks_of(claim, "refund newer"))
        assert await found(wordy, bot, "refund") == ["refund ours"]
        await wordy.publish_document(claim)
        assert await found(wordy, bot, "refund") == ["refund newer"]
        await wordy.restore_document(TENANT, gone.id)
        assert sorted(await found(wordy, bot, "refund")) == ["refund newer", "refund refund gone"]
        assert await found(wordy, foreign, "refund", tenant_id=OTHER) == ["refund refund theirs"]
        for bot_id in (bot.id, new_id("bot")):
            with pytest.raises(NotFound):
                await wordy.search_chunks(OTHER, ChunkQuery(bot_id=bot_id, text="refund", k=1))

    async def test_metadata_narrows_a_search(self, wordy: Store) -> None:
        """Top-level values of the document's metadata are compared by their text; all must fit."""
        bot = await make_bot(wordy)
        await known(wordy, bot, "refund a", metadata={"kind": "a", "year": 2025, 'od"d': "x"})
        await known(wordy, bot, "refund b", metadata={"kind": "b", "year": 2025})
        assert await found(wordy, bot, "refund", where={"kind": "a"}) == ["refund a"]
        assert sorted(await found(wordy, bot, "refund", where={"year": "2025"})) == ["refund a", "refund b"]
        assert await found(wordy, bot, "refund", where={"kind": "b", "year": "2024"}) == []
        assert await found(wordy, bot, "refund", where={'od"d': "x"}) == ["refund a"]

    async def test_metadata_narrows_a_search_among_many_documents(self, wordy: Store) -> None:
        """However the documents that fit lie among those that don't, and however much better the others fit."""
        bot = await make_bot(wordy)
        for number in range(40):
            words = "refund" if number % 3 == 0 else "refund refund parcel"
            await known(wordy, bot, f"{words} {number}", metadata={"kind": "a" if number % 3 == 0 else "b"})
        expected = sorted(f"refund {number}" for number in range(0, 40, 3))
        assert sorted(await found(wordy, bot, "refund of a parcel", k=20, where={"kind": "a"})) == expected

    async def test_near_equal_texts_of_many_tenants_stay_apart(self, wordy: Store) -> None:
        """I14: nothing of another tenant or bot is ever found, misspelt or not."""
        bots = {}
        for tenant in range(8):
            tenant_id = f"tenant-{tenant}"
            await wordy.ensure_tenant(tenant_id)
            bots[tenant_id] = await make_bot(wordy, tenant_id=tenant_id)
            texts = [f"refund of parcel {number} for customer x{tenant}" for number in range(15)]
            await known(wordy, bots[tenant_id], *texts, tenant_id=tenant_id)
        for words in ("refund", "refnd parsel", *(f"parcel for customer x{tenant}" for tenant in range(8))):
            for tenant, (tenant_id, bot) in enumerate(bots.items()):
                texts = await found(wordy, bot, words, k=50, tenant_id=tenant_id)
                assert len(texts) == 15
                assert all(text.endswith(f" x{tenant}") for text in texts)

    async def test_at_most_k_are_found(self, wordy: Store) -> None:
        """The best ones."""
        bot = await make_bot(wordy)
        await known(wordy, bot, *(f"refund {number}" for number in range(30)), "refund of a parcel")
        assert len(await found(wordy, bot, "refund", k=7)) == 7
        assert await found(wordy, bot, "parcel refund", k=1) == ["refund of a parcel"]
