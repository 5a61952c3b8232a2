"""Titles that conversations get by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import pytest

from palaver.config import ModelPrice, Settings
from palaver.conversation import Role, Usage
from palaver.errors import ModelError, TurnFailed, VersionConflict
from palaver.hub import HubRoot
from palaver.hub.root import LocalHub
from palaver.models.base import ChatModel
from palaver.models.catalog import Catalog
from palaver.models.scripted import ScriptedModel
from palaver.prices import PriceTable
from palaver.results import Reply
from palaver.titles import TITLE_CODE_POINTS, Titler, title_of

ASKED = "Which papers do I need to send a parcel to Norway, and what does it cost?"
MADE = "Which papers do I need to send a parcel to Norway, and what…"


@asynccontextmanager
async def opened(folder: Path, titles: str = "words", **models: ChatModel) -> AsyncIterator[HubRoot]:
    """Open a root on the test's file; its bots are answered by ``model``."""
    settings = Settings(store=str(folder / "chat.db"), default_model="model")
    price = ModelPrice.model_validate({"from": date(2026, 1, 1), "input": 1_000_000, "output": 2_000_000})
    settings.prices["titler"] = [price]
    async with HubRoot.open(settings, models={"model": ScriptedModel("A form."), **models}, titles=titles) as root:
        yield root


async def begun(hub: LocalHub, **fields: str) -> str:
    """Make a bot and a conversation with it."""
    bot = await hub.bots.create(name="Helper")
    return (await hub.conversations.create(bot.id, **fields)).id  # type: ignore[arg-type]  # only a title is given


async def title_now(hub: LocalHub, conversation_id: str) -> str | None:
    """Return the title as it is."""
    return (await hub.conversations.get(conversation_id)).title


async def title_soon(hub: LocalHub, conversation_id: str) -> str:
    """Return the title once there is one."""
    async with asyncio.timeout(10):
        while (title := await title_now(hub, conversation_id)) is None:
            await asyncio.sleep(0.01)
    return title


async def test_the_first_answer_brings_a_title(tmp_path: Path) -> None:
    """Once the first answer is there, the title is the begin of the first question; the next questions change nothing."""
    async with opened(tmp_path) as root:
        hub = root.for_tenant()
        chat = await begun(hub)
        accepted = await hub.messages.start(chat, ASKED)
        assert accepted.turn.status == "running"
        await hub.turns.wait(accepted.turn.id)
        assert await title_now(hub, chat) == MADE
        await hub.messages.send(chat, "Another matter")
        assert await title_now(hub, chat) == MADE


async def test_a_title_is_no_edit(tmp_path: Path) -> None:
    """A title that is made leaves the version: an edit with the version from before goes through, a later one does not."""
    async with opened(tmp_path) as root:
        hub = root.for_tenant()
        chat = await begun(hub)
        before = (await hub.conversations.get(chat)).version
        await hub.messages.send(chat, ASKED)
        assert (await hub.conversations.update(chat, if_version=before, title="Mine")).title == "Mine"
        with pytest.raises(VersionConflict):
            await hub.conversations.update(chat, if_version=before, title="Yours")


async def test_a_title_of_a_person_stays(tmp_path: Path) -> None:
    """A title that was given at the create stays; so does a rename while the first answer is being written."""
    gate = asyncio.Event()
    async with opened(tmp_path, model=ScriptedModel("Yes.", ["Ye", gate, "s."])) as root:
        hub = root.for_tenant()
        named = await begun(hub, title="Given")
        await hub.messages.send(named, ASKED)
        assert await title_now(hub, named) == "Given"
        bot_id = (await hub.conversations.get(named)).bot_id
        renamed = (await hub.conversations.create(bot_id)).id
        accepted = await hub.messages.start(renamed, ASKED)
        await hub.conversations.update(renamed, title="Renamed")
        gate.set()
        await hub.turns.wait(accepted.turn.id)
        assert await title_now(hub, renamed) == "Renamed"


async def test_a_title_waits_for_an_answer(tmp_path: Path) -> None:
    """A turn that failed brings no title; the next answer does, from the first question, after a restart, too."""
    broken = ScriptedModel([ModelError(code="provider_error", retryable=False)])
    async with opened(tmp_path, model=broken) as root:
        hub = root.for_tenant()
        chat = await begun(hub)
        with pytest.raises(TurnFailed):
            await hub.messages.send(chat, ASKED)
        assert await title_now(hub, chat) is None
    async with opened(tmp_path) as root:
        hub = root.for_tenant()
        await hub.messages.send(chat, "Are you there?")
        assert await title_now(hub, chat) == MADE


async def test_an_answer_that_was_stopped_counts(tmp_path: Path) -> None:
    """An answer that was stopped after its first words brings a title; one that was stopped before them does not."""
    silence = asyncio.Event()
    async with opened(tmp_path, model=ScriptedModel([silence, "x"], ["Wo", silence, "rds"])) as root:
        hub = root.for_tenant()
        chat = await begun(hub)
        accepted = await hub.messages.start(chat, ASKED)
        await hub.turns.stop(accepted.turn.id)
        assert await title_now(hub, chat) is None
        accepted = await hub.messages.start(chat, "Again?")
        async for event in hub.turns.events(accepted.turn.id):
            if event.text:
                break
        await hub.turns.stop(accepted.turn.id)
        assert await title_now(hub, chat) == MADE


async def test_titles_can_be_off(tmp_path: Path) -> None:
    """With ``off`` a conversation has the title that a person gives it, and no other."""
    async with opened(tmp_path, "off") as root:
        hub = root.for_tenant()
        chat = await begun(hub)
        await hub.messages.send(chat, ASKED)
        assert await title_now(hub, chat) is None


