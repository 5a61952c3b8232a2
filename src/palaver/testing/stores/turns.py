"""How turns begin and who runs them: ``TurnRows``."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from palaver.clock import from_micros
from palaver.conversation import ConversationStatus, InterruptReason, ListedTurn, Policy, Role, TurnStatus
from palaver.errors import (
    ConversationArchived,
    ConversationEnded,
    InvalidInput,
    KeyReused,
    NotFound,
    QueueFull,
    TurnInProgress,
)
from palaver.ids import child_id, new_id
from palaver.page import Window
from palaver.stores.base import Store
from palaver.stores.orders import BotChange, EditQuestion, Ending, Question, Regenerate
from palaver.testing.clock import FakeClock
from palaver.testing.stores.making import (
    LEASE_SECONDS,
    OTHER,
    OWNER,
    TENANT,
    agree,
    answer_id_of,
    ask,
    begin,
    claim_of,
    completed,
    exchange,
    make_bot,
    make_conversation,
    once,
    path_of,
    question_id_of,
    running,
    said,
    seqs,
    text,
    waiting,
)


class BeginConformance:
    """How turns begin."""

    async def test_a_turn_is_stored_with_its_question_and_an_empty_answer(self, store: Store, clock: FakeClock) -> None:
        """The turn, its question, its answer and the conversation's counters are there once the turn has begun."""
        conversation = await make_conversation(store, bot=await make_bot(store, model="groq:x"))
        order = ask(conversation, "Hello?", params={"temperature": 0.5})
        clock.advance(1)
        begun = await store.begin_turn(TENANT, order)
        now = from_micros(clock.micros())
        turn = begun.turn
        assert (turn.id, turn.index, turn.parent_id, turn.model) == (order.turn_id, 1, None, "groq:x")
        assert (turn.status, turn.created_at, turn.started_at) == (TurnStatus.RUNNING, now, now)
        messages = (await store.page_messages(TENANT, conversation.id, Window())).data
        assert [(each.role, each.text, each.seq) for each in messages] == [
            (Role.USER, "Hello?", 1),
            (Role.ASSISTANT, "", 2),
        ]
        assert begun.question == messages[0]
        assert (turn.user_message_id, turn.message_id) == (messages[0].id, messages[1].id)
        assert (messages[0].status, messages[1].status) == (TurnStatus.COMPLETED, TurnStatus.RUNNING)
        assert await store.get_turn(TENANT, turn.id) == turn
        now_there = await store.get_conversation(TENANT, conversation.id)
        assert (now_there.message_count, now_there.turn_count) == (2, 1)
        assert (now_there.head_turn_id, now_there.running_turn_id) == (turn.id, turn.id)
        assert now_there.last_activity_at == now

    async def test_a_claim_holds_what_a_worker_needs(self, store: Store) -> None:
        """The claim of a turn that runs has its bot, its question, its parameters and the next number of its log."""
        bot = await make_bot(store)
        order = ask(await make_conversation(store, bot=bot), params={"temperature": 0.5})
        begun = await store.begin_turn(TENANT, order)
        claim = claim_of(begun)
        assert (claim.tenant_id, claim.turn, claim.question, claim.bot) == (TENANT, begun.turn, begun.question, bot)
        assert (claim.next_seq, claim.params) == (2, {"temperature": 0.5})

    async def test_a_turn_keeps_its_callers_metadata(self, store: Store) -> None:
        """From its beginning to behind its end, also where it waits first; a turn with none, or other parameters, has none."""
        conversation = await make_conversation(store)
        given: list[dict[str, Any]] = [
            {"metadata": {"ticket": "17", "ü": ""}},
            {"metadata": {"ticket": "18"}, "seed": 1},
            {"seed": 2},
            {},
        ]
        kept = [each.get("metadata", {}) for each in given]
        claim = await running(store, conversation, params=given[0])
        turns = [claim.turn, *[await waiting(store, conversation, f"{each}?", params=each) for each in given[1:]]]
        assert [turn.metadata for turn in turns] == kept
        assert [(await store.get_turn(TENANT, turn.id)).metadata for turn in turns] == kept
        for expected in kept:
            assert claim.turn.metadata == expected
            finished = await store.finish_turn(claim, completed("Hello."), promote=OWNER)
            assert finished.turn.metadata == expected
            claim = claim_of(finished) if finished.promoted is not None else claim
        assert [(await store.get_turn(TENANT, turn.id)).metadata for turn in turns] == kept

    async def test_turns_follow_one_another(self, store: Store) -> None:
        """Each turn continues the one before; indexes and places count on without gaps."""
        conversation = await make_conversation(store)
        turns = [(await exchange(store, conversation)).turn for _ in range(3)]
        assert [turn.index for turn in turns] == [1, 2, 3]
        assert [turn.parent_id for turn in turns] == [None, turns[0].id, turns[1].id]
        assert seqs((await store.page_messages(TENANT, conversation.id, Window())).data) == [1, 2, 3, 4, 5, 6]

    async def test_without_a_key_every_order_is_a_turn(self, store: Store) -> None:
        """Orders without a key are never told to be the same; any number of them may be in a conversation."""
        conversation = await make_conversation(store)
        turns = [await begin(store, conversation, once=None, policy=Policy.QUEUE) for _ in range(3)]
        assert len({begun.turn.id for begun in turns}) == 3
        assert not any(begun.replayed for begun in turns)

    async def test_a_key_is_one_turn(self, store: Store) -> None:
        """The same key again is the same turn, as it is now: running, ended, or in a conversation that has ended."""
        conversation = await make_conversation(store)
        order = ask(conversation, once=once("a", "k"))
        begun = await store.begin_turn(TENANT, order)
        again = replace(ask(conversation), once=order.once)
        replay = await store.begin_turn(TENANT, again)
        assert (replay.turn, replay.question, replay.replayed, replay.claim) == (begun.turn, begun.question, True, None)
        done = await store.finish_turn(claim_of(begun), completed("Hello."), promote=None)
        await store.end_conversation(TENANT, conversation.id, Ending())
        assert (await store.begin_turn(TENANT, again)).turn == done.turn
        assert (await store.get_conversation(TENANT, conversation.id)).turn_count == 1

    async def test_a_key_with_another_body_is_refused(self, store: Store) -> None:
        """The same key with another body changes nothing, whatever else would be wrong."""
        conversation = await make_conversation(store)
        await begin(store, conversation, once=once("a", "k"))
        before = await store.get_conversation(TENANT, conversation.id)
        with pytest.raises(KeyReused):
            await begin(store, conversation, once=once("b", "k"))
        assert await store.get_conversation(TENANT, conversation.id) == before

    async def test_keys_belong_to_their_conversation(self, store: Store) -> None:
        """The same key in another conversation is another turn."""
        first = await begin(store, await make_conversation(store), once=once("a", "k"))
        second = await begin(store, await make_conversation(store), once=once("b", "k"))
        assert (second.replayed, first.turn.id == second.turn.id) == (False, False)

    async def test_a_refused_begin_leaves_the_key_free(self, store: Store) -> None:
        """What is refused stores nothing; the same key works later."""
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        before = await store.get_conversation(TENANT, conversation.id)
        with pytest.raises(TurnInProgress):
            await begin(store, conversation, once=once("a", "k"))
        assert await store.get_conversation(TENANT, conversation.id) == before
        await store.finish_turn(claim, completed("Hello."), promote=None)
        assert not (await begin(store, conversation, once=once("a", "k"))).replayed

    async def test_a_hundred_begins_with_one_key_are_one(self, store: Store) -> None:
        """Parallel begins with one key are one turn, and one of them has to run it."""
        conversation = await make_conversation(store)
        orders = [ask(conversation, once=once("a", "k")) for _ in range(100)]
        begun = await asyncio.gather(*(store.begin_turn(TENANT, order) for order in orders))
        assert len({each.turn.id for each in begun}) == 1
        assert sum(each.claim is not None for each in begun) == 1
        assert (await store.get_conversation(TENANT, conversation.id)).turn_count == 1

    async def test_of_a_hundred_begins_one_is_accepted(self, store: Store) -> None:
        """Parallel begins with keys of their own: one runs, the others are told which."""
        conversation = await make_conversation(store)
        results = await asyncio.gather(*(begin(store, conversation) for _ in range(100)), return_exceptions=True)
        accepted = [each for each in results if not isinstance(each, BaseException)]
        refused = [each for each in results if isinstance(each, TurnInProgress)]
        assert (len(accepted), len(refused)) == (1, 99)
        assert {each.details["turn_id"] for each in refused} == {accepted[0].turn.id}
        assert {each.details["conversation_id"] for each in refused} == {conversation.id}

    async def test_a_hundred_conversations_do_not_meet(self, store: Store) -> None:
        """Parallel turns of many conversations all run, whatever happens to some of them."""
        bot = await make_bot(store)
        conversations = [await make_conversation(store, bot=bot) for _ in range(50)]
        twice = [each for each in conversations for _ in range(2)]
        results = await asyncio.gather(*(begin(store, each) for each in twice), return_exceptions=True)
        claims = [each.claim for each in results if not isinstance(each, BaseException)]
        assert len(claims) == 50
        finished = await asyncio.gather(
            *(store.finish_turn(claim, completed("Hello."), promote=None) for claim in claims if claim is not None)
        )
        assert {each.turn.conversation_id for each in finished} == {each.id for each in conversations}

    async def test_a_conversation_that_is_not_active_takes_no_turn(self, store: Store) -> None:
        """A send to an ended or archived conversation is refused; reopened, it goes on."""
        conversation = await make_conversation(store)
        await store.end_conversation(TENANT, conversation.id, Ending())
        with pytest.raises(ConversationEnded):
            await begin(store, conversation)
        await store.set_status(TENANT, conversation.id, ConversationStatus.ARCHIVED)
        with pytest.raises(ConversationArchived):
            await begin(store, conversation)
        await store.set_status(TENANT, conversation.id, ConversationStatus.ACTIVE)
        await begin(store, conversation)

    async def test_a_foreign_conversation_takes_no_turn(self, store: Store) -> None:
        """Another tenant's, a deleted and an unknown conversation are not found, also with a key that is known."""
        conversation = await make_conversation(store)
        order = ask(conversation)
        await store.begin_turn(TENANT, order)
        with pytest.raises(NotFound):
            await store.begin_turn(OTHER, order)
        with pytest.raises(NotFound):
            await store.begin_turn(TENANT, replace(order, conversation_id=new_id("conv")))
        await store.delete_conversation(TENANT, conversation.id)
        with pytest.raises(NotFound):
            await store.begin_turn(TENANT, order)

    async def test_a_wrong_place_is_refused(self, store: Store) -> None:
        """A parent, or a message to regenerate or edit, must be of this conversation and of the right role."""
        conversation, other = await make_conversation(store), await make_conversation(store)
        own, foreign = (await exchange(store, conversation)).turn, (await exchange(store, other)).turn
        question = Question(message_id=child_id("msg", conversation.id), parts=text("x"))
        for opening in (
            Regenerate(answer_id=answer_id_of(foreign)),
            Regenerate(answer_id=question_id_of(own)),
            Regenerate(answer_id=new_id("msg")),
            EditQuestion(message_id=question_id_of(foreign), question=question),
            EditQuestion(message_id=answer_id_of(own), question=question),
        ):
            with pytest.raises(InvalidInput) as refused:
                await begin(store, conversation, opening=opening)
            assert refused.value.code == "invalid_parent"
        for parent_id in (foreign.id, new_id("turn")):
            with pytest.raises(InvalidInput) as refused:
                await begin(store, conversation, parent_id=parent_id)
            assert refused.value.code == "invalid_parent"
        assert (await store.get_conversation(TENANT, conversation.id)).turn_count == 1

    async def test_turns_are_listed_newest_first(self, store: Store) -> None:
        """A tenant's turns, or those of all, by status or all, whatever the size of the pages; deleted ones never."""
        conversation, foreign = await make_conversation(store), await make_conversation(store, tenant_id=OTHER)
        turns = [(await exchange(store, conversation)).turn.id for _ in range(8)]
        await store.begin_turn(OTHER, other := ask(foreign))
        running_id = (await running(store, conversation)).turn.id
        queued_id = (await waiting(store, conversation)).id
        all_own = [queued_id, running_id, *reversed(turns)]

        async def listing(tenant_id: str | None, status: TurnStatus | None) -> list[object]:
            return await agree(lambda window: store.page_turns(tenant_id, status, window), lambda turn: turn.id)

        assert await listing(TENANT, None) == all_own
        assert await listing(TENANT, TurnStatus.COMPLETED) == all_own[2:]
        assert await listing(TENANT, TurnStatus.RUNNING) == [running_id]
        assert await listing(None, TurnStatus.RUNNING) == [running_id, other.turn_id]
        assert await listing(None, TurnStatus.QUEUED) == [queued_id]
        assert await listing(TENANT, TurnStatus.FAILED) == []
        await store.delete_bot(TENANT, conversation.bot_id)
        assert await listing(None, None) == [other.turn_id]

    async def test_a_listed_turn_says_whose_it_is(self, store: Store) -> None:
        """A turn in a list is the turn, with its tenant and its bot as they are now; an operator finds the tenant by the turn."""
        conversation, foreign = await make_conversation(store), await make_conversation(store, tenant_id=OTHER)
        own = (await running(store, conversation)).turn
        await store.begin_turn(OTHER, other := ask(foreign))
        await store.update_bot(TENANT, conversation.bot_id, BotChange(name="Renamed"))
        (theirs, listed) = sorted(
            (await store.page_turns(None, TurnStatus.RUNNING, Window())).data, key=lambda turn: turn.tenant_id == TENANT
        )
        assert listed == ListedTurn.of(own, tenant_id=TENANT, bot_id=conversation.bot_id, bot_name="Renamed")
        assert (theirs.id, theirs.tenant_id, theirs.bot_id) == (other.turn_id, OTHER, foreign.bot_id)
        assert [await store.tenant_of_turn(turn.id) for turn in (listed, theirs)] == [TENANT, OTHER]
        with pytest.raises(NotFound):
            await store.tenant_of_turn(new_id("turn"))


