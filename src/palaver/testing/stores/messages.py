"""Messages and the tree they stand in: ``MessageRows``, heads and branches."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from palaver.conversation import (
    Conversation,
    ConversationStatus,
    FilePart,
    ImagePart,
    InterruptReason,
    Message,
    Part,
    Role,
    TextPart,
    ToolResultPart,
    Turn,
    TurnStatus,
)
from palaver.errors import (
    ConversationArchived,
    ConversationEnded,
    InvalidInput,
    KeyReused,
    NotFound,
    TurnInProgress,
    VersionConflict,
)
from palaver.ids import child_id, new_id
from palaver.page import Order, Window
from palaver.stores.base import Store
from palaver.stores.orders import AppendedMessage, Continue, EditQuestion, Ending, Outcome, Question, Regenerate
from palaver.testing.stores.making import (
    OTHER,
    OWNER,
    TENANT,
    agree,
    answer_id_of,
    begin,
    claim_of,
    completed,
    exchange,
    make_conversation,
    once,
    path_of,
    question_id_of,
    running,
    seqs,
    text,
    waiting,
)


async def regenerate(store: Store, conversation: Conversation, turn: Turn, answer: str) -> Turn:
    """Answer the question of a turn again."""
    return (await exchange(store, conversation, answer=answer, opening=Regenerate(answer_id=answer_id_of(turn)))).turn


async def edit(store: Store, conversation: Conversation, turn: Turn, words: str, answer: str) -> Turn:
    """Ask another question instead of that of a turn."""
    question = Question(message_id=child_id("msg", conversation.id), parts=text(words))
    opening = EditQuestion(message_id=question_id_of(turn), question=question)
    return (await exchange(store, conversation, answer=answer, opening=opening)).turn


async def talk(store: Store, conversation: Conversation, count: int) -> list[Turn]:
    """Ask and answer: q1 a1 q2 a2 …"""
    return [(await exchange(store, conversation, f"q{number}", f"a{number}")).turn for number in range(1, count + 1)]


def appended(conversation: Conversation, *said: tuple[Role, str]) -> list[AppendedMessage]:
    """Messages to append; a question and the answer behind it have one turn."""
    messages: list[AppendedMessage] = []
    for role, words in said:
        behind = messages and messages[-1].role is Role.USER and role is Role.ASSISTANT
        turn_id = messages[-1].turn_id if behind else child_id("turn", conversation.id)
        message_id = child_id("msg", conversation.id)
        messages.append(AppendedMessage(message_id=message_id, turn_id=turn_id, role=role, parts=text(words)))
    return messages


class MessageConformance:
    """Messages."""

    async def test_pages_of_every_size_read_the_same(self, store: Store) -> None:
        """The messages of the active path are strictly increasing, and the same with pages of 1, 7 and 100, either way."""
        conversation = await make_conversation(store)
        turns = await talk(store, conversation, 11)
        await regenerate(store, conversation, turns[4], "a5, again")
        await talk(store, conversation, 2)
        for order in Order:
            found = await agree(
                lambda window, order=order: store.page_messages(TENANT, conversation.id, window, order=order),  # type: ignore[misc]
                lambda message: message.seq,
            )
            expected = [1, 2, 3, 4, 5, 6, 7, 8, 9, 23, 24, 25, 26, 27]
            assert found == (expected if order is Order.ASC else expected[::-1])

    @pytest.mark.parametrize(
        "parts",
        [
            text("plain"),
            text("a\u0085b\u2028c\r\nd\te\x01f\u202e\ufeff\U0001f600\U000e0001 e\u0301 \ufffd"),
            text("x" * 200_000),
            (TextPart(text=""),),
            (TextPart(text="a"), TextPart(text="b")),
            (ImagePart(attachment_id="att_1", media_type="image/png"), TextPart(text="What is it?")),
            (FilePart(attachment_id="att_1", media_type="text/plain", name="é.txt"),),
            (ToolResultPart(call_id="1", text="ok"),),
        ],
        ids=range(8),
    )
    async def test_parts_in_are_parts_out(self, store: Store, parts: tuple[Part, ...]) -> None:
        """What was said comes back unchanged, as a question and as an answer, from every read."""
        conversation = await make_conversation(store)
        question = Question(message_id=child_id("msg", conversation.id), parts=parts)
        claim = await running(store, conversation, opening=Continue(question=question))
        await store.finish_turn(claim, Outcome(status=TurnStatus.COMPLETED, parts=parts), promote=None)
        page = await store.page_messages(TENANT, conversation.id, Window())
        assert [message.parts for message in page.data] == [parts, parts]
        for message in page.data:
            assert await store.get_message(TENANT, message.id) == message

    async def test_a_message_is_rated(self, store: Store) -> None:
        """A rating and its comment are set, changed and cleared; nothing else changes."""
        conversation = await make_conversation(store)
        answer = (await exchange(store, conversation)).answer
        assert answer is not None
        for rating, feedback in ((5, "clear"), (1, None), (None, None)):
            rated = await store.rate_message(TENANT, answer.id, rating, feedback)
            assert (rated.rating, rated.feedback, rated.parts) == (rating, feedback, answer.parts)
            assert await store.get_message(TENANT, answer.id) == rated

    async def test_a_foreign_message_is_not_found(self, store: Store) -> None:
        """Another tenant's message answers like an unknown one, to every call."""
        done = await exchange(store, await make_conversation(store))
        for message_id in (answer_id_of(done.turn), question_id_of(done.turn), new_id("msg")):
            for call in (
                store.get_message(OTHER, message_id),
                store.rate_message(OTHER, message_id, 5, None),
                store.delete_turn(OTHER, message_id),
            ):
                with pytest.raises(NotFound):
                    await call

    async def test_messages_are_appended_without_a_model(self, store: Store) -> None:
        """A question and the answer right behind it are one completed turn; others are turns of their own."""
        conversation = await make_conversation(store)
        await exchange(store, conversation)
        orders = appended(
            conversation,
            (Role.ASSISTANT, "Welcome!"),
            (Role.USER, "q"),
            (Role.ASSISTANT, "a"),
            (Role.USER, "r"),
            (Role.USER, "s"),
        )
        stored = (await store.append_messages(TENANT, conversation.id, orders)).value
        assert [(each.id, each.text, each.seq) for each in stored] == [
            (order.message_id, words, seq)
            for order, words, seq in zip(orders, ("Welcome!", "q", "a", "r", "s"), range(3, 8), strict=True)
        ]
        assert list((await store.page_messages(TENANT, conversation.id, Window())).data[2:]) == list(stored)
        turns = [await store.get_turn(TENANT, turn_id) for turn_id in dict.fromkeys(each.turn_id for each in stored)]
        assert [turn.index for turn in turns] == [2, 3, 4, 5]
        assert all(turn.status is TurnStatus.COMPLETED and turn.finished_at is not None for turn in turns)
        assert (turns[1].user_message_id, turns[1].message_id) == (stored[1].id, stored[2].id)
        now_there = await store.get_conversation(TENANT, conversation.id)
        assert (now_there.message_count, now_there.turn_count) == (7, 5)
        assert now_there.head_turn_id == turns[-1].id
        await exchange(store, conversation)
        assert len(await path_of(store, conversation)) == 9

    async def test_nothing_is_appended_to_a_conversation_that_is_busy_or_over(self, store: Store) -> None:
        """While a turn runs or waits, and once the conversation has ended, an append is refused."""
        conversation = await make_conversation(store)
        orders = appended(conversation, (Role.USER, "x"))
        claim = await running(store, conversation)
        queued = await waiting(store, conversation)
        with pytest.raises(TurnInProgress):
            await store.append_messages(TENANT, conversation.id, orders)
        await store.finish_turn(claim, completed("a"), promote=None)
        with pytest.raises(TurnInProgress):
            await store.append_messages(TENANT, conversation.id, orders)
        await store.delete_turn(TENANT, question_id_of(queued))
        await store.end_conversation(TENANT, conversation.id, Ending())
        with pytest.raises(ConversationEnded):
            await store.append_messages(TENANT, conversation.id, orders)
        await store.set_status(TENANT, conversation.id, ConversationStatus.ARCHIVED)
        with pytest.raises(ConversationArchived):
            await store.append_messages(TENANT, conversation.id, orders)
        with pytest.raises(NotFound):
            await store.append_messages(TENANT, new_id("conv"), orders)