async def test_a_model_makes_the_title(tmp_path: Path) -> None:
    """A model is given the question and the answer, as data and within limits, once; its first line is the title."""
    titler = ScriptedModel('**"Parcels to Norway."**\nI hope that this helps.')
    async with opened(tmp_path, "titler", titler=titler) as root:
        hub = root.for_tenant()
        chat = await begun(hub)
        await hub.messages.send(chat, ASKED)
        assert await title_soon(hub, chat) == "Parcels to Norway"
        await hub.messages.send(chat, "And back?")
        other = (await hub.conversations.create((await hub.conversations.get(chat)).bot_id)).id
        await hub.messages.send(other, "A" * 100_000)
        await title_soon(hub, other)
    first, second = (call.prompt for call in titler.calls)
    assert (ASKED in first.messages[0].text, "A form." in first.messages[0].text) == (True, True)
    assert (first.messages[0].role, first.params) == (Role.USER, {"max_tokens": 256})
    assert len(second.messages[0].text) < 5_000


async def test_a_rename_while_a_model_thinks_stays(tmp_path: Path) -> None:
    """Whoever renames a conversation while its title is being made keeps the name."""
    gate = asyncio.Event()
    titler = ScriptedModel(["Par", gate, "cels"], "Second")
    async with opened(tmp_path, "titler", titler=titler) as root:
        hub = root.for_tenant()
        chat = await begun(hub)
        await hub.messages.send(chat, ASKED)
        await titler.wait_for_calls(1)
        await hub.conversations.update(chat, title="Renamed")
        gate.set()
        other = (await hub.conversations.create((await hub.conversations.get(chat)).bot_id)).id
        await hub.messages.send(other, ASKED)
        await title_soon(hub, other)
        async with asyncio.timeout(10):
            while titler.open_streams:
                await asyncio.sleep(0.01)
        assert await title_now(hub, chat) == "Renamed"


@pytest.mark.parametrize(
    "titler",
    [
        ScriptedModel([ModelError(code="provider_error", retryable=False)]),
        ScriptedModel(["Par", ModelError(code="disconnected_by_model", interrupts=True)]),
        ScriptedModel("** **"),
        None,
    ],
    ids=["refuses", "breaks off", "says nothing", "is not configured"],
)
async def test_a_model_that_fails_leaves_the_words(tmp_path: Path, titler: ScriptedModel | None) -> None:
    """Where a model makes no title, the words of the question are one."""
    async with opened(tmp_path, "titler", **({} if titler is None else {"titler": titler})) as root:
        hub = root.for_tenant()
        chat = await begun(hub)
        await hub.messages.send(chat, ASKED)
        assert await title_soon(hub, chat) == MADE


async def test_a_model_that_is_slow_leaves_the_words(tmp_path: Path) -> None:
    """A model that takes too long is left, and the words of the question are the title."""
    silent = ScriptedModel.named("silent")
    async with opened(tmp_path, "off") as root:
        hub = root.for_tenant()
        chat = await begun(hub)
        catalog = Catalog(models={"titler": silent})
        titler = Titler(root.store, catalog, "titler", prices=PriceTable({}), limit_seconds=0.05)
        root.engine.tell_of_ends(titler.note)
        await hub.messages.send(chat, ASKED)
        await titler.step()
        assert await title_now(hub, chat) == MADE
        assert (silent.call_count, silent.open_streams, silent.aborted) == (1, 0, 1)


async def test_a_title_that_was_not_made_is_made_next(tmp_path: Path) -> None:
    """A process that ends while a model thinks of a title loses nothing: the next answer brings it."""
    async with opened(tmp_path, "titler", titler=ScriptedModel.named("silent")) as root:
        hub = root.for_tenant()
        chat = await begun(hub)
        await hub.messages.send(chat, ASKED)
    async with opened(tmp_path, "titler", titler=ScriptedModel("Parcels")) as root:
        hub = root.for_tenant()
        assert await title_now(hub, chat) is None
        await hub.messages.send(chat, "And back?")
        assert await title_soon(hub, chat) == "Parcels"


async def test_what_a_title_takes_is_told(tmp_path: Path) -> None:
    """Tokens and cost of a title are told, and are none of the turn's."""
    told: list[Usage] = []
    async with opened(tmp_path, "titler", titler=ScriptedModel("Parcels to Norway")) as root:
        assert root.titler is not None
        root.titler.tell_of_usage(told.append)
        hub = root.for_tenant()
        chat = await begun(hub)
        reply: Reply = await hub.messages.send(chat, "Parcels?")
        await title_soon(hub, chat)
        assert reply.turn.usage.cost_micro is None
    (usage,) = told
    assert (usage.input_tokens > 10, usage.output_tokens) == (True, 3)
    assert usage.cost_micro == usage.input_tokens + 2 * usage.output_tokens


def test_a_title_is_short_and_on_one_line() -> None:
    """A title is at most 60 characters on one line, cut behind a word where there is one, with nothing unseen in it."""
    assert title_of(" \n Two\r\nlines\tand \x00 a \u202e turn ") == "Two lines and a turn"
    assert title_of("\u200b \n") is None
    assert title_of("x" * 61) == "x" * 59 + "…"
    for length in range(40, 90):
        title = title_of("word " * 7 + "a" * length + " end, and more of it; and more")
        assert title is not None
        assert len(title) <= TITLE_CODE_POINTS
        assert not title.removesuffix("…").endswith((" ", ",", ";"))
