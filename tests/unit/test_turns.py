"""A turn through the engine: accept, run, persist, emit, resume, stop, recover."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from palaver.config import Limits, Settings
from palaver.conversation import Conversation, ConversationStatus, EndReason, InterruptReason, TurnStatus
from palaver.errors import (
    ConversationArchived,
    ConversationEnded,
    InvalidInput,
    KeyReused,
    ModelError,
    NotFound,
    QueueFull,
    ResumeWindowGone,
    ShuttingDown,
    TurnFailed,
    TurnInProgress,
)
from palaver.events import Event
from palaver.fold import fold
from palaver.hub import HubRoot, LocalHub
from palaver.hub.equipment import Equipment
from palaver.ids import new_id
from palaver.lifecycle import Lifecycle, Retention
from palaver.models.base import Ended, Prompt, Said, TextSaid, TokensCounted
from palaver.models.catalog import Catalog
from palaver.models.scripted import Cut, Pause, ScriptedModel, words_text
from palaver.stores.orders import BotDraft, ConversationDraft
from palaver.stores.sqlite import SqliteStore
from palaver.testing import FakeClock
from palaver.turns import TurnEngine


class Desk:
    """Opens hubs on one file, each like a process of its own."""

    def __init__(self, path: Path, stack: AsyncExitStack) -> None:
        self.path = path
        self.stack = stack

    async def hub(self, model: Any, **limits: Any) -> LocalHub:
        settings = Settings(store=f"sqlite:///{self.path}", default_model="m", limits=Limits(**limits))
        root = await self.stack.enter_async_context(HubRoot.open(settings, models={"m": model}))
        return root.for_tenant()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        yield Desk(tmp_path / "t.db", stack)


async def chat_of(hub: LocalHub) -> Conversation:
    bot = await hub.bots.find("b") or await hub.bots.create(name="b", model="m")
    return await hub.conversations.create(bot.id)


async def read(hub: LocalHub, turn_id: str, after: int = 0) -> list[Event]:
    return [event async for event in hub.turns.events(turn_id, after=after)]


async def test_a_reply_is_what_the_model_said(desk: Desk) -> None:
    """A send returns the whole answer, stored, with its usage and the context it was given."""
    hub = await desk.hub(ScriptedModel("Hello you there."))
    chat = await chat_of(hub)
    reply = await hub.messages.send(chat.id, "Hi")
    assert reply.text == "Hello you there."
    assert reply.turn.status is TurnStatus.COMPLETED
    assert reply.turn.usage.output_tokens == 3
    assert reply.turn.context is not None
    stored = await hub.messages.list(chat.id)
    assert [message.text for message in stored] == ["Hi", "Hello you there."]
    assert [message.seq for message in stored] == [1, 2]
    assert stored.data[1] == reply.message
    assert await hub.turns.get(reply.turn.id) == reply.turn


async def test_the_fold_of_the_stream_is_the_stored_turn(desk: Desk) -> None:
    """Live or replayed, the events of a turn fold into what is stored."""
    hub = await desk.hub(ScriptedModel("one two three four", delay_seconds=0.002))
    chat = await chat_of(hub)
    live = [event async for event in hub.messages.stream(chat.id, "Hi")]
    turn, answer = fold(live)
    assert turn == await hub.turns.get(turn.id)
    assert answer == (await hub.messages.list(chat.id)).data[1]
    assert await read(hub, turn.id) == live
    assert "".join(event.text for event in live) == "one two three four"


async def test_every_resume_point_gives_exactly_what_was_missed(desk: Desk) -> None:
    """seen + resumed is the uninterrupted stream, at every cut; a point beyond it is gone."""
    hub = await desk.hub(ScriptedModel(words_text(40), delay_seconds=0.001), tick_seconds=0.001)
    chat = await chat_of(hub)
    live = [event async for event in hub.messages.stream(chat.id, "Hi")]
    turn_id = live[0].data["turn"]["id"]
    for cut in range(len(live) + 1):
        assert live[:cut] + await read(hub, turn_id, after=cut) == live
    with pytest.raises(ResumeWindowGone):
        await read(hub, turn_id, after=len(live) + 1)
    with pytest.raises(InvalidInput):
        await read(hub, turn_id, after=-1)


async def test_readers_of_a_running_turn_all_see_the_same(desk: Desk) -> None:
    """Readers that join at different moments, here and on another process, read the same events."""
    model = ScriptedModel(words_text(60), delay_seconds=0.004)
    here = await desk.hub(model)
    there = await desk.hub(model)
    chat = await chat_of(here)
    accepted = await here.messages.start(chat.id, "Hi")
    readers = []
    for hub in (here, there, here, there):
        readers.append(asyncio.create_task(read(hub, accepted.turn.id)))
        await asyncio.sleep(0.03)
    streams = await asyncio.gather(*readers)
    assert all(stream == streams[0] for stream in streams)
    assert "".join(event.text for event in streams[0]) == words_text(60)
    assert model.call_count == 1


async def test_leaving_does_not_stop_the_turn(desk: Desk) -> None:
    """Whoever leaves the stream early finds the whole answer later."""
    hub = await desk.hub(ScriptedModel(words_text(20), delay_seconds=0.005))
    chat = await chat_of(hub)
    async with aclosing(hub.messages.stream(chat.id, "Hi")) as events:
        accepted = await anext(events)
        assert (await anext(events)).text
    reply = await hub.turns.wait(accepted.data["turn"]["id"])
    assert reply.text == words_text(20)


@pytest.mark.parametrize("there", [False, True])
async def test_a_stop_keeps_the_text_and_aborts_the_model(desk: Desk, there: bool) -> None:
    """From this process or another one, a stop ends the turn with its text and closes the model's stream."""
    model = ScriptedModel(words_text(5000), delay_seconds=0.005)
    here = await desk.hub(model)
    other = await desk.hub(ScriptedModel()) if there else here
    chat = await chat_of(here)
    seen: list[Event] = []
    async for event in here.messages.stream(chat.id, "Hi"):
        seen.append(event)
        if len(seen) == 5:
            async with asyncio.timeout(1):
                stopped = await other.turns.stop(seen[0].data["turn"]["id"])
            assert stopped.status is TurnStatus.INTERRUPTED
            assert stopped.reason is InterruptReason.STOPPED
            assert await other.turns.stop(stopped.id) == stopped
    assert model.aborted == 1
    text = "".join(event.text for event in seen)
    answer = (await here.messages.list(chat.id)).data[1]
    assert answer.text == text
    assert words_text(5000).startswith(text)
    assert seen[-1].type == "turn.interrupted"
    assert fold(seen)[1] == answer