class LineageConformance:
    """What went before a turn."""

    async def test_a_lineage_is_the_turn_s_own_branch(self, store: Store) -> None:
        """The messages before a turn on its own branch, newest first, as many turns as asked for."""
        conversation = await make_conversation(store)
        turns = await talk(store, conversation, 4)
        again = await regenerate(store, conversation, turns[1], "a2, again")
        await talk(store, conversation, 1)

        async def lineage(turn: Turn, count: int) -> list[str]:
            return [each.text for each in await store.lineage(TENANT, turn.id, turns=count)]

        assert await lineage(turns[3], 10) == ["a3", "q3", "a2", "q2", "a1", "q1"]
        assert await lineage(turns[3], 2) == ["a3", "q3", "a2", "q2"]
        assert await lineage(again, 10) == ["a1", "q1"]
        assert await lineage(turns[0], 10) == []
        begun = await begin(store, conversation, parent_id=again.id)
        assert await lineage(begun.turn, 2) == ["a2, again", "q2", "a1", "q1"]

    async def test_a_lineage_says_whose_and_of_which_turn(self, store: Store) -> None:
        """Each utterance has its role, its parts and the turn that asks it on this branch, also where the question is shared."""
        conversation = await make_conversation(store)
        (first,) = await talk(store, conversation, 1)
        again = await regenerate(store, conversation, first, "a1, again")
        (last,) = await talk(store, conversation, 1)
        expected = [(again.id, Role.ASSISTANT, text("a1, again")), (again.id, Role.USER, text("q1"))]
        said = await store.lineage(TENANT, last.id, turns=9)
        assert [(each.turn_id, each.role, each.parts) for each in said] == expected

    async def test_a_claim_brings_its_history(self, store: Store) -> None:
        """The claim of a turn holds what a lineage of it would say: as much as was asked for, 10 turns once it waited."""
        conversation = await make_conversation(store)
        await talk(store, conversation, 12)
        claim = await running(store, conversation, history_turns=3)
        assert claim.history == tuple(await store.lineage(TENANT, claim.turn.id, turns=3))
        await waiting(store, conversation)
        second = claim_of(await store.finish_turn(claim, completed("a"), promote=OWNER))
        assert second.history == tuple(await store.lineage(TENANT, second.turn.id, turns=10))
        assert len(second.history) == 20


