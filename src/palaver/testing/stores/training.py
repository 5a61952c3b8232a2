"""Past conversations as knowledge: ``TrainingRows``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest

from palaver.bot import Bot
from palaver.conversation import Conversation, ConversationStatus, Role, Turn, TurnError, TurnStatus
from palaver.document import DocumentSource, DocumentStatus, Provenance
from palaver.errors import FenceLost, NotFound, TrainingInProgress
from palaver.page import Window
from palaver.stores.base import Store
from palaver.stores.knowledge_orders import Ingestion, Pair, TrainingFilter, TrainingPolicy
from palaver.stores.orders import Ending, Outcome
from palaver.testing.clock import FakeClock
from palaver.testing.stores.documents import BROKEN, chunk_texts
from palaver.testing.stores.knowing import chunks_of, known, learned, run
from palaver.testing.stores.making import (
    LEASE_SECONDS,
    OTHER,
    OWNER,
    TENANT,
    answer_id_of,
    completed,
    exchange,
    make_bot,
    make_conversation,
    purge_all,
    running,
    stopped,
    walk,
)
from palaver.testing.stores.messages import appended, edit, regenerate


async def untrained(store: Store, bot: Bot, **fields: object) -> list[Pair]:
    """Return what a run would use."""
    wanted = TrainingFilter(bot_id=bot.id, **fields)  # type: ignore[arg-type]
    return list((await store.page_untrained(TENANT, wanted, Window(limit=200))).data)


def answers(pairs: Sequence[Pair]) -> list[str]:
    """Return their answers."""
    return [pair.answer.text for pair in pairs]


async def train(store: Store, clock: FakeClock, bot: Bot, pairs: Sequence[Pair] | None = None) -> Ingestion:
    """Train on some pairs (on all, if none are given), and mark their conversations."""
    clock.advance(1)
    claim = await run(store, bot)
    used = await untrained(store, bot) if pairs is None else pairs
    await store.put_chunks(claim, learned(claim, used))
    await store.mark_trained(claim, sorted({pair.answer.conversation_id for pair in used}))
    await store.publish_document(claim)
    clock.advance(1)
    return claim


class TrainingConformance:
    """Runs, pairs, marks."""

    async def test_a_run_is_a_document_in_the_making(self, store: Store) -> None:
        """It has no content and is claimed from its first moment on; published, it answers like any other."""
        bot = await make_bot(store)
        claim = await run(store, bot)
        document = claim.document
        assert (document.source, document.status) == (DocumentSource.TRAINING, DocumentStatus.PROCESSING)
        assert (claim.tenant_id, claim.bot, document.size_bytes) == (TENANT, bot, 0)
        assert await store.get_content(TENANT, document.id) == (document, b"")
        await exchange(store, await make_conversation(store, bot=bot), "Why?", "So.")
        await store.put_chunks(claim, learned(claim, await untrained(store, bot)))
        ready = await store.publish_document(claim, metadata={"training": {"used": 1}})
        assert (ready.status, ready.chunk_count) == (DocumentStatus.READY, 1)
        assert ready.metadata == {"training": {"used": 1}}
        assert await store.get_document(TENANT, document.id) == ready
        assert await chunk_texts(store, document.id) == ["Why?\nSo."]
        with pytest.raises(NotFound):
            await run(store, await make_bot(store, tenant_id=OTHER))

    async def test_one_run_at_a_time(self, store: Store, clock: FakeClock) -> None:
        """A second one of the bot is refused while the first is not over; one that died is failed by the next."""
        bot, other = await make_bot(store), await make_bot(store)
        first = await run(store, bot)
        await run(store, other)
        with pytest.raises(TrainingInProgress):
            await run(store, bot)
        assert await store.renew_ingestions([first], LEASE_SECONDS) == frozenset()
        clock.advance(LEASE_SECONDS + 1)
        with pytest.raises(FenceLost):
            await store.put_chunks(first, learned(first, []))
        second = await run(store, bot)
        cut = await store.get_document(TENANT, first.document.id)
        assert cut.status is DocumentStatus.FAILED
        assert cut.error is not None
        assert cut.error.code == "training_cut"
        await store.fail_document(second, BROKEN)
        third = await run(store, bot)
        await store.delete_document(TENANT, third.document.id)
        await run(store, bot)

    async def test_a_run_that_died_is_failed_by_whoever_looks_for_work(self, store: Store, clock: FakeClock) -> None:
        """Nobody claims it, but who waits for it hears that it is over. One that goes on, or is over, is left alone."""
        bot, other = await make_bot(store), await make_bot(store)
        dead = await run(store, bot)
        clock.advance(LEASE_SECONDS + 1)
        alive = await run(store, other)
        assert list(await store.claim_documents(OWNER, LEASE_SECONDS, 10)) == []
        cut = await store.get_document(TENANT, dead.document.id)
        assert cut.status is DocumentStatus.FAILED
        assert cut.error is not None
        assert cut.error.code == "training_cut"
        assert await store.get_document(TENANT, alive.document.id) == alive.document
        assert list(await store.claim_documents(OWNER, LEASE_SECONDS, 10)) == []
        assert await store.get_document(TENANT, dead.document.id) == cut

    async def test_pairs_are_what_was_asked_and_answered(self, store: Store) -> None:
        """Completed turns with text, of live conversations of the bot, by conversation and then as they were accepted."""
        bot, other = await make_bot(store), await make_bot(store)
        talks = [await make_conversation(store, bot=bot) for _ in range(3)]
        for number in range(5):
            for talk in talks:
                await exchange(store, talk, f"q{number}", f"a{number}")
        await exchange(store, await make_conversation(store, bot=other), "other", "other")
        gone = await make_conversation(store, bot=bot)
        await exchange(store, gone, "gone", "gone")
        await store.delete_conversation(TENANT, gone.id)
        deleted = (await exchange(store, talks[0], "deleted", "deleted")).turn
        await store.delete_turn(TENANT, answer_id_of(deleted))
        await self._useless(store, bot)
        wanted = TrainingFilter(bot_id=bot.id)
        listed: list[Pair] = []
        for limit in (1, 7, 100):
            pairs: list[Pair] = []
            window: Window | None = Window(limit=limit)
            while window is not None:
                page = await store.page_untrained(TENANT, wanted, window)
                assert len(page.data) <= limit
                pairs += page.data
                window = None if page.next is None else Window(limit=limit, after=page.next)
            assert listed in ([], pairs)
            listed = pairs
        told = [(pair.answer.conversation_id, pair.question.text, pair.answer.text) for pair in listed]
        assert told == [(talk.id, f"q{number}", f"a{number}") for talk in talks for number in range(5)]
        for message in (message for pair in listed for message in (pair.question, pair.answer)):
            assert message == await store.get_message(TENANT, message.id)
        for tenant_id, bot_id in ((OTHER, bot.id), (TENANT, "bot_unknown")):
            with pytest.raises(NotFound):
                await store.page_untrained(tenant_id, TrainingFilter(bot_id=bot_id), Window())

    @staticmethod
    async def _useless(store: Store, bot: Bot) -> None:
        """A stopped, a failed, an empty and a running turn; a question that was never answered."""
        for end in (
            stopped("half"),
            Outcome(status=TurnStatus.FAILED, error=TurnError(code="provider_error", message="x")),
            completed(""),
        ):
            claim = await running(store, await make_conversation(store, bot=bot))
            await store.finish_turn(claim, end, promote=None)
        await running(store, await make_conversation(store, bot=bot))
        lonely = await make_conversation(store, bot=bot)
        await store.append_messages(TENANT, lonely.id, appended(lonely, (Role.USER, "anyone?")))

    async def test_each_answer_of_a_question_is_a_pair(self, store: Store) -> None:
        """Other branches, edited questions and appended messages count like any other turn."""
        bot = await make_bot(store)
        talk = await make_conversation(store, bot=bot)
        first = (await exchange(store, talk, "q", "a1")).turn
        await regenerate(store, talk, first, "a2")
        await edit(store, talk, first, "q edited", "a3")
        await store.append_messages(TENANT, talk.id, appended(talk, (Role.USER, "q4"), (Role.ASSISTANT, "a4")))
        told = [(pair.question.text, pair.answer.text) for pair in await untrained(store, bot)]
        assert told == [("q", "a1"), ("q", "a2"), ("q edited", "a3"), ("q4", "a4")]

    async def test_a_policy_chooses(self, store: Store) -> None:
        """All, or those whose answer (or else conversation) is rated well, or those of conversations at rest."""
        bot = await make_bot(store)
        good, poor, archived, plain = [await make_conversation(store, bot=bot) for _ in range(4)]
        turns: list[Turn] = []
        for talk, answer in ((good, "g1"), (good, "g2"), (poor, "p1"), (poor, "p2"), (archived, "r"), (plain, "n")):
            turns.append((await exchange(store, talk, "q", answer)).turn)
        await store.rate_message(TENANT, answer_id_of(turns[1]), 1, None)
        await store.rate_message(TENANT, answer_id_of(turns[3]), 5, None)
        await store.end_conversation(TENANT, good.id, Ending(rating=4))
        await store.end_conversation(TENANT, poor.id, Ending(rating=2))
        await store.set_status(TENANT, archived.id, ConversationStatus.ARCHIVED)
        assert answers(await untrained(store, bot)) == ["g1", "g2", "p1", "p2", "r", "n"]
        rated = await untrained(store, bot, policy=TrainingPolicy.RATED)
        assert [(pair.answer.text, pair.rating) for pair in rated] == [("g1", 4), ("p2", 5)]
        fair = await untrained(store, bot, policy=TrainingPolicy.RATED, min_rating=2)
        assert answers(fair) == ["g1", "p1", "p2"]
        assert answers(await untrained(store, bot, policy=TrainingPolicy.ENDED)) == ["g1", "g2", "p1", "p2", "r"]

    async def test_what_was_trained_is_not_trained_again(self, store: Store, clock: FakeClock) -> None:
        """Nothing counts before the run is published; then its pairs are not listed, but what came later is."""
        bot = await make_bot(store)
        talks = [await make_conversation(store, bot=bot) for _ in range(3)]
        for talk in talks:
            await exchange(store, talk, "q", "a")
        pairs = await untrained(store, bot)
        clock.advance(1)
        claim = await run(store, bot)
        await store.put_chunks(claim, learned(claim, pairs[:2]))
        await store.mark_trained(claim, [talks[0].id])
        assert await untrained(store, bot) == pairs
        await store.publish_document(claim)
        assert await untrained(store, bot) == pairs[2:]
        await exchange(store, talks[0], "q", "later")
        assert answers(await untrained(store, bot)) == ["later", "a"]

    async def test_a_run_that_failed_trained_nothing(self, store: Store, clock: FakeClock) -> None:
        """Its pairs and marks are as if never written."""
        bot = await make_bot(store)
        talk = await make_conversation(store, bot=bot)
        await exchange(store, talk)
        clock.advance(1)
        claim = await run(store, bot)
        await store.put_chunks(claim, learned(claim, await untrained(store, bot)))
        await store.mark_trained(claim, [talk.id])
        await store.fail_document(claim, BROKEN)
        assert answers(await untrained(store, bot)) == ["Hello."]

    async def test_untraining_gives_the_pairs_back(self, store: Store, clock: FakeClock) -> None:
        """When a run is deleted, its conversations can be trained on again, whoever marked them last; restored, it counts."""
        bot = await make_bot(store)
        talk, other = await make_conversation(store, bot=bot), await make_conversation(store, bot=bot)
        await exchange(store, talk, "q", "one")
        await exchange(store, other, "q", "other")
        first = await train(store, clock, bot)
        await exchange(store, talk, "q", "two")
        second = await train(store, clock, bot)
        assert await untrained(store, bot) == []
        await store.delete_document(TENANT, first.document.id)
        assert answers(await untrained(store, bot)) == ["one", "other"]
        await store.restore_document(TENANT, first.document.id)
        assert await untrained(store, bot) == []
        await store.delete_document(TENANT, second.document.id)
        assert answers(await untrained(store, bot)) == ["two"]
        await purge_all(store)
        assert answers(await untrained(store, bot)) == ["two"]

    async def test_a_run_that_is_taken_back_during_another_one_gives_its_pairs_back(
        self, store: Store, clock: FakeClock
    ) -> None:
        """The other one has not seen them: its mark does not hide them."""
        bot = await make_bot(store)
        talk = await make_conversation(store, bot=bot)
        await exchange(store, talk, "q", "one")
        first = await train(store, clock, bot)
        await exchange(store, talk, "q", "two")
        clock.advance(1)
        second = await run(store, bot)
        used = await untrained(store, bot)
        assert answers(used) == ["two"]
        clock.advance(1)
        await store.delete_document(TENANT, first.document.id)
        await store.put_chunks(second, learned(second, used))
        await store.mark_trained(second, [talk.id])
        await store.publish_document(second)
        assert answers(await untrained(store, bot)) == ["one"]

    async def test_whatever_takes_marks_back_lists_each_pair_once(self, store: Store, clock: FakeClock) -> None:
        """Marked by a run that failed, by one that was taken back and by one that is purged, and changed since: whatever comes
        together, every page begins where the one before ended."""
        bot = await make_bot(store)
        talks = [await make_conversation(store, bot=bot) for _ in range(6)]
        for number, talk in enumerate(talks):
            await exchange(store, talk, "q", f"a{number}")
        pairs = await untrained(store, bot)
        purged = await train(store, clock, bot, pairs[0:2])
        undone = await train(store, clock, bot, pairs[2:4])
        clock.advance(1)
        broken = await run(store, bot)
        await store.put_chunks(broken, learned(broken, pairs[4:]))
        await store.mark_trained(broken, [talk.id for talk in talks[4:]])
        await store.fail_document(broken, BROKEN)
        assert answers(await untrained(store, bot)) == ["a4", "a5"]
        await store.delete_document(TENANT, purged.document.id)
        await purge_all(store)
        assert answers(await untrained(store, bot)) == ["a0", "a1", "a4", "a5"]
        await store.delete_document(TENANT, undone.document.id)
        await exchange(store, talks[0], "q", "b0")
        await exchange(store, talks[3], "q", "b3")
        listed = ["a0", "b0", "a1", "a2", "a3", "b3", "a4", "a5"]
        for limit in (1, 3, 100):
            page = partial(store.page_untrained, TENANT, TrainingFilter(bot_id=bot.id))
            assert answers(await walk(page, limit)) == listed
        again = await train(store, clock, bot)
        assert await untrained(store, bot) == []
        await store.delete_document(TENANT, again.document.id)
        assert answers(await untrained(store, bot)) == listed

    async def test_a_purged_run_gives_back_what_was_deleted_meanwhile(self, store: Store, clock: FakeClock) -> None:
        """A conversation that is restored after the run which had it was purged can be trained on again."""
        bot = await make_bot(store)
        talk = await make_conversation(store, bot=bot)
        await exchange(store, talk)
        claim = await train(store, clock, bot)
        await store.delete_document(TENANT, claim.document.id)
        clock.advance(10)
        await store.delete_conversation(TENANT, talk.id)
        await purge_all(store, older_than_seconds=5)
        await store.restore_conversation(TENANT, talk.id)
        assert answers(await untrained(store, bot)) == ["Hello."]

    async def test_a_mark_hides_what_is_not_worth_training_on(self, store: Store, clock: FakeClock) -> None:
        """A marked conversation is passed over, until a turn, a rating or a change of status takes the mark back."""
        bot = await make_bot(store)
        talks = [await make_conversation(store, bot=bot) for _ in range(5)]
        turns = [(await exchange(store, talk, "q", f"a{number}")).turn for number, talk in enumerate(talks)]
        clock.advance(1)
        claim = await run(store, bot)
        await store.mark_trained(claim, [talk.id for talk in talks])
        await store.publish_document(claim)
        assert await untrained(store, bot) == []
        clock.advance(1)
        await exchange(store, talks[0], "q", "more")
        await store.rate_message(TENANT, answer_id_of(turns[1]), 5, None)
        await store.end_conversation(TENANT, talks[2].id, Ending())
        await store.set_status(TENANT, talks[3].id, ConversationStatus.ARCHIVED)
        assert answers(await untrained(store, bot)) == ["a0", "more", "a1", "a2", "a3"]

    async def test_a_turn_that_ends_while_a_run_goes_on_is_not_lost(self, store: Store, clock: FakeClock) -> None:
        """A conversation in which a turn was open or ended after the run began is not marked by it."""
        bot = await make_bot(store)
        ended, opened = await make_conversation(store, bot=bot), await make_conversation(store, bot=bot)
        early, late = await running(store, ended), await running(store, opened)
        clock.advance(1)
        claim = await run(store, bot)
        clock.advance(1)
        await store.finish_turn(early, completed("early"), promote=None)
        await store.mark_trained(claim, [ended.id, opened.id])
        await store.publish_document(claim)
        await store.finish_turn(late, completed("late"), promote=None)
        assert answers(await untrained(store, bot)) == ["early", "late"]

    async def test_marks_need_the_claim(self, store: Store, clock: FakeClock) -> None:
        """Who has lost it marks nothing; what is not there, or another tenant's or bot's, is passed over."""
        bot = await make_bot(store)
        talk = await make_conversation(store, bot=bot)
        await exchange(store, talk)
        foreign = await make_conversation(store, tenant_id=OTHER)
        clock.advance(1)
        claim = await run(store, bot)
        await store.mark_trained(claim, [foreign.id, "conv_unknown"])
        clock.advance(LEASE_SECONDS + 1)
        with pytest.raises(FenceLost):
            await store.mark_trained(claim, [talk.id])
        assert answers(await untrained(store, bot)) == ["Hello."]

    async def test_a_deleted_turn_takes_its_pair_out(self, store: Store, clock: FakeClock) -> None:
        """Neither listed nor found by its name; a restored conversation's pairs are there again; a purge removes them."""
        bot = await make_bot(store)
        talk, gone = await make_conversation(store, bot=bot), await make_conversation(store, bot=bot)
        turns = [(await exchange(store, talk, "q", f"a{number}")).turn for number in range(2)]
        await exchange(store, gone, "q", "gone")
        claim = await train(store, clock, bot)
        texts = ["q\na0", "q\na1", "q\ngone"]
        keys = [chunk.key for chunk in learned(claim, await self._pairs_of(store, claim))]
        assert await chunk_texts(store, claim.document.id) == texts
        await store.delete_conversation(TENANT, gone.id)
        await store.delete_turn(TENANT, answer_id_of(turns[0]))
        assert await chunk_texts(store, claim.document.id) == texts[1:2]
        assert [hit.chunk.text for hit in await store.find_chunks(TENANT, bot.id, keys)] == texts[1:2]
        await store.restore_conversation(TENANT, gone.id)
        assert await chunk_texts(store, claim.document.id) == texts[1:]
        await store.delete_conversation(TENANT, gone.id)
        await purge_all(store)
        records = await store.page_chunk_records(TENANT, claim.document.id, Window())
        assert len(records.data) == 1
        assert await chunk_texts(store, claim.document.id) == texts[1:2]

    @staticmethod
    async def _pairs_of(store: Store, claim: Ingestion) -> list[Pair]:
        pairs = []
        for chunk in (await store.page_chunks(TENANT, claim.document.id, Window())).data:
            assert chunk.provenance is not None
            turn = await store.get_turn(TENANT, chunk.provenance.turn_id)
            assert turn.conversation_id == chunk.provenance.conversation_id
            answer = await store.get_message(TENANT, answer_id_of(turn))
            pairs.append(Pair(question=answer, answer=answer))
        return pairs

    async def test_fingerprints_are_alike_that_differ_in_three_bits(self, store: Store, clock: FakeClock) -> None:
        """Wherever they are; those that differ in four are not, nor are those of another bot."""
        bot, other = await make_bot(store), await make_bot(store)
        for mark, owner in (("1111222233334444", bot), ("5555666677778888", bot), ("0000000000000000", other)):
            await self._marked(store, clock, owner, mark)
        near = ["1111222233334444", "0001222233334444", "1111222233334443", "1110222333334445", "5555666677778889"]
        far = ["0000222233334444", "1110222332334445", "2222333344441111", "0000000000000000"]
        assert await store.alike_fingerprints(TENANT, bot.id, [*far, *near]) == set(near)
        assert await store.alike_fingerprints(TENANT, bot.id, []) == frozenset()
        with pytest.raises(NotFound):
            await store.alike_fingerprints(OTHER, bot.id, ["1111222233334444"])

    async def test_only_live_fingerprints_are_found(self, store: Store, clock: FakeClock) -> None:
        """Of published runs that are not deleted, and of turns that are not."""
        bot = await make_bot(store)
        mark = "1111222233334444"

        async def near() -> frozenset[str]:
            return await store.alike_fingerprints(TENANT, bot.id, [mark])

        claim, talk = await self._marked(store, clock, bot, mark, publishes=False)
        assert await near() == frozenset()
        await store.publish_document(claim)
        assert await near() == {mark}
        await store.delete_conversation(TENANT, talk.id)
        assert await near() == frozenset()
        await store.restore_conversation(TENANT, talk.id)
        await store.delete_document(TENANT, claim.document.id)
        assert await near() == frozenset()
        await store.restore_document(TENANT, claim.document.id)
        assert await near() == {mark}
        await store.delete_document(TENANT, claim.document.id)
        await purge_all(store)
        assert await near() == frozenset()

    @staticmethod
    async def _marked(
        store: Store, clock: FakeClock, bot: Bot, mark: str, *, publishes: bool = True
    ) -> tuple[Ingestion, Conversation]:
        """Train a bot on a turn with this fingerprint."""
        talk = await make_conversation(store, bot=bot)
        turn = (await exchange(store, talk)).turn
        clock.advance(1)
        claim = await run(store, bot)
        made_of = [Provenance(conversation_id=talk.id, turn_id=turn.id, fingerprint=mark)]
        await store.put_chunks(claim, chunks_of(claim, "Hello?", provenance=made_of))
        if publishes:
            await store.publish_document(claim)
            (chunk,) = (await store.page_chunks(TENANT, claim.document.id, Window())).data
            assert chunk.provenance == made_of[0]
        return claim, talk

    async def test_other_documents_train_nothing(self, store: Store) -> None:
        """Only a run's chunks take turns out of the listing."""
        bot = await make_bot(store)
        await exchange(store, await make_conversation(store, bot=bot))
        await known(store, bot, "Hello?\nHello.")
        assert answers(await untrained(store, bot)) == ["Hello."]