async def test_the_same_key_is_one_turn(desk: Desk) -> None:
    """A hundred sends with one key at once are one turn and one call of the model; another body is refused."""
    model = ScriptedModel(words_text(5), delay_seconds=0.002)
    hub = await desk.hub(model)
    chat = await chat_of(hub)
    replies = await asyncio.gather(*(hub.messages.send(chat.id, "Hi", key="k") for _ in range(100)))
    assert len({reply.turn.id for reply in replies}) == 1
    assert len({reply.text for reply in replies}) == 1
    assert sum(not reply.replayed for reply in replies) == 1
    assert model.call_count == 1
    with pytest.raises(KeyReused):
        await hub.messages.send(chat.id, "Hi!", key="k")
    assert len(await hub.messages.list(chat.id)) == 2


async def test_one_running_turn_a_conversation(desk: Desk) -> None:
    """Of a hundred sends at once from two processes one is accepted; the others learn which turn runs."""
    release = asyncio.Event()
    model = ScriptedModel(["a", release, "b"])
    hubs = [await desk.hub(model), await desk.hub(model)]
    chat = await chat_of(hubs[0])
    sends = [hubs[n % 2].messages.start(chat.id, f"{n}") for n in range(100)]
    outcomes = await asyncio.gather(*sends, return_exceptions=True)
    accepted = [each for each in outcomes if not isinstance(each, BaseException)]
    refused = [each for each in outcomes if isinstance(each, TurnInProgress)]
    assert (len(accepted), len(refused)) == (1, 99)
    assert {each.details["turn_id"] for each in refused} == {accepted[0].turn.id}
    release.set()
    await hubs[0].turns.wait(accepted[0].turn.id)
    assert model.max_open_streams == 1
    assert len(await hubs[0].messages.list(chat.id)) == 2


