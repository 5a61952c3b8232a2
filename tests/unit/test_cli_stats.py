"""``palaver stats``: on a file and on a server alike."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path

from command_line import Command

import palaver
from crash.process import serving

MODEL = "scripted:Refunds take 14 days."


async def _talk(target: str) -> str:
    async with palaver.open(target) as hub:
        bot = await hub.bots.create(name="=Helper", model=MODEL)
        chat = await hub.conversations.create(bot.id, entity_type="USER", external_id="u1")
        reply = await hub.messages.send(chat.id, "Refund policy?")
        await hub.messages.rate(reply.id, 4)
        return chat.id


def whole_story(command: Command, chat: str, where: list[str]) -> None:
    days = command("stats", *where)
    assert days.status == 0, days.err
    lines = days.out.splitlines()
    assert len(lines) == 32
    assert lines[-1].split()[:3] == ["total", "1", "1"]
    assert "█" in lines[-2]
    bots = command("stats", "--by", "bot", "--bot", "=Helper", *where).out
    assert "=Helper" in bots
    assert "4.0 (1)" in bots
    (row,) = csv.DictReader(command("stats", "--by", "bot", "--csv", *where).out.splitlines())
    assert (row["name"], row["turns"]) == ("'=Helper", "1")
    report = command("stats", "--by", "model", "--model", MODEL, "--json", *where).json
    assert [each["key"] for each in report["rows"]] == [MODEL]
    alone = command("stats", chat, *where).out
    assert "2 (1 of the user, 1 answers)" in alone
    unfound = command("stats", "--unfound", *where).out
    assert "Refund policy?" in unfound
    assert chat in unfound
    assert command("stats", "--unfound", "--to", "2026-01-01", *where).out == "Every question found a passage.\n"
    assert command("stats", "--from", "yesterday", *where).status == 2
    assert command("stats", "--bot", "Nobody", *where).status == 1


def test_on_a_file(command: Command, tmp_path: Path) -> None:
    """Days with bars, bots, CSV, JSON, and one conversation."""
    store = str(tmp_path / "chat.db")
    whole_story(command, asyncio.run(_talk(store)), ["--store", store])


def test_on_a_server(command: Command, tmp_path: Path) -> None:
    """The same words on a server."""

    async def story() -> None:
        async with serving(tmp_path / "chat.db", {}) as server:
            chat = await _talk(server.url)
            await asyncio.to_thread(whole_story, command, chat, ["--url", server.url])

    asyncio.run(story())
