"""Several stores on one PostgreSQL database, as several processes have them."""

from __future__ import annotations

import asyncio
from itertools import count

import asyncpg
import pytest

from palaver.conversation import InterruptReason, Policy, TurnStatus
from palaver.errors import FenceLost, TurnInProgress
from palaver.page import Window
from palaver.stores.orders import BotDraft, Ending
from palaver.stores.postgres import PostgresStore
from palaver.testing import FakeClock
from palaver.testing.stores.figures import totals
from palaver.testing.stores.making import (
    LEASE_SECONDS,
    TENANT,
    answer_id_of,
    ask,
    begin,
    claim_of,
    completed,
    exchange,
    make_bot,
    make_conversation,
    once,
    running,
    said,
    seqs,
)

ROUNDS = 25
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def test_of_a_hundred_begins_one_is_accepted(stores: list[PostgresStore]) -> None:
    """A hundred sends to one conversation through two stores begin one turn; the others are told which one."""
    conversation = await make_conversation(stores[0])
    made = await asyncio.gather(
        *(begin(stores[number % 2], conversation, f"{number}") for number in range(100)), return_exceptions=True
    )
    begun = [each for each in made if not isinstance(each, BaseException)]
    assert len(begun) == 1
    refused = [each for each in made if isinstance(each, TurnInProgress)]
    assert len(refused) == 99
    assert {each.details["turn_id"] for each in refused} == {begun[0].turn.id}


async def test_of_a_hundred_begins_with_one_key_one_is_new(stores: list[PostgresStore]) -> None:
    """A send that is retried through every process at once is one turn."""
    conversation = await make_conversation(stores[0])
    key = once("Hello?", "k")
    made = await asyncio.gather(*(begin(stores[number % 2], conversation, once=key) for number in range(100)))
    assert len({each.turn.id for each in made}) == 1
    assert [each.replayed for each in made].count(False) == 1
    assert (await stores[0].get_conversation(TENANT, conversation.id)).turn_count == 1


async def test_queued_turns_of_many_processes_have_places_of_their_own(stores: list[PostgresStore]) -> None:
    """However many are accepted at once, places are given once and without a gap."""
    conversation = await make_conversation(stores[0])
    made = await asyncio.gather(
        *(begin(stores[n % 2], conversation, f"{n}", policy=Policy.QUEUE, queue_cap=99) for n in range(60))
    )
    assert [each.turn.status for each in made].count(TurnStatus.RUNNING) == 1
    assert sorted(each.turn.index for each in made) == list(range(1, 61))
    messages = (await stores[1].page_messages(TENANT, conversation.id, Window(limit=200))).data
    assert seqs(messages) == list(range(1, 121))


async def test_a_name_is_taken_once(stores: list[PostgresStore]) -> None:
    """Of many bots with one name that are made at once, one is."""
    drafts = [BotDraft(id=f"bot_{number}", name="Helper", model="m") for number in range(20)]
    made = await asyncio.gather(
        *(stores[number % 2].create_bot(TENANT, draft) for number, draft in enumerate(drafts)), return_exceptions=True
    )
    assert sum(not isinstance(each, BaseException) for each in made) == 1
    assert len((await stores[0].page_bots(TENANT, Window())).data) == 1


@pytest.mark.parametrize("how", ["end", "recover", "delete"])
async def test_what_was_shown_is_not_lost(stores: list[PostgresStore], clock: FakeClock, how: str) -> None:
    """A tick that was taken while another process ended the turn is in its answer; behind the end none is taken."""
    here, there = stores
    for number in range(ROUNDS):
        conversation = await make_conversation(here)
        claim = await running(here, conversation)
        shown = ""

        async def talk() -> str:
            nonlocal shown
            for tick in count():
                word = f"{tick} "
                if (await here.append_deltas([said(claim, word, after=tick)])).stale:  # noqa: B023 - awaited in its round
                    return shown
                shown += word
            return ""

        talking = asyncio.create_task(talk())
        await asyncio.sleep(0.0007 * number)
        match how:
            case "end":
                await there.end_conversation(TENANT, conversation.id, Ending())
            case "recover":
                clock.advance(LEASE_SECONDS + 1)
                await there.recover("other", LEASE_SECONDS, 10)
            case "delete":
                await there.delete_bot(TENANT, conversation.bot_id)
                await there.restore_bot(TENANT, conversation.bot_id)
        answer = await there.get_message(TENANT, answer_id_of(claim.turn))
        assert answer.status is TurnStatus.INTERRUPTED
        assert answer.text == await talking