async def test_queued_turns_run_in_the_order_of_acceptance(desk: Desk) -> None:
    """A queue is visible, ordered, capped and cancellable."""
    release = asyncio.Event()
    model = ScriptedModel(answer=lambda prompt: [f"re {prompt.messages[-1].text}", release])
    hub = await desk.hub(model, queue_cap=3)
    chat = await chat_of(hub)
    accepted = [await hub.messages.start(chat.id, f"{n}", policy="queue") for n in range(4)]
    assert [each.turn.status for each in accepted] == [TurnStatus.RUNNING] + [TurnStatus.QUEUED] * 3
    with pytest.raises(QueueFull):
        await hub.messages.start(chat.id, "4", policy="queue")
    cancelled = await hub.turns.stop(accepted[2].turn.id)
    assert cancelled.reason is InterruptReason.CANCELLED
    follower = asyncio.create_task(read(hub, accepted[3].turn.id))
    release.set()
    replies = [await hub.turns.wait(each.turn.id) for each in accepted]
    assert [reply.text for reply in replies] == ["re 0", "re 1", "", "re 3"]
    assert model.max_open_streams == 1
    events = await follower
    assert [event.type for event in events] == ["turn.queued", "turn.accepted", "text.delta", "turn.completed"]
    assert fold(events)[0] == replies[3].turn
    assert [event.type for event in await read(hub, cancelled.id)] == ["turn.queued", "turn.interrupted"]
    assert [message.seq for message in await hub.messages.list(chat.id)] == list(range(1, 9))


@pytest.mark.parametrize("there", [False, True])
async def test_an_interrupt_keeps_the_text_then_runs(desk: Desk, there: bool) -> None:
    """The running turn ends superseded with its text; the model is never called twice at once."""
    model = ScriptedModel(["a b", Pause(100)], "new")
    here = await desk.hub(model)
    other = await desk.hub(model) if there else here
    chat = await chat_of(here)
    first = await here.messages.start(chat.id, "1")
    async for event in here.turns.events(first.turn.id):
        if event.text:
            break
    reply = await other.messages.send(chat.id, "2", policy="interrupt")
    assert reply.text == "new"
    old = await here.turns.wait(first.turn.id)
    assert (old.turn.status, old.turn.reason, old.text) == (
        TurnStatus.INTERRUPTED,
        InterruptReason.SUPERSEDED,
        "a b",
    )
    assert model.max_open_streams == 1
    assert model.calls[1].prompt.messages[-2].text == "a b"


@pytest.mark.parametrize(
    ("script", "status", "code", "text"),
    [
        ([ModelError("No.", code="provider_auth")], TurnStatus.FAILED, "provider_auth", ""),
        (["a", Cut()], TurnStatus.INTERRUPTED, "disconnected_by_model", "a"),
        (["a", ModelError("x", code="stalled", interrupts=True)], TurnStatus.INTERRUPTED, "stalled", "a"),
        ([""], TurnStatus.FAILED, "empty_answer", ""),
    ],
)
async def test_every_fault_of_the_model_ends_the_turn(
    desk: Desk, script: Any, status: TurnStatus, code: str, text: str
) -> None:
    """A fault is failed(code), or interrupted(reason) with the text; the conversation goes on."""
    hub = await desk.hub(ScriptedModel(script, "fine"))
    chat = await chat_of(hub)
    accepted = await hub.messages.start(chat.id, "Hi", key="k")
    reply = await hub.turns.wait(accepted.turn.id)
    assert reply.turn.status is status
    assert reply.text == text
    assert reply.turn.error is not None
    assert reply.turn.error.code == code
    if status is TurnStatus.FAILED:
        with pytest.raises(TurnFailed) as failed:
            await hub.messages.send(chat.id, "Hi", key="k")
        assert failed.value.turn == reply.turn
    assert (await hub.messages.send(chat.id, "Again")).text == "fine"


async def test_a_model_that_is_not_configured_fails_the_turn(desk: Desk) -> None:
    """The send is stored, the turn says what to set."""
    hub = await desk.hub(ScriptedModel())
    bot = await hub.bots.create(name="g", model="groq:x")
    chat = await hub.conversations.create(bot.id)
    with pytest.raises(TurnFailed) as failed:
        await hub.messages.send(chat.id, "Hi")
    assert failed.value.code == "provider_not_configured"
    assert "GROQ_API_KEY" in failed.value.message


