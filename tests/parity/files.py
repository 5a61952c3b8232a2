"""The part of the story that is about exports and imports."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable
from contextlib import aclosing
from typing import Any

from palaver.ids import new_id
from parity.record import Record

_MINUTE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC")


async def play(record: Record, hub: Any, bot_id: str, chat_id: str) -> None:
    """Export a conversation and all of them in every format; import what was exported."""
    for wanted in ("html", "markdown", "csv", "jsonl", "finetuning"):
        await record.step(f"as {wanted}", _text(hub.conversations.export(chat_id, format=wanted)))
        await record.step(f"all as {wanted}", _joined(hub.conversations.export_all(format=wanted, bot_id=bot_id)))
    for rows in ("messages", "turns", "conversations"):
        await record.step(f"a row of {rows}", _text(hub.conversations.export(chat_id, format="csv", rows=rows)))
    await record.step("as it comes", _text(hub.conversations.export(chat_id)))
    await record.step("as a song", hub.conversations.export(chat_id, format="song"))
    await record.step("rows of words", hub.conversations.export(chat_id, format="csv", rows="words"))
    for bad in ("", "../x", bot_id, new_id("conv")):
        await record.step("a conversation that is none", hub.conversations.export(bad))
    which = {"status": "ended", "metadata": {"source": "nowhere"}}
    await record.step("none fit", _joined(hub.conversations.export_all(**which)))
    await record.step("all as a song", _joined(hub.conversations.export_all(format="song")))
    await record.step("a bad filter", _joined(hub.conversations.export_all(status="lost")))
    await record.step("an unknown filter", _joined(hub.conversations.export_all(colour="red")))
    await _loads(record, hub, bot_id, chat_id)


async def _loads(record: Record, hub: Any, bot_id: str, chat_id: str) -> None:
    file = await hub.conversations.export(chat_id, format="jsonl")
    lines = [json.loads(line) for line in file.splitlines()]
    await record.step("it is here", hub.conversations.load(lines))
    await hub.conversations.delete(chat_id)
    await record.step("it comes back", hub.conversations.load(lines))
    assert await hub.conversations.export(chat_id, format="jsonl") == file
    await record.step("another's", hub.conversations.load(lines, bot_id=bot_id))
    await record.step("nobody's", hub.conversations.load(lines, bot_id=new_id("bot")))
    await record.step("no schema", hub.conversations.load(lines[1:]))
    await record.step("no lines", hub.conversations.load([]))
    await record.step("no line", hub.conversations.load([*lines, {"line": "wheel"}]))
    await record.step("no object", hub.conversations.load([*lines, 5]))


async def _text(reading: Awaitable[bytes]) -> str:
    return _MINUTE.sub("<minute>", (await reading).decode())


async def _joined(reading: AsyncIterator[bytes]) -> str:
    async with aclosing(reading) as parts:  # type: ignore[type-var]
        return _MINUTE.sub("<minute>", b"".join([part async for part in parts]).decode())