async def test_who_lost_a_turn_writes_nothing(stores: list[PostgresStore], clock: FakeClock) -> None:
    """A worker that slept past its lease finds its fence stale everywhere, and the turn as the other one left it."""
    here, there = stores
    conversation = await make_conversation(here)
    claim = await running(here, conversation)
    await here.append_deltas([said(claim, "so far")])
    queued = (await begin(here, conversation, "Next?", policy=Policy.QUEUE)).turn
    clock.advance(LEASE_SECONDS + 1)
    recovered = await there.recover("other", LEASE_SECONDS, 10)
    assert [each.turn.id for each in recovered.claimed] == [queued.id]
    assert (await here.append_deltas([said(claim, "more", after=1)])).stale == {claim.turn.id}
    assert (await here.renew_leases([claim], LEASE_SECONDS)).stale == {claim.turn.id}
    with pytest.raises(FenceLost):
        await here.finish_turn(claim, completed("all"), promote="here")
    assert (await there.get_message(TENANT, answer_id_of(claim.turn))).text == "so far"
    assert (await there.get_turn(TENANT, queued.id)).status is TurnStatus.RUNNING


_FULL_BEHIND_THE_FIRST = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'running' AND EXISTS (SELECT 1 FROM palaver.turns WHERE status = 'running') THEN
        RAISE EXCEPTION SQLSTATE '53100';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON turns FOR EACH ROW EXECUTE FUNCTION refuse()