async def test_regenerate_and_edit_make_branches(desk: Desk) -> None:
    """Both make a turn beside the old one; the active path shows the new; the head can go back."""
    hub = await desk.hub(ScriptedModel("A", "B", "C", "D"))
    chat = await chat_of(hub)
    first = await hub.messages.send(chat.id, "1")
    second = await hub.messages.send(chat.id, "2")
    again = await hub.messages.regenerate(first.id)
    assert [m.text for m in await hub.messages.list(chat.id)] == ["1", "C"]
    assert again.turn.parent_id == first.turn.parent_id
    assert again.turn.user_message_id == first.turn.user_message_id
    edited = await hub.messages.edit(first.turn.user_message_id or "", "one")
    assert [m.text for m in await hub.messages.list(chat.id)] == ["one", "D"]
    branches = await hub.conversations.branches(chat.id)
    assert [(b.turn_id, b.leaf_turn_id, b.active) for b in branches] == [
        (first.turn.id, second.turn.id, False),
        (again.turn.id, again.turn.id, False),
        (edited.turn.id, edited.turn.id, True),
    ]
    await hub.conversations.switch(chat.id, second.turn.id)
    assert [m.text for m in await hub.messages.list(chat.id)] == ["1", "A", "2", "B"]
    assert (await hub.conversations.get(chat.id)).message_count == 7


async def test_deleting_a_turn_takes_question_and_answer(desk: Desk) -> None:
    """Its children hang on its parent, and the context of the next turn lacks it."""
    model = ScriptedModel("A", "B", "C", "D")
    hub = await desk.hub(model)
    chat = await chat_of(hub)
    replies = [await hub.messages.send(chat.id, text) for text in ("1", "2", "3")]
    await hub.messages.delete(replies[1].id)
    assert [(m.text, m.seq) for m in await hub.messages.list(chat.id)] == [("1", 1), ("A", 2), ("3", 5), ("C", 6)]
    assert (await hub.turns.get(replies[2].turn.id)).parent_id == replies[0].turn.id
    await hub.messages.send(chat.id, "4")
    assert [m.text for m in model.calls[-1].prompt.messages] == ["1", "A", "3", "C", "4"]
    with pytest.raises(NotFound):
        await hub.messages.rate(replies[1].id, 5)


@pytest.mark.parametrize("how", ["end", "archive", "delete"])
async def test_ending_a_conversation_stops_its_turn(desk: Desk, how: str) -> None:
    """The running turn ends with its text, the model is aborted, a queued one never runs."""
    model = ScriptedModel(["so far", Pause(100)])
    hub = await desk.hub(model)
    chat = await chat_of(hub)
    running = await hub.messages.start(chat.id, "1")
    await hub.messages.start(chat.id, "2", policy="queue")
    events = hub.turns.events(running.turn.id)
    seen = [await anext(events), await anext(events)]
    await getattr(hub.conversations, how)(chat.id)
    if how == "delete":
        with pytest.raises(NotFound):
            await hub.turns.get(running.turn.id)
        await hub.conversations.restore(chat.id)
    else:
        seen += [event async for event in events]
        assert seen[-1].type == "turn.interrupted"
        with pytest.raises(ConversationEnded if how == "end" else ConversationArchived):
            await hub.messages.send(chat.id, "3")
    turn = await hub.turns.get(running.turn.id)
    assert turn.reason is (InterruptReason.DELETED if how == "delete" else InterruptReason.ENDED)
    assert (await hub.messages.list(chat.id)).data[1].text == "so far"
    for _ in range(100):
        if model.aborted:
            break
        await asyncio.sleep(0.01)
    assert (model.aborted, model.call_count) == (1, 1)
    await events.aclose()


async def test_a_drain_ends_every_stream_and_takes_no_more(desk: Desk) -> None:
    """Streams get their terminal event, turns end interrupted(shutdown) with their text, queued ones too."""
    hub = await desk.hub(ScriptedModel(["so far", Pause(100)]))
    chat = await chat_of(hub)
    running = await hub.messages.start(chat.id, "1")
    queued = await hub.messages.start(chat.id, "2", policy="queue")
    streams = [asyncio.create_task(read(hub, each.turn.id)) for each in (running, queued)]
    await asyncio.sleep(0.05)
    await hub.root.engine.drain()
    one, two = await asyncio.gather(*streams)
    assert one[-1].data["turn"]["reason"] == two[-1].data["turn"]["reason"] == "shutdown"
    assert "".join(event.text for event in one) == "so far"
    with pytest.raises(ShuttingDown):
        await hub.messages.send(chat.id, "3")