class QueueConformance:
    """What happens while a turn runs."""

    async def test_queued_turns_run_in_their_order(self, store: Store) -> None:
        """Queued turns wait behind one another; each end makes the next one run, with the question it asked."""
        bot = await make_bot(store)
        conversation = await make_conversation(store, bot=bot)
        claim = await running(store, conversation)
        queued = [
            await waiting(store, conversation, f"Number {number}?", params={"seed": number}) for number in range(3)
        ]
        assert [turn.index for turn in queued] == [2, 3, 4]
        for number, turn in enumerate(queued):
            finished = await store.finish_turn(claim, completed("Hello."), promote="worker-2")
            claim = claim_of(finished)
            assert (claim.turn.id, claim.turn.status) == (turn.id, TurnStatus.RUNNING)
            assert claim.question is not None
            assert (claim.question.text, claim.params) == (f"Number {number}?", {"seed": number})
            assert (claim.bot, claim.next_seq) == (bot, 3)
            assert (await store.get_conversation(TENANT, conversation.id)).running_turn_id == turn.id
        assert (await store.finish_turn(claim, completed("Bye."), promote="worker-2")).promoted is None

    async def test_the_answer_of_a_turn_that_waited_runs_with_it(self, store: Store) -> None:
        """An answer has its turn's status, waiting and then running, and reads as it was logged so far."""
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        answer_id = answer_id_of(await waiting(store, conversation))
        assert (await store.get_message(TENANT, answer_id)).status is TurnStatus.QUEUED
        promoted = claim_of(await store.finish_turn(claim, completed("Hello."), promote=OWNER))
        await store.append_deltas([said(promoted, "so far")])
        answer = await store.get_message(TENANT, answer_id)
        assert (answer.status, answer.text) == (TurnStatus.RUNNING, "so far")
        assert (await store.read_log(TENANT, promoted.turn.id, after=0, limit=9)).answer == replace(answer, parts=())

    async def test_without_an_owner_nothing_is_promoted(self, store: Store) -> None:
        """A worker that is leaving ends its turn and leaves the queue as it is."""
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        queued = await waiting(store, conversation)
        assert (await store.finish_turn(claim, completed("Hello."), promote=None)).promoted is None
        assert (await store.get_turn(TENANT, queued.id)).status is TurnStatus.QUEUED
        with pytest.raises(TurnInProgress) as refused:
            await begin(store, conversation)
        assert refused.value.details["turn_id"] == queued.id

    async def test_a_full_queue_takes_no_more(self, store: Store) -> None:
        """One turn more than the cap is refused and stores nothing."""
        conversation = await make_conversation(store)
        await running(store, conversation)
        for _ in range(2):
            await waiting(store, conversation, queue_cap=2)
        before = await store.get_conversation(TENANT, conversation.id)
        with pytest.raises(QueueFull):
            await waiting(store, conversation, queue_cap=2)
        assert await store.get_conversation(TENANT, conversation.id) == before

    @pytest.mark.parametrize("policy", list(Policy))
    async def test_with_none_open_every_policy_runs_at_once(self, store: Store, policy: Policy) -> None:
        """A turn that meets no other runs, whatever the policy."""
        begun = await begin(store, await make_conversation(store), policy=policy)
        assert (begun.turn.status, begun.superseded) == (TurnStatus.RUNNING, None)
        assert begun.claim is not None

    async def test_an_interrupting_turn_goes_first(self, store: Store) -> None:
        """``interrupt`` asks the running turn to stop and runs before all that wait."""
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        queued = await waiting(store, conversation)
        interrupting = await begin(store, conversation, policy=Policy.INTERRUPT)
        assert interrupting.superseded == claim.turn.id
        assert (interrupting.turn.status, interrupting.claim) == (TurnStatus.QUEUED, None)
        watch = await store.append_deltas([said(claim, "so far")])
        assert watch.stopping == {claim.turn.id: InterruptReason.SUPERSEDED}
        second = claim_of(await store.finish_turn(claim, completed("so far"), promote=OWNER))
        assert second.turn.id == interrupting.turn.id
        third = claim_of(await store.finish_turn(second, completed("Hello."), promote=OWNER))
        assert third.turn.id == queued.id

    async def test_an_interrupting_turn_replaces_one_that_waits(self, store: Store) -> None:
        """Of several interrupting turns only the last one runs; the others have ended ``superseded``."""
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        queued = await waiting(store, conversation)
        first = await begin(store, conversation, policy=Policy.INTERRUPT)
        last = await begin(store, conversation, policy=Policy.INTERRUPT)
        ended = await store.get_turn(TENANT, first.turn.id)
        assert (ended.status, ended.reason) == (TurnStatus.INTERRUPTED, InterruptReason.SUPERSEDED)
        assert (await store.get_turn(TENANT, queued.id)).status is TurnStatus.QUEUED
        assert claim_of(await store.finish_turn(claim, completed("a"), promote=OWNER)).turn.id == last.turn.id

    async def test_a_model_that_changes_meanwhile_is_not_the_turn_s(self, store: Store) -> None:
        """A queued turn keeps the model that it was accepted with; the bot comes as it is when the turn runs."""
        bot = await make_bot(store, model="a")
        conversation = await make_conversation(store, bot=bot)
        claim = await running(store, conversation)
        await waiting(store, conversation)
        edited = await store.update_bot(TENANT, bot.id, BotChange(model="b"))
        promoted = claim_of(await store.finish_turn(claim, completed("a"), promote=OWNER))
        assert (promoted.turn.model, promoted.bot) == ("a", edited)

    async def test_the_queue_of_an_owner_is_cancelled(self, store: Store) -> None:
        """A process that leaves ends the queued turns that it accepted, and no others."""
        conversation = await make_conversation(store)
        await running(store, conversation)
        own, other = await waiting(store, conversation), await waiting(store, conversation, owner="worker-2")
        assert list(await store.cancel_queued(OWNER, InterruptReason.SHUTDOWN)) == [own.id]
        ended = await store.get_turn(TENANT, own.id)
        assert (ended.status, ended.reason) == (TurnStatus.INTERRUPTED, InterruptReason.SHUTDOWN)
        assert (await store.get_turn(TENANT, other.id)).status is TurnStatus.QUEUED


