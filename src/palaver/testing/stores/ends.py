"""How turns end, and what is done about those whose worker is gone: ``TurnRows``."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from palaver.clock import from_micros
from palaver.conversation import (
    ContextUse,
    InterruptReason,
    Policy,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    TurnError,
    TurnStatus,
    Usage,
)
from palaver.document import Citation
from palaver.errors import FenceLost, StoreUnavailable, TurnInProgress
from palaver.events import Event, EventType, beginning, dumps, ending, reasoning_delta, text_delta
from palaver.fold import fold
from palaver.jsonable import encode
from palaver.page import Window
from palaver.stores.base import Store
from palaver.stores.orders import Claim, Delta, Missed, Outcome, TurnLog
from palaver.testing.clock import FakeClock
from palaver.testing.stores.making import (
    LEASE_SECONDS,
    OWNER,
    TENANT,
    answer_id_of,
    begin,
    claim_of,
    completed,
    exchange,
    make_conversation,
    path_of,
    running,
    said,
    stopped,
    waiting,
)

CITATION = Citation(
    document_id="doc_1", version=2, title="Ä", quote="14 days", start=3, end=10, score=0.25, rank=1, gone=False
)


async def log_of(store: Store, claim: Claim, *, after: int = 0, limit: int = 1000) -> TurnLog:
    """Return the log of a turn."""
    return await store.read_log(claim.tenant_id, claim.turn.id, after=after, limit=limit)


def stream_of(log: TurnLog) -> list[Event]:
    """Return all events of a turn that has ended."""
    return [
        *beginning(log.turn, log.question, log.answer, queued=log.queued),
        *log.events,
        ending(log.last_seq, log.turn, log.answer),
    ]


class FinishConformance:
    """The end of a turn by its worker."""

    async def test_an_end_is_kept_whole(self, store: Store, clock: FakeClock) -> None:
        """State, parts, citations, usage and context of an end come back from every read; the conversation is free."""
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        clock.advance(2)
        outcome = Outcome(
            status=TurnStatus.COMPLETED,
            parts=(
                ReasoningPart(text="Hm."),
                TextPart(text="14 days"),
                ToolCallPart(call_id="1", name="x", arguments="{}"),
                TextPart(text="."),
            ),
            citations=(CITATION,),
            usage=Usage(input_tokens=10, output_tokens=3, cost_micro=7),
            context=ContextUse(history_messages=4, chunks=1, tokens=99),
            first_token_at=from_micros(clock.micros() - 1_000_000),
        )
        finished = await store.finish_turn(claim, outcome, promote=OWNER)
        turn, answer = finished.turn, finished.answer
        assert answer is not None
        assert (turn.status, turn.usage, turn.context) == (TurnStatus.COMPLETED, outcome.usage, outcome.context)
        assert (turn.first_token_at, turn.finished_at) == (outcome.first_token_at, from_micros(clock.micros()))
        assert (answer.parts, answer.citations, answer.text) == (outcome.parts, outcome.citations, "14 days.")
        assert (answer.status, answer.model) == (TurnStatus.COMPLETED, turn.model)
        assert await store.get_turn(TENANT, turn.id) == turn
        assert await store.get_message(TENANT, answer.id) == answer
        assert (await store.page_messages(TENANT, conversation.id, Window())).data[1] == answer
        assert (await store.get_conversation(TENANT, conversation.id)).running_turn_id is None

    async def test_a_failure_is_kept(self, store: Store) -> None:
        """A failed turn has its error, and what was said before it."""
        claim = await running(store, await make_conversation(store))
        error = TurnError(code="provider_error", message="The model's server failed.")
        outcome = Outcome(status=TurnStatus.FAILED, error=error)
        finished = await store.finish_turn(claim, outcome, promote=None)
        assert (finished.turn.status, finished.turn.error) == (TurnStatus.FAILED, error)
        assert finished.answer is not None
        assert (finished.answer.parts, finished.answer.status) == ((), TurnStatus.FAILED)

    async def test_a_turn_ends_once(self, store: Store) -> None:
        """A second end is refused and changes nothing; neither are deltas written any more."""
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        first = await store.finish_turn(claim, completed("Hello."), promote=None)
        with pytest.raises(FenceLost):
            await store.finish_turn(claim, stopped("x"), promote=None)
        assert (await store.append_deltas([said(claim, "x")])).stale == {claim.turn.id}
        assert await store.get_turn(TENANT, claim.turn.id) == first.turn
        assert (await log_of(store, claim)).events == ()

    async def test_an_end_does_not_stand_where_a_lost_event_stood(self, store: Store) -> None:
        """An end that knows more of the log than the store is refused, and changes nothing; with the events it is written,
        and its number is the one behind them."""
        claim = await running(store, await make_conversation(store))
        one, two = (said(claim, word, after=number) for number, word in enumerate(("one ", "two")))
        await store.append_deltas([one])
        outcome = completed("one two", behind=two.events[0].seq)
        with pytest.raises(StoreUnavailable):
            await store.finish_turn(claim, outcome, promote=None)
        assert (await store.get_turn(TENANT, claim.turn.id)).status is TurnStatus.RUNNING
        whole = replace(outcome, events=[*one.events, *two.events], behind=None)
        finished = await store.finish_turn(claim, whole, promote=None)
        assert finished.last_seq == two.events[0].seq + 1
        assert list((await log_of(store, claim)).events) == [*one.events, *two.events]

    async def test_an_end_stands_behind_what_was_written(self, store: Store) -> None:
        """An end that knows what the store knows is written, with or without more words."""
        for words in ((), ("two",)):
            claim = await running(store, await make_conversation(store))
            one, more = said(claim, "one "), said(claim, *words, after=1)
            await store.append_deltas([one])
            outcome = completed("one two", events=more.events, behind=one.events[0].seq)
            finished = await store.finish_turn(claim, outcome, promote=None)
            assert finished.last_seq == one.events[0].seq + len(words) + 1

    async def test_of_many_ends_one_counts(self, store: Store) -> None:
        """Parallel ends of one turn: one is written, the others are told that they lost."""
        claim = await running(store, await make_conversation(store))
        ends = [store.finish_turn(claim, completed(f"Number {number}"), promote=None) for number in range(20)]
        results = await asyncio.gather(*ends, return_exceptions=True)
        assert sum(isinstance(each, FenceLost) for each in results) == 19

    async def test_a_wrong_fence_writes_nothing(self, store: Store) -> None:
        """Only the holder of the claim can write: another fence is stale everywhere."""
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        other = replace(claim, fence=claim.fence + 1)
        with pytest.raises(FenceLost):
            await store.finish_turn(other, completed("x"), promote=None)
        for watch in (
            await store.append_deltas([said(other, "x")]),
            await store.watch_turns([other]),
            await store.renew_leases([other], LEASE_SECONDS),
        ):
            assert watch.stale == {claim.turn.id}
        assert await path_of(store, conversation) == ["Hello?", ""]
        assert not (await store.watch_turns([claim])).stale


class AdoptionConformance:
    """Turns that their owner was never told of."""

    async def test_a_turn_that_its_owner_was_not_told_of_is_claimed_anew(self, store: Store, clock: FakeClock) -> None:
        """A begun and a promoted turn come back whole, with a fence that grew; the claim that came late writes nothing."""
        asked = await running(store, await make_conversation(store), "Why?")
        conversation = await make_conversation(store)
        first = await running(store, conversation)
        await waiting(store, conversation, "And then?")
        promoted = claim_of(await store.finish_turn(first, completed("So."), promote=OWNER))
        clock.advance(3)
        found = await store.adopt(missed(), LEASE_SECONDS, 10)
        assert sorted(found, key=lambda each: each.turn.index) == [
            replace(asked, fence=asked.fence + 1),
            replace(promoted, fence=promoted.fence + 1),
        ]
        assert (await store.append_deltas([said(asked, "x")])).stale == {asked.turn.id}
        for claim in found:
            assert not (await store.append_deltas([said(claim, "Because")])).stale
            finished = await store.finish_turn(claim, completed("Because."), promote=None)
            assert finished.turn.status is TurnStatus.COMPLETED

    async def test_an_adopted_turn_has_a_new_lease(self, store: Store, clock: FakeClock) -> None:
        """It is not ended by a recovery while its new lease lasts, and is behind it."""
        claim = await running(store, await make_conversation(store))
        clock.advance(LEASE_SECONDS - 1)
        await store.adopt(missed(), LEASE_SECONDS, 10)
        clock.advance(LEASE_SECONDS - 1)
        assert (await store.recover("other", LEASE_SECONDS, 10)).ended == ()
        clock.advance(2)
        assert (await store.recover("other", LEASE_SECONDS, 10)).ended == (claim.turn.id,)

    async def test_what_its_owner_knows_or_others_run_is_left_alone(self, store: Store, clock: FakeClock) -> None:
        """Not adopted: a turn that is known, one of another owner, one that began just now, one that has spoken, one that
        has ended or waits; and never more than asked for."""
        known, _, spoke, ended = [
            await running(store, await make_conversation(store), owner=owner)
            for owner in (OWNER, "other", OWNER, OWNER)
        ]
        await store.append_deltas([said(spoke, "Hm")])
        await store.finish_turn(ended, completed("So."), promote=None)
        queueing = await make_conversation(store)
        busy = await running(store, queueing)
        await waiting(store, queueing)
        clock.advance(3)
        await running(store, await make_conversation(store))
        ids = (known.turn.id, busy.turn.id)
        assert await store.adopt(missed(*ids), LEASE_SECONDS, 10) == ()
        assert len(await store.adopt(missed(), LEASE_SECONDS, 1)) == 1


def missed(*known: str) -> Missed:
    """What the worker of the tests was not told of."""
    return Missed(owner=OWNER, known=known, after_seconds=2)


class LogConformance:
    """The log of a turn."""

    async def test_the_log_reads_from_any_event(self, store: Store) -> None:
        """Any cut of the log, at any size, gives exactly the events that follow it."""
        claim = await running(store, await make_conversation(store))
        for number in range(10):
            await store.append_deltas([said(claim, f"{number}a ", f"{number}b ", after=2 * number)])
        whole = (await log_of(store, claim)).events
        assert [event.seq for event in whole] == list(range(2, 22))
        for after in range(23):
            for limit in (1, 7, 100):
                part = await log_of(store, claim, after=after, limit=limit)
                assert list(part.events) == [event for event in whole if event.seq > after][:limit]
                assert (part.last_seq, part.queued, part.expired) == (21, False, False)

    async def test_one_tick_writes_many_turns(self, store: Store) -> None:
        """A batch is atomic for each turn: a stale one writes nothing, the others do."""
        claims = [await running(store, await make_conversation(store)) for _ in range(5)]
        await store.finish_turn(claims[2], completed("done"), promote=None)
        await store.request_stop(TENANT, claims[3].turn.id, InterruptReason.STOPPED)
        watch = await store.append_deltas([said(claim, "a", "b") for claim in claims])
        assert watch.stale == {claims[2].turn.id}
        assert watch.stopping == {claims[3].turn.id: InterruptReason.STOPPED}
        for claim in claims:
            written = [] if claim is claims[2] else ["a", "b"]
            assert [event.text for event in (await log_of(store, claim)).events] == written

    async def test_events_are_kept_byte_for_byte(self, store: Store) -> None:
        """Every event comes back as it was written, whatever its type."""
        claim = await running(store, await make_conversation(store))
        events = [
            text_delta(2, "ä\u2028\u0000\U0001f600\r\n"),
            reasoning_delta(3, "Hm."),
            Event(4, EventType.CITATIONS, dumps({"citations": [encode(CITATION)]})),
            Event(5, "tool.called", '{"x":1.50}'),
        ]
        delta = Delta(tenant_id=TENANT, turn_id=claim.turn.id, fence=claim.fence, events=events)
        await store.append_deltas([delta])
        assert list((await log_of(store, claim)).events) == events

    async def test_a_running_answer_says_what_its_log_says(self, store: Store) -> None:
        """The answer of a running turn has the text logged so far, in its listing and by itself."""
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        for so_far in ("", "Hel", "Hello"):
            if so_far:
                await store.append_deltas(
                    [said(claim, so_far[-3:] if so_far == "Hel" else "lo", after=len(so_far) // 4)]
                )
            assert await path_of(store, conversation) == ["Hello?", so_far]
            assert (await store.get_message(TENANT, answer_id_of(claim.turn))).text == so_far

    async def test_the_numbers_of_a_stream_have_no_gaps(self, store: Store) -> None:
        """``last_seq`` is the last event written so far, and the end's once there is one: for a turn that ran at once, one
        that waited, and one that was cancelled while it did."""
        conversation = await make_conversation(store)
        first = await running(store, conversation)
        queued, cancelled = await waiting(store, conversation), await waiting(store, conversation)
        assert (await log_of(store, first)).last_seq == 1
        assert (await store.read_log(TENANT, queued.id, after=0, limit=1)).last_seq == 1
        finished = await store.finish_turn(
            first, Outcome(status=TurnStatus.COMPLETED, events=said(first, "a").events), promote=OWNER
        )
        assert finished.last_seq == 3
        second = claim_of(finished)
        assert (await log_of(store, second)).last_seq == 2
        assert (await store.finish_turn(second, completed(""), promote=None)).last_seq == 3
        await store.request_stop(TENANT, cancelled.id, InterruptReason.STOPPED)
        for turn_id in (first.turn.id, second.turn.id, cancelled.id):
            stream = stream_of(await store.read_log(TENANT, turn_id, after=0, limit=100))
            assert [event.seq for event in stream] == list(range(1, len(stream) + 1))

    async def test_the_stream_tells_what_is_stored(self, store: Store) -> None:
        """The fold of all events of a turn equals its rows, however it ended."""
        conversation = await make_conversation(store)
        for outcome in (
            completed("Hello"),
            stopped("Hel"),
            Outcome(status=TurnStatus.FAILED, error=TurnError(code="x", message="y")),
        ):
            claim = await running(store, conversation)
            await store.finish_turn(claim, outcome, promote=None)
            log = await log_of(store, claim)
            assert fold(stream_of(log)) == (log.turn, log.answer)
            assert log.answer == await store.get_message(TENANT, answer_id_of(claim.turn))

    async def test_logs_expire(self, store: Store, clock: FakeClock) -> None:
        """The log of a turn that ended long ago is dropped, no other; its messages stay, and the log says that it is gone."""
        conversation = await make_conversation(store)
        claims = []
        for words in ("old", "new"):
            claim = await running(store, conversation)
            await store.append_deltas([said(claim, words)])
            await store.finish_turn(claim, completed(words), promote=None)
            claims.append(claim)
            clock.advance(60)
        open_one = await running(store, await make_conversation(store), lease_seconds=600)
        await store.append_deltas([said(open_one, "open")])
        clock.advance(60)
        assert await store.expire_logs(older_than_seconds=170, limit=10) == 1
        assert await store.expire_logs(older_than_seconds=170, limit=10) == 0
        old, new = await log_of(store, claims[0]), await log_of(store, claims[1])
        assert (old.expired, old.events, old.last_seq) == (True, (), 3)
        assert (new.expired, len(new.events)) == (False, 1)
        assert await path_of(store, conversation) == ["Hello?", "old", "Hello?", "new"]
        assert await store.expire_logs(older_than_seconds=0, limit=10) == 1
        assert len((await log_of(store, open_one)).events) == 1

    async def test_a_turn_that_said_nothing_has_no_log_to_lose(self, store: Store, clock: FakeClock) -> None:
        """A stream without deltas reads the same for ever."""
        claim = await running(store, await make_conversation(store))
        await store.finish_turn(claim, completed(""), promote=None)
        clock.advance(60)
        await store.expire_logs(older_than_seconds=0, limit=10)
        assert not (await log_of(store, claim)).expired


class RecoveryConformance:
    """Leases, and turns whose worker is gone."""

    async def test_a_lease_can_be_renewed(self, store: Store, clock: FakeClock) -> None:
        """A worker that renews its lease keeps its turn for as long as it likes."""
        claim = await running(store, await make_conversation(store))
        for _ in range(5):
            clock.advance(LEASE_SECONDS - 1)
            assert not (await store.renew_leases([claim], LEASE_SECONDS)).stale
            assert (await store.recover("worker-2", LEASE_SECONDS, 10)).ended == ()
        assert (await store.get_turn(TENANT, claim.turn.id)).status is TurnStatus.RUNNING

    async def test_a_turn_without_a_worker_is_ended(self, store: Store, clock: FakeClock) -> None:
        """Recovery ends a turn whose lease has expired, with its text, and its worker can write no more."""
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        clock.advance(1)
        first_token_at = from_micros(clock.micros())
        await store.append_deltas([said(claim, "so ")])
        clock.advance(1)
        await store.append_deltas([said(claim, "far", after=1)])
        clock.advance(LEASE_SECONDS)
        recovered = await store.recover("worker-2", LEASE_SECONDS, 10)
        assert (list(recovered.ended), list(recovered.claimed)) == ([claim.turn.id], [])
        turn = await store.get_turn(TENANT, claim.turn.id)
        assert (turn.status, turn.reason) == (TurnStatus.INTERRUPTED, InterruptReason.SERVER_RESTART)
        assert (turn.first_token_at, turn.finished_at) == (first_token_at, from_micros(clock.micros()))
        assert await path_of(store, conversation) == ["Hello?", "so far"]
        assert (await log_of(store, claim)).last_seq == 4
        assert (await store.renew_leases([claim], LEASE_SECONDS)).stale == {claim.turn.id}
        with pytest.raises(FenceLost):
            await store.finish_turn(claim, completed("so far and on"), promote=OWNER)
        await running(store, conversation)

    async def test_a_stop_that_was_asked_for_is_the_reason(self, store: Store, clock: FakeClock) -> None:
        """A turn that was asked to stop and lost its worker ends with the reason of the stop."""
        claim = await running(store, await make_conversation(store))
        await store.request_stop(TENANT, claim.turn.id, InterruptReason.STOPPED)
        clock.advance(LEASE_SECONDS + 1)
        await store.recover("worker-2", LEASE_SECONDS, 10)
        assert (await store.get_turn(TENANT, claim.turn.id)).reason is InterruptReason.STOPPED

    async def test_what_waits_is_taken_over(self, store: Store, clock: FakeClock) -> None:
        """Recovery makes the next queued turn of each such conversation run, for its caller, with a lease of its own."""
        conversation = await make_conversation(store)
        await running(store, conversation)
        queued, later = await waiting(store, conversation), await waiting(store, conversation)
        clock.advance(LEASE_SECONDS + 1)
        recovered = await store.recover("worker-2", LEASE_SECONDS, 10)
        assert [claim.turn.id for claim in recovered.claimed] == [queued.id]
        claim = recovered.claimed[0]
        assert claim.turn.status is TurnStatus.RUNNING
        assert not (await store.append_deltas([said(claim, "Hello.")])).stale
        assert (await store.recover("worker-3", LEASE_SECONDS, 10)).claimed == ()
        assert claim_of(await store.finish_turn(claim, completed("Hello."), promote="worker-2")).turn.id == later.id

    async def test_one_process_takes_a_waiting_turn(self, store: Store) -> None:
        """Parallel recoveries claim a waiting turn once."""
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        await waiting(store, conversation)
        await store.finish_turn(claim, completed("a"), promote=None)
        recovered = await asyncio.gather(*(store.recover(f"worker-{n}", LEASE_SECONDS, 10) for n in range(10)))
        assert sum(len(each.claimed) for each in recovered) == 1

    async def test_reads_recover(self, store: Store, clock: FakeClock) -> None:
        """A turn whose lease has expired is never read as running."""
        for read in ("turn", "log"):
            claim = await running(store, await make_conversation(store))
            await store.append_deltas([said(claim, "so far")])
            clock.advance(LEASE_SECONDS + 1)
            if read == "turn":
                turn = await store.get_turn(TENANT, claim.turn.id)
            else:
                log = await log_of(store, claim)
                turn = log.turn
                assert (log.last_seq, log.answer and log.answer.text) == (3, "so far")
            assert (turn.status, turn.reason) == (TurnStatus.INTERRUPTED, InterruptReason.SERVER_RESTART)

    async def test_a_begin_recovers(self, store: Store, clock: FakeClock) -> None:
        """A conversation whose turn lost its worker takes a new one at once; nothing is stuck."""
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        await store.append_deltas([said(claim, "so far")])
        clock.advance(LEASE_SECONDS + 1)
        begun = await begin(store, conversation, "Still there?")
        assert begun.claim is not None
        assert begun.turn.parent_id == claim.turn.id
        assert await path_of(store, conversation) == ["Hello?", "so far", "Still there?", ""]
        assert (await store.get_turn(TENANT, claim.turn.id)).status is TurnStatus.INTERRUPTED

    async def test_recovery_keeps_to_its_limit(self, store: Store, clock: FakeClock) -> None:
        """A recovery ends at most as many turns as it is told to; the next one goes on."""
        for _ in range(5):
            await running(store, await make_conversation(store))
        clock.advance(LEASE_SECONDS + 1)
        ended = [len((await store.recover("worker-2", LEASE_SECONDS, 2)).ended) for _ in range(4)]
        assert ended == [2, 2, 1, 0]

    async def test_an_interrupting_turn_needs_no_worker_to_make_way(self, store: Store, clock: FakeClock) -> None:
        """``interrupt`` of a turn that lost its worker runs at once."""
        conversation = await make_conversation(store)
        await running(store, conversation)
        clock.advance(LEASE_SECONDS + 1)
        begun = await begin(store, conversation, policy=Policy.INTERRUPT)
        assert (begun.turn.status, begun.superseded) == (TurnStatus.RUNNING, None)

    async def test_a_finished_conversation_is_free(self, store: Store) -> None:
        """After an end, whatever it was, the next turn begins."""
        conversation = await make_conversation(store)
        await exchange(store, conversation)
        claim = await running(store, conversation)
        with pytest.raises(TurnInProgress):
            await begin(store, conversation)
        await store.finish_turn(claim, stopped(), promote=None)
        await running(store, conversation)