async def test_a_dead_process_leaves_nothing_running(desk: Desk) -> None:
    """Once the lease is over another process ends the running turn with its text and runs the queued one."""
    dead = await desk.hub(ScriptedModel(["so far", Pause(100)]), lease_seconds=0.5)
    chat = await chat_of(dead)
    running = await dead.messages.start(chat.id, "1")
    queued = await dead.messages.start(chat.id, "2", policy="queue")
    async for event in dead.turns.events(running.turn.id):
        if event.text:
            break
    for loop in dead.root.engine._loops:  # as if the process were frozen: it renews nothing and recovers nothing
        loop.cancel()
    alive = await desk.hub(ScriptedModel("fresh"), lease_seconds=0.5, sweep_seconds=0.1)
    async with asyncio.timeout(3):
        ended = await alive.turns.wait(running.turn.id)
        reply = await alive.turns.wait(queued.turn.id)
    assert (ended.turn.reason, ended.text) == (InterruptReason.SERVER_RESTART, "so far")
    assert reply.text == "fresh"
    dead.root.engine._workers[running.turn.id].stop(InterruptReason.STOPPED)
    await asyncio.sleep(0.05)
    assert (await alive.turns.wait(running.turn.id)).turn == ended.turn


async def test_what_is_seen_is_written(desk: Desk) -> None:
    """At the moment a reader sees an event, another process finds it in the store."""
    here = await desk.hub(ScriptedModel(words_text(30), delay_seconds=0.003))
    there = await desk.hub(ScriptedModel())
    chat = await chat_of(here)
    accepted = await here.messages.start(chat.id, "Hi")
    async for event in here.turns.events(accepted.turn.id):
        log = await there.root.store.read_log(there.tenant_id, accepted.turn.id, after=event.seq - 1, limit=1)
        assert log.last_seq >= event.seq
        if event.text:
            assert log.events[0] == event


async def test_a_huge_chunk_is_cut_into_events(desk: Desk) -> None:
    """No event carries more than 64 KiB of text; together they carry all of it."""
    text = "😀é" * 40_000
    hub = await desk.hub(ScriptedModel([text]))
    chat = await chat_of(hub)
    events = [event async for event in hub.messages.stream(chat.id, "Hi")]
    assert "".join(event.text for event in events) == text
    assert max(len(event.text.encode()) for event in events) <= 65_536
    assert [event.seq for event in events] == list(range(1, len(events) + 1))


async def test_an_expired_log_is_told_from_the_stored_turn(desk: Desk) -> None:
    """A day after its end a turn is replayed from its rows: accepted, the whole text, the end; its middle is gone."""
    hub = await desk.hub(ScriptedModel(words_text(30), delay_seconds=0.001), tick_seconds=0.001)
    chat = await chat_of(hub)
    live = [event async for event in hub.messages.stream(chat.id, "Hi")]
    turn_id = live[0].data["turn"]["id"]
    assert len(live) > 4
    assert await hub.root.store.expire_logs(older_than_seconds=0, limit=10) == 1
    replayed = await read(hub, turn_id)
    assert [event.type for event in replayed] == ["turn.accepted", "text.delta", "turn.completed"]
    assert [event.seq for event in replayed] == [1, 2, 3]
    assert (replayed[0], replayed[-1].json) == (live[0], live[-1].json)
    assert fold(replayed) == fold(live)
    for after in (1, 2, len(live)):
        with pytest.raises(ResumeWindowGone) as gone:
            await read(hub, turn_id, after=after)
        assert gone.value.details["url"] == f"/v1/turns/{turn_id}"