class StopConformance:
    """Stopping."""

    async def test_a_running_turn_is_asked_to_stop(self, store: Store) -> None:
        """The flag is seen by every call of its worker; the turn goes on until the worker ends it; the first reason stays."""
        claim = await running(store, await make_conversation(store))
        turn = await store.request_stop(TENANT, claim.turn.id, InterruptReason.STOPPED)
        assert turn.status is TurnStatus.RUNNING
        await store.request_stop(TENANT, claim.turn.id, InterruptReason.SHUTDOWN)
        for watch in (
            await store.append_deltas([said(claim, "so far")]),
            await store.watch_turns([claim]),
            await store.renew_leases([claim], LEASE_SECONDS),
        ):
            assert watch.stopping == {claim.turn.id: InterruptReason.STOPPED}
            assert not watch.stale

    async def test_a_queued_turn_is_cancelled(self, store: Store) -> None:
        """A queued turn ends at once and never runs."""
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        queued = await waiting(store, conversation)
        ended = await store.request_stop(TENANT, queued.id, InterruptReason.STOPPED)
        assert (ended.status, ended.reason) == (TurnStatus.INTERRUPTED, InterruptReason.CANCELLED)
        assert (ended.started_at, ended.finished_at is None) == (None, False)
        assert (await store.finish_turn(claim, completed("a"), promote=OWNER)).promoted is None

    async def test_a_turn_that_has_ended_stays_as_it_is(self, store: Store) -> None:
        """To stop it changes nothing."""
        done = await exchange(store, await make_conversation(store))
        assert await store.request_stop(TENANT, done.turn.id, InterruptReason.STOPPED) == done.turn

    async def test_a_turn_without_a_worker_is_stopped_here_and_now(self, store: Store, clock: FakeClock) -> None:
        """A stop of a turn whose lease has expired ends it, with its text."""
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        await store.append_deltas([said(claim, "so far")])
        clock.advance(LEASE_SECONDS + 1)
        ended = await store.request_stop(TENANT, claim.turn.id, InterruptReason.STOPPED)
        assert (ended.status, ended.reason) == (TurnStatus.INTERRUPTED, InterruptReason.STOPPED)
        assert await path_of(store, conversation) == ["Hello?", "so far"]

    async def test_a_foreign_turn_is_not_found(self, store: Store) -> None:
        """Another tenant's turn answers like an unknown one, to every call."""
        done = await exchange(store, await make_conversation(store))
        for turn_id in (done.turn.id, new_id("turn")):
            for call in (
                store.get_turn(OTHER, turn_id),
                store.request_stop(OTHER, turn_id, InterruptReason.STOPPED),
                store.read_log(OTHER, turn_id, after=0, limit=1),
                store.lineage(OTHER, turn_id, turns=1),
            ):
                with pytest.raises(NotFound):
                    await call