"""


async def test_what_a_recovery_has_claimed_is_run(
    stores: list[PostgresStore], clock: FakeClock, postgres_url: str
) -> None:
    """A recovery for which the disk is full half way returns what it has claimed: nobody else would run it."""
    here, there = stores
    for _ in range(2):
        conversation = await make_conversation(here)
        await running(here, conversation)
        await begin(here, conversation, "Next?", policy=Policy.QUEUE)
    clock.advance(LEASE_SECONDS + 1)
    database = await asyncpg.connect(postgres_url, server_settings={"search_path": "palaver"})
    await database.execute(_FULL_BEHIND_THE_FIRST)
    recovered = await there.recover("there", LEASE_SECONDS, 10)
    assert len(recovered.ended) == 2
    now_running = await database.fetch("SELECT id FROM turns WHERE status = 'running'")
    assert [claim.turn.id for claim in recovered.claimed] == [row["id"] for row in now_running]
    await database.execute("DROP FUNCTION refuse CASCADE")
    await database.close()
    assert len((await there.recover("there", LEASE_SECONDS, 10)).claimed) == 1


async def until_locked(database: asyncpg.Connection, count: int) -> None:
    """Wait until so many wait for a lock."""
    async with asyncio.timeout(5):
        while await database.fetchval(_WAITING) < count:
            await asyncio.sleep(0.01)


async def test_an_end_sees_who_came_while_it_waited(stores: list[PostgresStore], postgres_url: str) -> None:
    """A turn that is queued while the end of the one before it waits for the conversation runs next: it is not left waiting."""
    here, there = stores
    conversation = await make_conversation(here)
    claim = await running(here, conversation)
    database, holder = await asyncpg.connect(postgres_url), await asyncpg.connect(postgres_url)
    async with asyncio.TaskGroup() as group:
        async with holder.transaction():
            await holder.execute("SELECT 1 FROM palaver.conversations FOR UPDATE")
            queueing = group.create_task(begin(there, conversation, "Next?", policy=Policy.QUEUE))
            await until_locked(database, 1)
            finishing = group.create_task(here.finish_turn(claim, completed("a"), promote="here"))
            await until_locked(database, 2)
    await database.close()
    await holder.close()
    assert claim_of(finishing.result()).turn.id == queueing.result().turn.id


async def test_a_begin_sees_who_came_while_it_waited(stores: list[PostgresStore], postgres_url: str) -> None:
    """Of two begins that wait for a conversation the second one sees the first: its parent, or that it is in the way."""
    here, there = stores
    conversation = await make_conversation(here)
    database, holder = await asyncpg.connect(postgres_url), await asyncpg.connect(postgres_url)
    async with asyncio.TaskGroup() as group:
        async with holder.transaction():
            await holder.execute("SELECT 1 FROM palaver.conversations FOR UPDATE")
            first = group.create_task(begin(here, conversation, "One?"))
            await until_locked(database, 1)
            second = group.create_task(begin(there, conversation, "Two?", policy=Policy.QUEUE))
            await until_locked(database, 2)
    await database.close()
    await holder.close()
    assert (first.result().turn.index, second.result().turn.index) == (1, 2)
    assert second.result().turn.parent_id == first.result().turn.id
    assert second.result().turn.status is TurnStatus.QUEUED


async def test_a_bot_is_deleted_under_those_who_write(stores: list[PostgresStore]) -> None:
    """However sends and a delete of their bot meet: in the end nothing of the bot is open."""
    here, there = stores
    for _ in range(ROUNDS // 5):
        bot = await make_bot(here)
        conversations = [await make_conversation(here, bot=bot) for _ in range(8)]
        await asyncio.gather(
            *(begin(here, conversation) for conversation in conversations),
            there.delete_bot(TENANT, bot.id),
            return_exceptions=True,
        )
        await there.recover("there", LEASE_SECONDS, 100)
        await there.restore_bot(TENANT, bot.id)
        for conversation in conversations:
            assert (await there.get_conversation(TENANT, conversation.id)).running_turn_id is None
            page = await here.page_messages(TENANT, conversation.id, Window())
            assert all(message.status is not TurnStatus.RUNNING for message in page.data)
            await exchange(here, conversation, "again")


async def test_a_stop_reaches_the_worker_of_another_process(stores: list[PostgresStore]) -> None:
    """Whoever asks a turn to stop, its worker is told by its next tick."""
    here, there = stores
    claim = await running(here, await make_conversation(here))
    await there.request_stop(TENANT, claim.turn.id, InterruptReason.STOPPED)
    watch = await here.append_deltas([said(claim, "x")])
    assert watch.stopping == {claim.turn.id: InterruptReason.STOPPED}


async def test_the_same_ask_to_another_store_is_one_order(stores: list[PostgresStore]) -> None:
    """An order whose answer was lost is made again, as it was: it is one turn."""
    order = ask(await make_conversation(stores[0]))
    first = await stores[0].begin_turn(TENANT, order)
    again = await stores[1].begin_turn(TENANT, order)
    assert (again.turn, again.replayed) == (first.turn, True)


async def test_who_counts_waits_for_what_is_being_changed(
    stores: list[PostgresStore], database: asyncpg.Connection, postgres_url: str, clock: FakeClock
) -> None:
    """A change that is not committed while its conversation is counted is counted, too: its mark is not taken away unseen."""
    store = stores[0]
    chat = await make_conversation(store)
    answer_id = answer_id_of((await exchange(store, chat)).turn)  # it is marked already
    holder = await asyncpg.connect(postgres_url, server_settings={"search_path": "palaver"})
    async with holder.transaction():
        await holder.execute("UPDATE messages SET rating = 5 WHERE id = $1", answer_id)
        counting = asyncio.create_task(store.count_figures("worker", LEASE_SECONDS, 10))
        await until_locked(database, 1)
    await holder.close()
    assert await counting == 1
    assert (await totals(store, clock))["rated.5"] == 1