async def test_upkeep_ends_the_idle_and_purges_the_deleted(desk: Desk) -> None:
    """What is idle for its bot's minutes ends (``idle``), what was deleted is gone for good, the rest stays."""
    clock = FakeClock()
    store = SqliteStore(desk.path, clock=clock)
    await store.open()
    try:
        idle_bot = BotDraft(id=new_id("bot"), name="idle", model="m", idle_timeout_minutes=5)
        other_bot = BotDraft(id=new_id("bot"), name="other", model="m")
        chats = []
        for bot in (idle_bot, other_bot, other_bot):
            if await store.find_bot("default", bot.name) is None:
                await store.create_bot("default", bot)
            made = await store.create_conversation("default", ConversationDraft(id=new_id("conv"), bot_id=bot.id))
            chats.append(made.value.id)
        await store.delete_conversation("default", chats[2])
        upkeep = Lifecycle(store, Retention(purge_days=1))
        clock.advance(5 * 60 + 1)
        await upkeep.step()
        ended = await store.get_conversation("default", chats[0])
        assert (ended.status, ended.end_reason) == (ConversationStatus.ENDED, EndReason.IDLE)
        assert (await store.get_conversation("default", chats[1])).status is ConversationStatus.ACTIVE
        assert (await store.restore_conversation("default", chats[2])).id == chats[2]
        await store.delete_conversation("default", chats[2])
        clock.advance(86_401)
        await upkeep.step()
        with pytest.raises(NotFound):
            await store.restore_conversation("default", chats[2])
        await store.delete_conversation("default", chats[1])
        assert await upkeep.purge_now() > 0
        assert await upkeep.purge_now() == 0
    finally:
        await store.close()


async def test_a_question_without_an_answer_has_nothing_to_wait_for(desk: Desk) -> None:
    """A turn that was appended with its question alone is read as it is; waiting for its answer says that there is none."""
    hub = await desk.hub(ScriptedModel())
    chat = await chat_of(hub)
    (asked,) = await hub.messages.append(chat.id, [{"role": "user", "text": "Anyone?"}])
    assert [event.type for event in await read(hub, asked.turn_id)] == ["turn.accepted", "turn.completed"]
    with pytest.raises(NotFound):
        await hub.turns.wait(asked.turn_id)


async def test_an_end_that_cannot_be_written_stops_no_other_turn(desk: Desk) -> None:
    """A store that refuses one turn's end, for a reason nobody foresaw, costs that turn its lease and nobody else
    anything; once the store takes it, the turn is ended with its text (I15)."""
    hub = await desk.hub(ScriptedModel("never completed", "fine"), lease_seconds=0.5, sweep_seconds=0.1)
    chat = await chat_of(hub)
    with closing(sqlite3.connect(desk.path, isolation_level=None)) as saboteur:
        saboteur.execute(
            "CREATE TRIGGER sabotage BEFORE UPDATE OF status ON turns WHEN new.status <> 'running'"
            " BEGIN SELECT RAISE(ABORT, 'sabotage'); END"
        )
        broken = await hub.messages.start(chat.id, "1")
        await asyncio.sleep(0.2)
        saboteur.execute("DROP TRIGGER sabotage")
    assert (await hub.messages.send((await chat_of(hub)).id, "2")).text == "fine"
    async with asyncio.timeout(5):
        ended = await hub.turns.wait(broken.turn.id)
    assert ended.turn.reason is InterruptReason.SERVER_RESTART
    assert (await hub.messages.send(chat.id, "3")).text == "fine"


async def test_a_delete_tells_those_who_read_and_wait(desk: Desk) -> None:
    """A stream whose conversation is deleted ends with ``turn.interrupted`` (deleted), here and on another process; a send
    that waits gets its turn as it ended; a queued one as well."""
    hub = await desk.hub(ScriptedModel(["so far", Pause(100)]))
    there = await desk.hub(ScriptedModel())
    chat = await chat_of(hub)
    sending = asyncio.create_task(hub.messages.send(chat.id, "1"))
    while not (turns := (await hub.turns.list(status="running")).data):
        await asyncio.sleep(0.01)
    queued = await hub.messages.start(chat.id, "2", policy="queue")
    asked = [(hub, turns[0].id), (there, turns[0].id), (hub, queued.turn.id)]
    readers = [asyncio.create_task(read(where, turn_id)) for where, turn_id in asked]
    await asyncio.sleep(0.1)
    await hub.conversations.delete(chat.id)
    async with asyncio.timeout(3):
        streams = await asyncio.gather(*readers)
        reply = await sending
    assert {stream[-1].data["turn"]["reason"] for stream in streams} == {"deleted"}
    assert (reply.turn.reason, reply.text) == (InterruptReason.DELETED, "so far")
    with pytest.raises(NotFound):
        await hub.turns.get(turns[0].id)