class BranchConformance:
    """Branches, heads, and turns that are deleted."""

    async def test_a_regenerated_answer_stands_beside_the_first(self, store: Store) -> None:
        """A new turn with the same question and parent; the active path shows it, and the first one is still there."""
        conversation = await make_conversation(store)
        turns = await talk(store, conversation, 2)
        again = await regenerate(store, conversation, turns[0], "a1, again")
        assert (again.parent_id, again.user_message_id) == (None, turns[0].user_message_id)
        assert await path_of(store, conversation) == ["q1", "a1, again"]
        assert (await store.get_message(TENANT, answer_id_of(turns[0]))).text == "a1"
        assert (await store.get_message(TENANT, question_id_of(again))).turn_id == turns[0].id
        now_there = await store.get_conversation(TENANT, conversation.id)
        assert (now_there.message_count, now_there.turn_count, now_there.head_turn_id) == (5, 3, again.id)

    async def test_an_edited_question_stands_beside_the_first(self, store: Store) -> None:
        """A new turn with its own question and the parent of the one it stands beside."""
        conversation = await make_conversation(store)
        turns = await talk(store, conversation, 2)
        edited = await edit(store, conversation, turns[1], "q2, edited", "a2, edited")
        assert (edited.parent_id, edited.user_message_id == turns[1].user_message_id) == (turns[0].id, False)
        assert await path_of(store, conversation) == ["q1", "a1", "q2, edited", "a2, edited"]

    async def test_branches_are_the_turns_with_siblings(self, store: Store) -> None:
        """Every turn that has a sibling, in order of index, with the newest end reached through it."""
        conversation = await make_conversation(store)
        assert list(await store.branches(TENANT, conversation.id)) == []
        first, second = await talk(store, conversation, 2)
        assert list(await store.branches(TENANT, conversation.id)) == []
        again = await regenerate(store, conversation, first, "again")
        (tail,) = await talk(store, conversation, 1)
        edited = await edit(store, conversation, second, "edited", "x")
        found = [
            (each.parent_id, each.turn_id, each.leaf_turn_id, each.active)
            for each in await store.branches(TENANT, conversation.id)
        ]
        assert found == [
            (None, first.id, edited.id, True),
            (first.id, second.id, second.id, False),
            (None, again.id, tail.id, False),
            (first.id, edited.id, edited.id, True),
        ]

    async def test_the_head_is_moved(self, store: Store) -> None:
        """The path from the beginning to any turn becomes the active one, and back; the version grows with each move."""
        conversation = await make_conversation(store)
        turns = await talk(store, conversation, 3)
        again = await regenerate(store, conversation, turns[1], "a2, again")
        edited = await edit(store, conversation, turns[0], "q1, edited", "a1, edited")
        paths = {
            turns[2].id: ["q1", "a1", "q2", "a2", "q3", "a3"],
            again.id: ["q1", "a1", "q2", "a2, again"],
            turns[0].id: ["q1", "a1"],
            edited.id: ["q1, edited", "a1, edited"],
        }
        version = (await store.get_conversation(TENANT, conversation.id)).version
        for turn_id in (*paths, *reversed(paths)):
            moved = await store.set_head(TENANT, conversation.id, turn_id, if_version=version)
            assert moved.head_turn_id == turn_id
            assert await path_of(store, conversation) == paths[turn_id]
            version = moved.version
        with pytest.raises(VersionConflict):
            await store.set_head(TENANT, conversation.id, again.id, if_version=1)

    async def test_a_turn_that_names_its_parent_makes_a_branch(self, store: Store) -> None:
        """A turn continues the parent it names, and its path becomes the active one."""
        conversation = await make_conversation(store)
        turns = await talk(store, conversation, 3)
        await exchange(store, conversation, "other", "way", parent_id=turns[0].id)
        assert await path_of(store, conversation) == ["q1", "a1", "other", "way"]

    async def test_a_head_elsewhere_is_refused(self, store: Store) -> None:
        """A foreign, unknown or deleted turn can't be the head; while a turn runs none can."""
        conversation = await make_conversation(store)
        turns = await talk(store, conversation, 2)
        foreign = (await exchange(store, await make_conversation(store))).turn
        await store.delete_turn(TENANT, answer_id_of(turns[1]))
        for turn_id in (foreign.id, turns[1].id, new_id("turn")):
            with pytest.raises(InvalidInput) as refused:
                await store.set_head(TENANT, conversation.id, turn_id)
            assert refused.value.code == "invalid_parent"
        await running(store, conversation)
        with pytest.raises(TurnInProgress):
            await store.set_head(TENANT, conversation.id, turns[0].id)

    async def test_a_deleted_turn_takes_its_messages_along(self, store: Store) -> None:
        """Question and answer are gone, by either's id; the turns behind stay on the path, and places are not reused."""
        for by in (question_id_of, answer_id_of):
            conversation = await make_conversation(store)
            turns = await talk(store, conversation, 3)
            gone = await store.delete_turn(TENANT, by(turns[1]))
            assert sorted(gone) == sorted([question_id_of(turns[1]), answer_id_of(turns[1])])
            assert await path_of(store, conversation) == ["q1", "a1", "q3", "a3"]
            assert (await store.get_turn(TENANT, turns[2].id)).parent_id == turns[0].id
            for call in (
                store.get_turn(TENANT, turns[1].id),
                store.get_message(TENANT, gone[0]),
                store.get_message(TENANT, gone[1]),
                store.delete_turn(TENANT, gone[0]),
                store.rate_message(TENANT, gone[1], 5, None),
            ):
                with pytest.raises(NotFound):
                    await call
            now_there = await store.get_conversation(TENANT, conversation.id)
            assert (now_there.message_count, now_there.turn_count) == (4, 2)
            await exchange(store, conversation)
            places: Sequence[Message] = (await store.page_messages(TENANT, conversation.id, Window())).data
            assert seqs(places) == [1, 2, 5, 6, 7, 8]

    async def test_a_deleted_head_leaves_its_parent(self, store: Store) -> None:
        """The head of a conversation whose last turn is deleted is the turn before; of one with none left there is none."""
        conversation = await make_conversation(store)
        turns = await talk(store, conversation, 2)
        await store.delete_turn(TENANT, answer_id_of(turns[1]))
        assert (await store.get_conversation(TENANT, conversation.id)).head_turn_id == turns[0].id
        await store.delete_turn(TENANT, answer_id_of(turns[0]))
        assert (await store.get_conversation(TENANT, conversation.id)).head_turn_id is None
        assert await path_of(store, conversation) == []
        assert (await exchange(store, conversation)).turn.parent_id is None

    async def test_a_shared_question_outlives_one_of_its_answers(self, store: Store) -> None:
        """An answer that stands beside others goes alone; the newest of the others is shown in its place."""
        conversation = await make_conversation(store)
        (first,) = await talk(store, conversation, 1)
        again = await regenerate(store, conversation, first, "a1, again")
        after = await exchange(store, conversation)
        assert list(await store.delete_turn(TENANT, answer_id_of(after.turn))) != []
        assert list(await store.delete_turn(TENANT, answer_id_of(again))) == [answer_id_of(again)]
        assert await path_of(store, conversation) == ["q1", "a1"]
        assert (await store.get_conversation(TENANT, conversation.id)).head_turn_id == first.id
        assert (await store.get_message(TENANT, question_id_of(first))).text == "q1"
        assert sorted(await store.delete_turn(TENANT, answer_id_of(first))) == sorted(
            [question_id_of(first), answer_id_of(first)]
        )
        now_there = await store.get_conversation(TENANT, conversation.id)
        assert (now_there.message_count, now_there.head_turn_id) == (0, None)

    async def test_a_question_goes_with_every_turn_that_asks_it(self, store: Store) -> None:
        """Deleting a question deletes all its answers, and it is gone at once; what came behind them stays."""
        conversation = await make_conversation(store)
        first, _ = await talk(store, conversation, 2)
        again = await regenerate(store, conversation, first, "a1, again")
        before = (await store.get_conversation(TENANT, conversation.id)).version
        gone = await store.delete_turn(TENANT, question_id_of(first))
        assert sorted(gone) == sorted([question_id_of(first), answer_id_of(first), answer_id_of(again)])
        now_there = await store.get_conversation(TENANT, conversation.id)
        assert now_there.message_count == 2
        assert now_there.version > before
        assert await path_of(store, conversation) == ["q2", "a2"]
        with pytest.raises(NotFound):
            await store.delete_turn(TENANT, question_id_of(first))

    async def test_an_append_with_a_key_is_stored_once(self, store: Store) -> None:
        """The same key returns what it stored; with another body, or used by a turn before, it is refused."""
        conversation = await make_conversation(store)
        await talk(store, conversation, 1)
        key = once("a", "k")

        def orders() -> list[AppendedMessage]:
            turn_ids = [child_id("turn", conversation.id) for _ in range(2)]
            said = [(turn_ids[0], Role.USER), (turn_ids[0], Role.ASSISTANT), (turn_ids[1], Role.USER)]
            return [
                AppendedMessage(
                    message_id=child_id("msg", conversation.id), turn_id=turn_id, role=role, parts=text(role)
                )
                for turn_id, role in said
            ]

        first = await store.append_messages(TENANT, conversation.id, orders(), key)
        again = await store.append_messages(TENANT, conversation.id, orders(), key)
        assert (first.replayed, again.replayed) == (False, True)
        assert list(again.value) == list(first.value)
        assert (await store.get_conversation(TENANT, conversation.id)).message_count == 5
        with pytest.raises(KeyReused):
            await store.append_messages(TENANT, conversation.id, orders(), once("b", "k"))
        with pytest.raises(KeyReused):
            await begin(store, conversation, once=once("c", "k"))
        other = await store.append_messages(TENANT, conversation.id, orders())
        assert not other.replayed

    async def test_a_deleted_turn_is_read_to_its_end_by_whoever_reads_it(self, store: Store) -> None:
        """``read_log`` with ``deleted`` tells how a turn ended that was deleted under its reader; without, it is gone."""
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        await store.delete_conversation(TENANT, conversation.id)
        with pytest.raises(NotFound):
            await store.read_log(TENANT, claim.turn.id, after=0, limit=10)
        log = await store.read_log(TENANT, claim.turn.id, after=0, limit=10, deleted=True)
        assert (log.turn.status, log.turn.reason) == (TurnStatus.INTERRUPTED, InterruptReason.DELETED)
        with pytest.raises(NotFound):
            await store.read_log(OTHER, claim.turn.id, after=0, limit=10, deleted=True)

    async def test_an_open_turn_that_is_deleted_ends_first(self, store: Store) -> None:
        """Its worker finds its fence stale, and the conversation is free."""
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        await store.delete_turn(TENANT, answer_id_of(claim.turn))
        assert (await store.watch_turns([claim])).stale == {claim.turn.id}
        assert (await store.get_conversation(TENANT, conversation.id)).running_turn_id is None
        claim_of(await begin(store, conversation))
