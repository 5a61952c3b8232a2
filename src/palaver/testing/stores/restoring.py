"""Turns that were deleted and come back: ``MessageRows.restore_turn``, and the list of what can."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest

from palaver.conversation import Conversation, InterruptReason, Role, Turn, TurnStatus
from palaver.errors import NotFound
from palaver.ids import new_id
from palaver.page import Window
from palaver.stores.base import Feature, Store
from palaver.stores.orders import SearchQuery
from palaver.stores.records import ConversationRecord, Inside, MessageRecord, Record, Shelf, TurnRecord
from palaver.testing.clock import FakeClock
from palaver.testing.stores.figures import all_agree, counted, totals
from palaver.testing.stores.knowing import learned, run
from palaver.testing.stores.making import (
    OTHER,
    TENANT,
    agree,
    answer_id_of,
    begin,
    exchange,
    make_bot,
    make_conversation,
    path_of,
    purge_all,
    question_id_of,
    running,
    waiting,
)
from palaver.testing.stores.messages import appended, edit, regenerate, talk
from palaver.testing.stores.training import answers, untrained


async def delete(store: Store, clock: FakeClock, *turns: Turn) -> None:
    """Delete turns by their answers, one after the other, each at a time of its own."""
    for turn in turns:
        clock.advance(1)
        await store.delete_turn(TENANT, answer_id_of(turn))
    clock.advance(1)


async def restore(store: Store, *turns: Turn) -> None:
    """Restore turns by their answers."""
    for turn in turns:
        await store.restore_turn(TENANT, answer_id_of(turn))


async def tree_of(store: Store, conversation: Conversation, turns: Sequence[Turn]) -> dict[int, int | None]:
    """Return the parents of turns, by their indexes."""
    index = {turn.id: turn.index for turn in turns}
    found = [await store.get_turn(TENANT, turn.id) for turn in turns]
    assert all(each.conversation_id == conversation.id for each in found)
    return {each.index: None if each.parent_id is None else index[each.parent_id] for each in found}


async def head_of(store: Store, conversation: Conversation) -> str | None:
    """Return the head of a conversation."""
    return (await store.get_conversation(TENANT, conversation.id)).head_turn_id


async def inside(store: Store, conversation: Conversation) -> list[Record]:
    """Return all that is kept of a conversation, but for its version, which says how often it was changed."""
    found: list[Record] = []
    for kind in (Inside.TURNS, Inside.MESSAGES, Inside.EVENTS):
        found += (await store.page_inside(kind, TENANT, conversation.id, Window(limit=200))).data
    shelf = (await store.page_records(Shelf.CONVERSATIONS, TENANT, Window(limit=200))).data
    records = [
        each for each in shelf if isinstance(each, ConversationRecord) and each.conversation.id == conversation.id
    ]
    talk = [
        (each.conversation.message_count, each.conversation.turn_count, each.conversation.head_turn_id, each.last_seq)
        for each in records
    ]
    assert [each.lost_head_id for each in records] == [None]
    return [*found, talk]  # type: ignore[list-item]  # what is compared of the conversation


async def deleted_texts(store: Store, conversation: Conversation | None = None) -> list[str]:
    """Return what can be restored, of a conversation or of the tenant."""
    only = None if conversation is None else conversation.id
    return [each.text for each in (await store.page_deleted_messages(TENANT, Window(), conversation_id=only)).data]


class RestoreConformance:
    """Turns that come back."""

    @pytest.mark.parametrize("number", range(3))
    @pytest.mark.parametrize("by_question", [False, True])
    async def test_a_turn_comes_back_as_it_was(
        self, store: Store, clock: FakeClock, number: int, by_question: bool
    ) -> None:
        """Whichever turn of a conversation it was, and by either of its messages: everything is kept as if nothing had been
        deleted, but for the version, which grows with both."""
        conversation = await make_conversation(store)
        turns = await talk(store, conversation, 3)
        before, version = await inside(store, conversation), conversation.version
        await delete(store, clock, turns[number])
        message_id = (question_id_of if by_question else answer_id_of)(turns[number])
        back = await store.restore_turn(TENANT, message_id)
        assert back == await store.get_message(TENANT, message_id)
        assert await inside(store, conversation) == before
        assert (await store.get_conversation(TENANT, conversation.id)).version == version + 2
        assert await path_of(store, conversation) == ["q1", "a1", "q2", "a2", "q3", "a3"]

    async def test_what_is_not_deleted_stays_as_it_is(self, store: Store, clock: FakeClock) -> None:
        """A restore of a message that is there returns it and changes nothing; a second one neither."""
        conversation = await make_conversation(store)
        turns = await talk(store, conversation, 2)
        await delete(store, clock, turns[0])
        await restore(store, turns[0])
        before = (await inside(store, conversation), await store.get_conversation(TENANT, conversation.id))
        for turn in turns:
            message = await store.get_message(TENANT, answer_id_of(turn))
            assert await store.restore_turn(TENANT, message.id) == message
        assert (await inside(store, conversation), await store.get_conversation(TENANT, conversation.id)) == before

    async def test_turns_come_back_in_any_order(self, store: Store, clock: FakeClock) -> None:
        """In whatever order a chain of turns is deleted and restored, it is the same chain again, with the same head."""
        for gone in ((0, 1, 2), (2, 1, 0), (1, 3, 2), (3, 2, 1)):
            for order in permutations(gone):
                conversation = await make_conversation(store)
                turns = await talk(store, conversation, 4)
                before = await inside(store, conversation)
                await delete(store, clock, *(turns[each] for each in gone))
                await restore(store, *(turns[each] for each in order))
                assert await inside(store, conversation) == before

    async def test_what_was_said_since_is_behind_what_comes_back(self, store: Store, clock: FakeClock) -> None:
        """A conversation that went on where a turn was missing is the same as if the turn had been there: the new turn is
        behind it, also when several were deleted before, and however they come back."""
        for order in permutations((1, 2)):
            conversation = await make_conversation(store)
            turns = await talk(store, conversation, 3)
            await delete(store, clock, turns[2], turns[1])
            turns += [(await exchange(store, conversation, "q4", "a4")).turn]
            assert await tree_of(store, conversation, [turns[0], turns[3]]) == {1: None, 4: 1}
            await restore(store, *(turns[each] for each in order))
            assert await tree_of(store, conversation, turns) == {1: None, 2: 1, 3: 2, 4: 3}
            assert await path_of(store, conversation) == ["q1", "a1", "q2", "a2", "q3", "a3", "q4", "a4"]
            assert await head_of(store, conversation) == turns[3].id

    async def test_what_was_appended_since_is_behind_what_comes_back(self, store: Store, clock: FakeClock) -> None:
        """Also where nothing is left before it."""
        conversation = await make_conversation(store)
        (only,) = await talk(store, conversation, 1)
        await delete(store, clock, only)
        orders = appended(conversation, (Role.USER, "q2"), (Role.ASSISTANT, "a2"), (Role.ASSISTANT, "a3"))
        stored = (await store.append_messages(TENANT, conversation.id, orders)).value
        await restore(store, only)
        assert await path_of(store, conversation) == ["q1", "a1", "q2", "a2", "a3"]
        assert await head_of(store, conversation) == stored[-1].turn_id

    async def test_a_branch_stays_a_branch(self, store: Store, clock: FakeClock) -> None:
        """What continues another turn than the one that a deleted head left stands beside what comes back, and stays shown."""
        conversation = await make_conversation(store)
        turns = await talk(store, conversation, 3)
        await delete(store, clock, turns[2])
        await store.set_head(TENANT, conversation.id, turns[0].id)
        turns += [(await exchange(store, conversation, "q4", "a4")).turn]
        await restore(store, turns[2])
        assert await tree_of(store, conversation, turns) == {1: None, 2: 1, 3: 2, 4: 1}
        assert await path_of(store, conversation) == ["q1", "a1", "q4", "a4"]
        await store.set_head(TENANT, conversation.id, turns[2].id)
        assert await path_of(store, conversation) == ["q1", "a1", "q2", "a2", "q3", "a3"]

    async def test_a_head_that_was_switched_stays(self, store: Store, clock: FakeClock) -> None:
        """Who has switched since is not taken away from where they are."""
        conversation = await make_conversation(store)
        first, _ = await talk(store, conversation, 2)
        other = await edit(store, conversation, first, "q1, edited", "x")
        await delete(store, clock, other)
        await store.set_head(TENANT, conversation.id, first.id)
        await restore(store, other)
        assert (await head_of(store, conversation), await path_of(store, conversation)) == (first.id, ["q1", "a1"])

    async def test_a_regenerated_answer_comes_back_beside_the_others(self, store: Store, clock: FakeClock) -> None:
        """One answer of a shared question: it is shown again if it was, and the question belongs to its first turn."""
        conversation = await make_conversation(store)
        (first,) = await talk(store, conversation, 1)
        again = await regenerate(store, conversation, first, "again")
        before = await inside(store, conversation)
        for order in permutations((first, again)):
            for back in permutations((first, again)):
                await delete(store, clock, *order)
                assert await path_of(store, conversation) == []
                await restore(store, *back)
                assert await inside(store, conversation) == before
        await delete(store, clock, first)
        assert await path_of(store, conversation) == ["q1", "again"]
        await restore(store, first)
        assert await inside(store, conversation) == before

    async def test_a_question_comes_back_with_the_answers_that_went_with_it(
        self, store: Store, clock: FakeClock
    ) -> None:
        """By any of them; an answer that was deleted before stays deleted, and comes back alone."""
        conversation = await make_conversation(store)
        (first,) = await talk(store, conversation, 1)
        second, third = [await regenerate(store, conversation, first, text) for text in ("second", "third")]
        (tail,) = await talk(store, conversation, 1)
        for message_id in (question_id_of(first), answer_id_of(first), answer_id_of(third)):
            await delete(store, clock, second)
            between = await inside(store, conversation)
            await store.delete_turn(TENANT, question_id_of(first))
            clock.advance(1)
            assert (await store.get_turn(TENANT, tail.id)).parent_id is None
            await store.restore_turn(TENANT, message_id)
            assert await inside(store, conversation) == between
            with pytest.raises(NotFound):
                await store.get_turn(TENANT, second.id)
            await restore(store, second)
        assert await path_of(store, conversation) == ["q1", "third", "q1", "a1"]

    async def test_what_was_made_beside_a_child_goes_back_with_it(self, store: Store, clock: FakeClock) -> None:
        """An answer regenerated, or a question edited, while the turn before it was deleted, hangs on that, too."""
        conversation = await make_conversation(store)
        turns = await talk(store, conversation, 3)
        await delete(store, clock, turns[1])
        turns.append(await regenerate(store, conversation, turns[2], "a3, again"))
        turns.append(await edit(store, conversation, turns[3], "q3, edited", "a3, edited"))
        await restore(store, turns[1])
        assert await tree_of(store, conversation, turns) == {1: None, 2: 1, 3: 2, 4: 2, 5: 2}
        assert await path_of(store, conversation) == ["q1", "a1", "q2", "a2", "q3, edited", "a3, edited"]
        gone = await store.delete_turn(TENANT, question_id_of(turns[2]))
        assert len(gone) == 3

    async def test_an_open_turn_comes_back_as_it_ended(self, store: Store, clock: FakeClock) -> None:
        """Interrupted by its deletion; a running turn stays the one that runs."""
        conversation = await make_conversation(store)
        await talk(store, conversation, 1)
        claim = await running(store, conversation, "q2")
        queued = await waiting(store, conversation, "q3")
        await delete(store, clock, queued)
        await restore(store, queued)
        now = await store.get_turn(TENANT, queued.id)
        assert (now.status, now.reason) == (TurnStatus.INTERRUPTED, InterruptReason.DELETED)
        there = await store.get_conversation(TENANT, conversation.id)
        assert (there.running_turn_id, there.head_turn_id, now.parent_id) == (claim.turn.id, queued.id, claim.turn.id)
        await delete(store, clock, claim.turn)
        await restore(store, claim.turn)
        assert (await store.get_turn(TENANT, claim.turn.id)).reason is InterruptReason.DELETED
        assert await path_of(store, conversation) == ["q1", "a1", "q2", "", "q3", ""]

    async def test_what_comes_back_is_found_rated_and_continued(self, store: Store, clock: FakeClock) -> None:
        """It is in the search and in what a model is told; it can be rated, and deleted again."""
        conversation = await make_conversation(store)
        first = (await exchange(store, conversation, "zebra", "lion")).turn
        await store.rate_message(TENANT, answer_id_of(first), 2, "meh")
        await delete(store, clock, first)
        await restore(store, first)
        if Feature.MESSAGE_SEARCH in store.features:
            found = await store.search_messages(TENANT, SearchQuery(text="zebra"), Window())
            assert [each.id for each in found.data] == [question_id_of(first)]
        begun = await begin(store, conversation)
        said = await store.lineage(TENANT, begun.turn.id, turns=9)
        assert [each.text for each in said] == ["lion", "zebra"]
        assert (await store.get_message(TENANT, answer_id_of(first))).rating == 2
        await store.rate_message(TENANT, answer_id_of(first), 5, None)
        assert len(await store.delete_turn(TENANT, question_id_of(first))) == 2

    async def test_figures_stay_those_of_a_recount(self, store: Store, clock: FakeClock) -> None:
        """What is deleted counts no more, what is restored counts again: at once, and after a count."""
        conversation = await make_conversation(store)
        first, second = await talk(store, conversation, 2)
        await store.rate_message(TENANT, answer_id_of(second), 5, None)
        before = await totals(store, clock)
        for count in (False, True):
            for message_id in (question_id_of(first), answer_id_of(second)):
                await store.delete_turn(TENANT, message_id)
                if count:
                    await counted(store)
                await all_agree(store, clock)
                assert (await totals(store, clock))["turns"] == before["turns"] - 1
                await store.restore_turn(TENANT, message_id)
                await all_agree(store, clock)
                assert await totals(store, clock) == before

    async def test_a_restored_turn_is_learnt_from(self, store: Store, clock: FakeClock) -> None:
        """Of a conversation that was trained on while a turn of it was deleted that turn is left to train on; so it is when it
        was restored while the run went on."""
        bot = await make_bot(store)
        talks = [await make_conversation(store, bot=bot) for _ in range(2)]
        turns = [(await talk(store, each, 2))[0] for each in talks]
        await delete(store, clock, *turns)
        claim = await run(store, bot)
        clock.advance(1)
        pairs = await untrained(store, bot)
        assert answers(pairs) == ["a2", "a2"]
        await store.put_chunks(claim, learned(claim, pairs))
        await restore(store, turns[0])
        clock.advance(1)
        await store.mark_trained(claim, [each.id for each in talks])
        await store.publish_document(claim)
        await restore(store, turns[1])
        assert answers(await untrained(store, bot)) == ["a1", "a1"]

    async def test_a_foreign_or_hidden_message_is_not_restored(self, store: Store, clock: FakeClock) -> None:
        """Another tenant's is not found, like an unknown one; nor is one of a conversation or a bot that is deleted, until
        that comes back."""
        bot = await make_bot(store)
        conversation = await make_conversation(store, bot=bot)
        (turn,) = await talk(store, conversation, 1)
        await delete(store, clock, turn)
        for tenant_id, message_id in ((OTHER, answer_id_of(turn)), (TENANT, new_id("msg"))):
            with pytest.raises(NotFound):
                await store.restore_turn(tenant_id, message_id)
        assert list((await store.page_deleted_messages(OTHER, Window())).data) == []
        foreign = await store.page_deleted_messages(OTHER, Window(), conversation_id=conversation.id)
        assert list(foreign.data) == []
        for hide, show in (
            (store.delete_conversation(TENANT, conversation.id), store.restore_conversation(TENANT, conversation.id)),
            (store.delete_bot(TENANT, bot.id), store.restore_bot(TENANT, bot.id)),
        ):
            await hide
            with pytest.raises(NotFound):
                await store.restore_turn(TENANT, answer_id_of(turn))
            assert await deleted_texts(store) == await deleted_texts(store, conversation) == []
            await show
        assert await deleted_texts(store) == ["a1", "q1"]
        await restore(store, turn)
        assert await path_of(store, conversation) == ["q1", "a1"]

    async def test_what_was_purged_does_not_come_back(self, store: Store, clock: FakeClock) -> None:
        """From the first step of its purge on. What hung on it, deleted later, still comes back: on what is left before it."""
        conversation = await make_conversation(store)
        turns = await talk(store, conversation, 4)
        await delete(store, clock, turns[1])
        clock.advance(100)
        await delete(store, clock, turns[2], turns[3])
        await store.purge(deleted_before_seconds=50, limit=1)
        for message_id in (answer_id_of(turns[1]), question_id_of(turns[1])):
            with pytest.raises(NotFound):
                await store.restore_turn(TENANT, message_id)
        await purge_all(store, older_than_seconds=50)
        assert await deleted_texts(store) == ["a4", "q4", "a3", "q3"]
        await restore(store, turns[2])
        await restore(store, turns[3])
        assert await tree_of(store, conversation, [turns[0], *turns[2:]]) == {1: None, 3: 1, 4: 3}
        assert await path_of(store, conversation) == ["q1", "a1", "q3", "a3", "q4", "a4"]
        assert await head_of(store, conversation) == turns[3].id

    async def test_a_head_comes_back_when_those_behind_it_are_purged(self, store: Store, clock: FakeClock) -> None:
        """The head that was left by one that is purged is the head again."""
        conversation = await make_conversation(store)
        turns = await talk(store, conversation, 3)
        await delete(store, clock, turns[2])
        clock.advance(100)
        await delete(store, clock, turns[1])
        await purge_all(store, older_than_seconds=50)
        await restore(store, turns[1])
        assert await head_of(store, conversation) == turns[1].id
        assert await path_of(store, conversation) == ["q1", "a1", "q2", "a2"]

    async def test_a_question_is_purged_with_its_own_deletion(self, store: Store, clock: FakeClock) -> None:
        """An answer that was deleted long before its question goes alone."""
        conversation = await make_conversation(store)
        (first,) = await talk(store, conversation, 1)
        again = await regenerate(store, conversation, first, "again")
        await delete(store, clock, first)
        clock.advance(100)
        await delete(store, clock, again)
        await purge_all(store, older_than_seconds=50)
        await restore(store, again)
        assert await path_of(store, conversation) == ["q1", "again"]
        with pytest.raises(NotFound):
            await restore(store, first)

    async def test_a_restored_turn_is_not_purged(self, store: Store, clock: FakeClock) -> None:
        """A purge leaves it alone, with all it has."""
        conversation = await make_conversation(store)
        turns = await talk(store, conversation, 2)
        before = await inside(store, conversation)
        await delete(store, clock, turns[0])
        await restore(store, turns[0])
        clock.advance(100)
        await purge_all(store)
        assert await inside(store, conversation) == before

    async def test_deleted_messages_are_listed(self, store: Store, clock: FakeClock) -> None:
        """The last deleted first, by pages of every size, of the tenant or of a conversation; not what was restored."""
        talks = [await make_conversation(store) for _ in range(2)]
        turns = [await talk(store, each, 6) for each in talks]
        assert await deleted_texts(store) == []
        for number in (3, 1, 4):
            await delete(store, clock, turns[0][number], turns[1][number])
        for only, count in ((None, 12), (talks[0].id, 6)):
            found = await agree(
                lambda window, only=only: store.page_deleted_messages(TENANT, window, conversation_id=only),  # type: ignore[misc]
                lambda message: message.id,
            )
            assert len(found) == count
        assert await deleted_texts(store, talks[0]) == ["a5", "q5", "a2", "q2", "a4", "q4"]
        assert (await deleted_texts(store))[:4] == ["a5", "q5"] * 2
        await restore(store, turns[0][1])
        assert await deleted_texts(store, talks[0]) == ["a5", "q5", "a4", "q4"]
        assert await deleted_texts(store, talks[1]) == ["a5", "q5", "a2", "q2", "a4", "q4"]
        unknown = await store.page_deleted_messages(TENANT, Window(), conversation_id=new_id("conv"))
        assert list(unknown.data) == []

    async def test_records_say_what_a_restore_needs(self, store: Store, clock: FakeClock) -> None:
        """Which deleted turn a turn would continue, and which head was lost."""
        conversation = await make_conversation(store)
        turns = await talk(store, conversation, 3)
        await delete(store, clock, turns[1], turns[2])
        records = (await store.page_inside(Inside.TURNS, TENANT, conversation.id, Window())).data
        origins = [(each.turn.index, each.origin_id) for each in records if isinstance(each, TurnRecord)]
        assert sorted(origins) == [(1, None), (2, None), (3, turns[1].id)]
        shelf = (await store.page_records(Shelf.CONVERSATIONS, TENANT, Window())).data
        assert [each.lost_head_id for each in shelf if isinstance(each, ConversationRecord)] == [turns[2].id]
        said = (await store.page_inside(Inside.MESSAGES, TENANT, conversation.id, Window())).data
        assert [each.on_path for each in said if isinstance(each, MessageRecord)] == [True] * 2 + [False] * 4