async def test_deleting_a_running_turn_lets_the_next_one_run(desk: Desk) -> None:
    """What waited behind a deleted turn runs at once."""
    hub = await desk.hub(ScriptedModel(["a", Pause(100)], "next"))
    chat = await chat_of(hub)
    running = await hub.messages.start(chat.id, "1")
    queued = await hub.messages.start(chat.id, "2", policy="queue")
    await hub.messages.delete(running.turn.message_id or "")
    async with asyncio.timeout(1):
        assert (await hub.turns.wait(queued.turn.id)).text == "next"


async def test_what_a_provider_counts_is_data(desk: Desk) -> None:
    """A count beyond every store's integers does not keep a turn from ending."""
    hub = await desk.hub(ScriptedModel(["fine", TokensCounted(10**30, -5), Ended()]))
    reply = await hub.messages.send((await chat_of(hub)).id, "Hi")
    assert (reply.text, reply.turn.status) == ("fine", TurnStatus.COMPLETED)
    assert reply.turn.usage.output_tokens == 0


class Deaf(ScriptedModel):
    """A model that swallows its cancellation and talks on, as one with a bare ``except`` does."""

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Said]]:
        async def talk() -> AsyncIterator[Said]:
            for number in range(1000):
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.01)
                yield TextSaid(f" {number}")
            yield Ended()

        yield talk()


async def test_a_model_that_swallows_the_stop_is_not_listened_to(desk: Desk) -> None:
    """A stop ends the turn, whatever the model makes of it; nothing that it says later is stored."""
    hub = await desk.hub(Deaf())
    accepted = await hub.messages.start((await chat_of(hub)).id, "Hi")
    async for event in hub.turns.events(accepted.turn.id):
        if event.text:
            break
    async with asyncio.timeout(1):
        stopped = await hub.turns.stop(accepted.turn.id)
    assert stopped.reason is InterruptReason.STOPPED


async def test_a_log_that_expires_under_its_reader_is_gone(desk: Desk) -> None:
    """A reader in the middle of a log that is dropped is told so; it never starts over (I9)."""
    hub = await desk.hub(ScriptedModel(words_text(700), delay_seconds=0.0001), tick_seconds=0.0)
    chat = await chat_of(hub)
    reply = await hub.messages.send(chat.id, "Hi")
    async with aclosing(hub.root.engine.follow(hub.tenant_id, reply.turn.id)) as batches:
        first = await anext(batches)
        if not first[-1].is_terminal:
            await hub.root.store.expire_logs(older_than_seconds=0, limit=10)
            with pytest.raises(ResumeWindowGone):
                await anext(batches)


async def test_a_purge_leaves_nothing_of_an_answer_whose_question_stays(desk: Desk) -> None:
    """The log of a deleted answer goes with it, also where another answer keeps the question (I12)."""
    hub = await desk.hub(ScriptedModel("the first secretfeather", "another"))
    chat = await chat_of(hub)
    first = await hub.messages.send(chat.id, "1")
    again = await hub.messages.regenerate(first.id)
    await hub.messages.delete(first.id)
    shown = await hub.messages.list(chat.id)
    assert [message.text for message in shown] == ["1", "another"]
    assert {message.turn_id for message in shown} == {again.turn.id}
    await hub.root.lifecycle.purge_now()
    await hub.root.store.close()
    assert all(b"secretfeather" not in path.read_bytes() for path in desk.path.parent.glob("t.db*"))


async def test_a_clock_that_is_set_kills_no_live_turn(desk: Desk) -> None:
    """An engine renews its own leases before it looks for dead ones: a machine that slept goes on where it was."""
    clock = FakeClock()
    store = SqliteStore(desk.path, clock=clock)
    await store.open()
    engine = TurnEngine(store, Catalog(models={"m": ScriptedModel(["a", Pause(0.3), "b"])}), clock=clock)
    await engine.start()
    settings = Settings(default_model="m")
    try:
        parts = replace(Equipment.on(store, settings, desk.stack), engine=engine)
        hub = HubRoot(settings, store, parts, b"s" * 32).for_tenant()
        accepted = await hub.messages.start((await chat_of(hub)).id, "Hi")
        clock.advance(3600)
        await engine.recover()
        assert (await engine.wait(hub.tenant_id, accepted.turn.id)).turn.status is TurnStatus.COMPLETED
    finally:
        await engine.close()
        await store.close()
