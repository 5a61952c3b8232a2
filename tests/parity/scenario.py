"""One story with everything that a hub can do, and everything that it refuses. It runs the same on every hub."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pictures
from palaver.ids import new_id
from parity import files, knowledge
from parity.record import Record

MODEL = "scripted:Refunds take 14 days."


async def play(hub: Any) -> Record:
    """Play the story on a hub of an empty store and return what it saw."""
    record = Record()
    bot = await record.step("create a bot", hub.bots.create(name="Helper", model=MODEL, instructions="Be brief."))
    await _bots(record, hub, bot.id)
    await _entities(record, hub)
    chat = await record.step(
        "begin",
        hub.conversations.create(bot.id, entity_type="USER", external_id="u1", metadata={"source": "website_widget"}),
    )
    await _talk(record, hub, chat.id)
    await _branches(record, hub, chat.id)
    await _pictures(record, hub, bot.id)
    await _errors(record, hub, bot.id, chat.id)
    await _busy(record, hub)
    await _failed(record, hub)
    await _pages(record, hub, bot.id)
    await _lifecycle(record, hub, chat.id)
    await _analytics(record, hub, bot.id, chat.id)
    await knowledge.play(record, hub, bot.id)
    await files.play(record, hub, bot.id, chat.id)
    await _keys(record, hub, bot.id)
    return record


async def _bots(record: Record, hub: Any, bot_id: str) -> None:
    await record.step("get the bot", hub.bots.get(bot_id))
    await record.step("the same key", hub.bots.create(name="Twin", model=MODEL, idempotency_key="twin"))
    await record.step("the same key again", hub.bots.create(name="Twin", model=MODEL, idempotency_key="twin"))
    await record.step("the key reused", hub.bots.create(name="Other", model=MODEL, idempotency_key="twin"))
    await record.step("a bad key", hub.bots.create(name="Other", idempotency_key="a b"))
    await record.step("a name taken", hub.bots.create(name="Helper", model=MODEL))
    await record.step("a bad name", hub.bots.create(name="a\nb", model=MODEL))
    await record.step("no name", hub.bots.create(model=MODEL))
    await record.step("an unknown field", hub.bots.create(name="Other", nmae="x"))
    await record.step("a wrong type", hub.bots.create(name="Other", instructions=5))
    await record.step("a bad parameter", hub.bots.create(name="Other", params={"temperature": 3}))
    await record.step("a set", hub.bots.create(name="Other", metadata={"a": {1}}))
    await record.step(
        "edit", hub.bots.update(bot_id, params={"temperature": 0.5}, metadata={"a": 1, "b": {"c": [None]}})
    )
    await record.step("merge", hub.bots.update(bot_id, metadata={"a": None, "d": "é😀"}, if_version=2))
    await record.step("a stale version", hub.bots.update(bot_id, name="X", if_version=1))
    await record.events("ask a bot", hub.bots.ask(bot_id, "Refunds?"))
    await record.events("ask it as it would be", hub.bots.ask(bot_id, "Refunds?", model="scripted:Gladly.", params={}))
    await record.events(
        "ask it what fails", hub.bots.ask(bot_id, "Refunds?", model="scripted:fail?code=provider_error")
    )
    await record.step("list bots", hub.bots.list(limit=1))
    twin = (await hub.bots.list(limit=1)).data[0]
    await record.step("delete", hub.bots.delete(twin.id, if_version=twin.version))
    await record.step("it is gone", hub.bots.get(twin.id))
    await record.step("deleted ones", hub.bots.list(deleted=True))
    await record.step("restore", hub.bots.restore(twin.id))


async def _entities(record: Record, hub: Any) -> None:
    lead = await record.step("an entity", hub.entities.create(type="LEAD", external_id="l1", email="a@example.com"))
    await record.step("taken", hub.entities.create(type="LEAD", external_id="l1"))
    await record.step("a bad type", hub.entities.create(type="ROBOT"))
    await record.step("get it", hub.entities.get(lead.id))
    await record.step("edit it", hub.entities.update(lead.id, name="Ada", email=None, if_version=1))
    await record.step("list entities", hub.entities.list())
    await record.step("forget it", hub.entities.delete(lead.id))
    await record.step("forgotten", hub.entities.get(lead.id))


async def _talk(record: Record, hub: Any, chat_id: str) -> None:
    reply = await record.step("send", hub.messages.send(chat_id, "What is the refund policy?", key="first"))
    await record.step("send again", hub.messages.send(chat_id, "What is the refund policy?", key="first"))
    await record.step("another body", hub.messages.send(chat_id, "What?", key="first"))
    read = await record.events("stream", hub.messages.stream(chat_id, "And in Germany?"))
    await record.events("read it again", hub.turns.events(read[0].data["turn"]["id"]))
    async with aclosing(hub.messages.stream(chat_id, "Leaving early?", key="leave")) as events:
        await anext(events)
    started = await hub.messages.start(chat_id, "Leaving early?", key="leave")
    await record.step("goes on", hub.turns.wait(started.turn.id))
    await record.step("rate", hub.messages.rate(reply.id, 5, feedback="clear"))
    await record.step(
        "a replay shows the rating", hub.messages.send(chat_id, "What is the refund policy?", key="first")
    )
    await record.step("rate too high", hub.messages.rate(reply.id, 6))
    await record.step("rate a question", hub.messages.rate(reply.user_message.id, 1))
    await record.step("take it back", hub.messages.rate(reply.id, None))
    appended = [{"role": "user", "text": "Hi"}, {"role": "assistant", "text": "Hello\u2028there"}]
    await record.step("append", hub.messages.append(chat_id, appended, idempotency_key="import"))
    await record.step("append again", hub.messages.append(chat_id, appended, idempotency_key="import"))
    await record.step("append another", hub.messages.append(chat_id, appended[:1], idempotency_key="import"))
    (alone,) = await record.step("append a question", hub.messages.append(chat_id, appended[:1]))
    await record.step("wait for no answer", hub.turns.wait(alone.turn_id))
    await record.step("append as system", hub.messages.append(chat_id, [{"role": "system", "text": "x"}]))
    await record.step("messages", hub.messages.list(chat_id, limit=3))
    await record.step("newest first", hub.messages.list(chat_id, order="desc", limit=3))
    await record.step("the conversation", hub.conversations.get(chat_id))
    await record.step("the turn", hub.turns.get(reply.turn.id))
    await record.step("search", hub.messages.search("refund policy"))
    await record.step("search literally", hub.messages.search('NEAR( " AND *'))


async def _branches(record: Record, hub: Any, chat_id: str) -> None:
    reply = await hub.messages.send(chat_id, "Once more?")
    again = await record.step("regenerate", hub.messages.regenerate(reply.id, params={"temperature": 1}))
    await record.events("stream a regenerate", hub.messages.stream_regenerate(reply.id))
    await record.step("regenerate a question", hub.messages.regenerate(reply.user_message.id))
    edited = await record.step("edit the question", hub.messages.edit(reply.user_message.id, "Twice more?"))
    await record.events("stream an edit", hub.messages.stream_edit(reply.user_message.id, "Thrice more?"))
    started = await hub.messages.start_edit(reply.user_message.id, "Four?", key="four")
    await record.step("wait", hub.turns.wait(started.turn.id))
    await record.step("branches", hub.conversations.branches(chat_id))
    await record.step("switch", hub.conversations.switch(chat_id, again.turn.id))
    await record.step("the active path", hub.messages.list(chat_id, order="desc", limit=2))
    await record.step("a foreign turn", hub.conversations.switch(chat_id, new_id("turn")))
    await record.step("a foreign parent", hub.messages.send(chat_id, "x", parent_id=new_id("turn")))
    await record.step("a parent", hub.messages.send(chat_id, "From there.", parent_id=edited.turn.id))
    await record.step("delete a turn", hub.messages.delete(edited.id))
    await record.step("it is deleted", hub.messages.delete(edited.id))
    await record.step("what can be restored", hub.messages.list_deleted(limit=1))
    await record.step("of the conversation", hub.messages.list_deleted(conversation_id=chat_id))
    await record.step("of an unknown one", hub.messages.list_deleted(conversation_id=new_id("conv")))
    await record.step("restore", hub.messages.restore(edited.id))
    await record.step("restore what is there", hub.messages.restore(edited.id))
    await record.step("restore what is not", hub.messages.restore(new_id("msg")))
    await record.step("nothing is deleted", hub.messages.list_deleted())


async def _pictures(record: Record, hub: Any, bot_id: str) -> None:
    red, blue = pictures.plain("red"), pictures.plain("blue")
    file = await record.step("keep a file", hub.files.add(red, name="../red.jpg", idempotency_key="red"))
    await record.step("keep it again", hub.files.add(red, name="../red.jpg", idempotency_key="red"))
    await record.step("keep another", hub.files.add(blue, name="../red.jpg", idempotency_key="red"))
    await record.step("get the file", hub.files.get(file.id))
    await record.step("read it", _size(hub.files.content(file.id)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "blue é.png"
        path.write_bytes(blue)
        await record.step("keep a path", hub.files.add(path))
        chat = await hub.conversations.create(bot_id)
        given = [file, file.id, str(path), blue, pictures.data_url(red)]
        shown = await record.step(
            "send images", hub.messages.send(chat.id, "What are these?", attachments=given, key="a")
        )
        await record.step("send them again", hub.messages.send(chat.id, "What are these?", attachments=given, key="a"))
        await record.step("send others", hub.messages.send(chat.id, "What are these?", attachments=[red], key="a"))
    await record.events("stream an image", hub.messages.stream(chat.id, "And this?", attachments=[blue]))
    await record.step("edit an image", hub.messages.edit(shown.user_message.id, "This?", attachments=[path.name, blue]))
    await record.step("edit with one", hub.messages.edit(shown.user_message.id, "This?", attachments=[blue]))
    appended = [{"role": "user", "text": "Look", "attachments": [red]}]
    await record.step("append an image", hub.messages.append(chat.id, appended, idempotency_key="look"))
    await record.step("append it again", hub.messages.append(chat.id, appended, idempotency_key="look"))
    await record.step("images in the history", hub.messages.list(chat.id))
    for bad in (b"", b"x", pictures.SVG, red[:60], "no/such/file.png", "data:image/png,x", "", "a\x00b", 5, None):
        await record.step(f"keep {bad!r:.20}", hub.files.add(bad))
        await record.step(f"send {bad!r:.20}", hub.messages.send(chat.id, "x", attachments=[bad]))
    await record.step("send a string", hub.messages.send(chat.id, "x", attachments="red.png"))
    await record.step("send too many", hub.messages.send(chat.id, "x", attachments=[red] * 11))
    await record.step("send a bomb", hub.messages.send(chat.id, "x", attachments=[pictures.bomb()]))
    await record.step("send none's", hub.messages.send(chat.id, "x", attachments=[new_id("att")]))
    await record.step("get none's", hub.files.get(new_id("att")))
    await record.step("read none's", hub.files.content("att_1"))
    await hub.bots.update(bot_id, params={"vision": False})
    await record.step("send to a blind model", hub.messages.send(chat.id, "x", attachments=[red]))
    await record.step("ask a blind model again", hub.messages.regenerate(shown.id))
    await hub.bots.update(bot_id, params={})


async def _size(reading: Awaitable[bytes]) -> int:
    return len(await reading)


async def _errors(record: Record, hub: Any, bot_id: str, chat_id: str) -> None:
    for text in ("", " \u200b\n", "a\x00b", "\ud800", "x" * 200_001):
        await record.step(f"send {text[:3]!a}", hub.messages.send(chat_id, text))
    await record.events("stream nothing", hub.messages.stream(chat_id, ""))
    for bad in ("", "../x", "bot_1", new_id("bot"), chat_id, "%2e", "x" * 5000):
        await record.step("get a bot that is none", hub.bots.get(bad))
        await record.step("begin with a bot that is none", hub.conversations.create(bad))
    for bad in ("", new_id("conv"), bot_id):
        await record.step("get a conversation that is none", hub.conversations.get(bad))
        await record.step("send to none", hub.messages.send(bad, "Hi"))
    await record.step("a turn that is none", hub.turns.get(new_id("turn")))
    await record.events("events of none", hub.turns.events(new_id("turn")))
    await record.step("stop none", hub.turns.stop(new_id("turn")))
    await record.step("a bad policy", hub.messages.send(chat_id, "Hi", policy="force"))
    await record.step("a bad client id", hub.messages.send(chat_id, "Hi", client_id="a b"))
    await record.step("an unknown option", hub.messages.send(chat_id, "Hi", modle="x"))
    await record.step("metadata too large", hub.conversations.update(chat_id, metadata={"a": "x" * 70_000}))
    await record.step("who twice", hub.conversations.create(bot_id, entity_type="USER", entity={"type": "LEAD"}))
    turn_id = (await hub.turns.list(limit=1)).data[0].id
    await record.events("beyond the log", hub.turns.events(turn_id, after=10_000))
    await record.events("before the log", hub.turns.events(turn_id, after=-1))


async def _busy(record: Record, hub: Any) -> None:
    bot = await hub.bots.create(name="Slow", model="scripted:slow")
    chat = await hub.conversations.create(bot.id)
    started = await record.step("start", hub.messages.start(chat.id, "Go on."))
    await record.step("busy", hub.messages.send(chat.id, "And?", key="busy"))
    await record.step("it says who", hub.conversations.get(chat.id))
    queued = await record.step("queue", hub.messages.start(chat.id, "And then?", policy="queue"))
    await record.step("switch while it runs", hub.conversations.switch(chat.id, started.turn.id))
    await record.step("cancel the queued one", hub.turns.stop(queued.turn.id))
    async with aclosing(hub.turns.events(started.turn.id)) as events:
        seen = 0
        async for event in events:
            seen = event.seq
            if seen >= 4:
                break
    stopped = await hub.turns.stop(started.turn.id)
    rest = [event async for event in hub.turns.events(started.turn.id, after=seen)]
    assert [event.seq for event in rest] == list(range(seen + 1, rest[-1].seq + 1))
    again = await hub.turns.stop(started.turn.id)
    assert again == stopped
    record.steps.append(("stopped", [stopped.status, stopped.reason, rest[-1].type]))
    waiting = asyncio.ensure_future(hub.messages.send(chat.id, "Third.", key="third"))
    while (running := (await hub.conversations.get(chat.id)).running_turn_id) is None:
        await asyncio.sleep(0.01)
    async with aclosing(hub.turns.events(running)) as events:
        async for event in events:
            if event.text:
                break
    await hub.conversations.end(chat.id, rating=4)
    reply = await waiting
    record.steps.append(("ended in the middle", [reply.turn.status, reply.turn.reason]))


async def _failed(record: Record, hub: Any) -> None:
    bot = await hub.bots.create(name="Broken", model="scripted:fail?code=provider_error&count=2")
    chat = await hub.conversations.create(bot.id)
    await record.step("a failed turn", hub.messages.send(chat.id, "Hi", key="failed"))
    await record.step("its replay", hub.messages.send(chat.id, "Hi", key="failed"))
    await record.events("its stream", hub.messages.stream(chat.id, "Hi", key="failed"))
    started = await hub.messages.start(chat.id, "Hi", key="failed")
    await record.step("waited for", hub.turns.wait(started.turn.id))
    cut = await hub.bots.create(name="Cut", model="scripted:cut?count=3")
    chat = await hub.conversations.create(cut.id)
    await record.step("an interrupted turn", hub.messages.send(chat.id, "Hi"))
    unset = await hub.bots.create(name="Unset", model="nobody:nothing")
    chat = await hub.conversations.create(unset.id)
    await record.step("no provider", hub.messages.send(chat.id, "Hi"))
    await record.step("turns by status", hub.turns.list(status="interrupted", limit=2))
    await record.step("turns by a bad status", hub.turns.list(status="lost"))


async def _pages(record: Record, hub: Any, bot_id: str) -> None:
    for number in range(5):
        await hub.conversations.create(bot_id, title=f"Chat {number}", metadata={"n": str(number)})
    first = await record.step("first page", hub.conversations.list(bot_id=bot_id, limit=2, sort="started_at"))
    second = await record.step(
        "second page", hub.conversations.list(bot_id=bot_id, limit=2, sort="started_at", after=first.next)
    )
    await record.step("back", hub.conversations.list(bot_id=bot_id, limit=2, sort="started_at", before=second.previous))
    await record.step("of another listing", hub.conversations.list(bot_id=bot_id, limit=2, after=first.next))
    await record.step("a garbage cursor", hub.conversations.list(after="garbage"))
    await record.step("both cursors", hub.bots.list(after="a", before="b"))
    for limit in (0, -1, 201, 10**9):
        await record.step("a bad limit", hub.conversations.list(limit=limit))
    await record.step("by metadata", hub.conversations.list(metadata={"n": "3"}))
    await record.step("by title", hub.conversations.list(q="Chat 4"))
    first_chat = first.data[0]
    await record.step("by time", hub.conversations.list(bot_id=bot_id, created_before=first_chat.started_at, limit=1))
    await record.step("a bad filter", hub.conversations.list(status="asleep"))
    await record.step("a bad sort", hub.conversations.list(sort="name"))
    await record.step("an unknown filter", hub.conversations.list(colour="red"))
    await record.step("a search too long", hub.messages.search("x" * 1001))
    await record.step("tenants", hub.tenants.list())
    told = await hub.storage.report()
    record.steps.append(("the store", [told.process_dies, told.risks, told.detail.endswith(".")]))


async def _lifecycle(record: Record, hub: Any, chat_id: str) -> None:
    chat = await record.step("edit the title", hub.conversations.update(chat_id, title="Refunds"))
    await record.step("a stale edit", hub.conversations.update(chat_id, title="X", if_version=chat.version - 1))
    await record.step("end", hub.conversations.end(chat_id, rating=4, feedback="quick"))
    await record.step("end badly", hub.conversations.end(chat_id, reason="boredom"))
    await record.step("send to an ended one", hub.messages.send(chat_id, "Hello?"))
    await record.step("archive", hub.conversations.archive(chat_id))
    await record.step("send to an archived one", hub.messages.send(chat_id, "Hello?"))
    await record.step("reopen", hub.conversations.reopen(chat_id))
    await record.step("delete", hub.conversations.delete(chat_id))
    await record.step("send to a deleted one", hub.messages.send(chat_id, "Hello?"))
    await record.step("deleted ones", hub.conversations.list(deleted=True))
    await record.step("restore", hub.conversations.restore(chat_id))
    await record.step("restore nothing", hub.conversations.restore(new_id("conv")))


async def _keys(record: Record, hub: Any, bot_id: str) -> None:
    await record.step("a visitor of nobody", hub.keys.create(scope="visitor", bot_id=bot_id))
    await record.step("a visit of nobody", hub.visitors.create(bot_id, new_id("ent")))
    await record.step("a bad scope", hub.keys.create(scope="king"))
    await record.step("keys", hub.keys.list())
    await record.step("revoke none", hub.keys.revoke(new_id("key")))
    await record.step("a key", hub.keys.create(scope="admin", name="last"))  # closes the server: the end of the story


async def _analytics(record: Record, hub: Any, bot_id: str, chat_id: str) -> None:
    async def counted(**query: Any) -> Any:
        report = await hub.analytics.figures(**query)
        rows = [(row.key, row.name, _gist(row.figures)) for row in report.rows]
        return (report.from_at < report.to_at, report.timezone, report.by, _gist(report.total), rows, report.more)

    async def alone(conversation_id: str) -> Any:
        found = await hub.analytics.conversation(conversation_id)
        return (found.conversation_id, found.messages, found.quality, found.flow.turns, found.topics, found.cost_micro)

    async def lines(**query: Any) -> Any:
        return (await hub.analytics.csv(**query)).count(b"\r\n")

    await record.step("figures of bots", counted(by="bot", timezone="Asia/Kathmandu", limit=1))
    await record.step("figures of one bot", counted(by="entity", bot_id=bot_id, model=MODEL))
    await record.step("figures of days", lines(by="day", from_="2026-01-01", to=date(2026, 1, 3)))
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    await record.step("figures of hours", counted(by="total", from_=moment, to=moment + timedelta(hours=1)))
    await record.step("one conversation", alone(chat_id))
    await record.step("no conversation", alone(new_id("conv")))
    await record.step("no id", alone("x"))
    await record.step("no bot", counted(bot_id=new_id("bot")))

    async def table(**query: Any) -> Any:
        return (await hub.analytics.csv(**query)).decode()

    await record.step("some columns", table(by="total", columns=("key", "turns", "message_ratings_5")))
    await record.step("no such column", table(columns=("key", "nothing")))

    async def unfound(**query: Any) -> Any:
        page = await hub.analytics.unfound(**query)
        told = [(each.text, each.title, each.model, each.bot_id == bot_id) for each in page]
        return (told, page.next is not None, page.previous is not None)

    await record.step("what was not found", unfound(timezone="Asia/Kathmandu", limit=1))
    await record.step("what one bot did not find", unfound(bot_id=bot_id, model=MODEL, from_=moment, to="2027-01-01"))
    await record.step("what no bot did not find", unfound(bot_id=new_id("bot")))
    await record.step("no such time", unfound(from_="yesterday"))
    await record.step("no such zone", counted(timezone="Mars"))
    await record.step("no time", counted(from_="2026-01-02", to="2026-01-01"))
    await record.step("a bad limit", counted(limit=0))
    await record.step("a bad word", counted(by="hour"))
    await record.step("an unknown word", counted(since="2026-01-01"))


def _gist(figures: Any) -> Any:
    """Figures without what is a matter of time."""
    return replace(figures, response_seconds=None, first_token_seconds=None)
