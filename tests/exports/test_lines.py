"""What is imported is checked like what comes over the API: a file that somebody changed is refused, and nothing is stored."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

import palaver
import pictures
from palaver.errors import Conflict, InvalidInput, NotFound
from palaver.ids import child_id, new_id
from palaver.surface import Hub
from palaver.wire.lines import incoming

Lines = list[dict[str, Any]]


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    async with palaver.open(str(tmp_path / "a.db")) as hub:
        yield hub


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An export: a schema, a bot, a conversation, a turn with an image and an answer, and a second turn."""
    with palaver.connect(str(tmp_path_factory.mktemp("source") / "source.db")) as source:
        bot = source.bots.create(name="Helper", model="scripted:Hello.")
        chat = source.conversations.create(bot.id, entity_type="USER", external_id="u1", metadata={"a": [1]})
        source.messages.send(chat.id, "Hi?", attachments=[pictures.plain()])
        source.messages.send(chat.id, "And?")
        return source.conversations.export(chat.id, format="jsonl")


@pytest.fixture
def lines(file: bytes) -> Lines:
    return [json.loads(line) for line in file.splitlines()]


def _line(lines: Lines, kind: str, number: int = 0) -> dict[str, Any]:
    return [line for line in lines if line["line"] == kind][number]


def _set(kind: str, number: int = 0, **fields: Any) -> Callable[[Lines], None]:
    return lambda lines: _line(lines, kind, number).update(fields)


def _without(kind: str) -> Callable[[Lines], None]:
    return lambda lines: lines.remove(_line(lines, kind))


def _foreign_answer(lines: Lines) -> None:
    """Claim that a message of another conversation is the answer."""
    _line(lines, "turn")["message_id"] = child_id("msg", new_id("conv"))


def _other_family(lines: Lines) -> None:
    turn = _line(lines, "turn", 1)
    turn["id"] = turn["id"][:-4] + ("0000" if turn["id"][-4:] != "0000" else "1111")


def _script(lines: Lines) -> None:
    """Claim that a page is an image."""
    import base64
    import hashlib

    page = b"<script>alert(1)</script>"
    fields = {
        "content": base64.b64encode(page).decode(),
        "sha256": hashlib.sha256(page).hexdigest(),
        "size_bytes": len(page),
    }
    _line(lines, "attachment").update(fields)


BROKEN: list[tuple[Callable[[Lines], None], str]] = [
    (_without("schema"), "unsupported_schema"),
    (_set("schema", version=2), "unsupported_schema"),
    (_set("schema", name="other"), "unsupported_schema"),
    (_set("turn", line="wheel"), "invalid_line"),
    (_without("conversation"), "invalid_line"),
    (_without("turn"), "invalid_line"),
    (_without("message"), "invalid_line"),
    (_set("bot", name="a\u202eb"), "invalid_character"),
    (_set("bot", id="bot_x"), "invalid_line"),
    (_set("bot", params={"temperature": 9}), "invalid_parameter"),
    (_set("conversation", title="a\x00b"), "invalid_character"),
    (_set("conversation", metadata={"a": "x" * 70_000}), "metadata_too_large"),
    (_set("conversation", rating=6), "invalid_parameter"),
    (_set("conversation", status="lost"), "invalid_line"),
    (_set("conversation", started_at="yesterday"), "invalid_line"),
    (_set("conversation", started_at="2026-01-01T00:00:00"), "invalid_line"),
    (_set("conversation", id="../x"), "invalid_line"),
    (_set("turn", index="1"), "invalid_line"),
    (_set("turn", metadata={"a": "x" * 513}), "metadata_too_large"),
    (_set("turn", metadata={"a": 1}), "invalid_line"),
    (_set("turn", metadata={"a": "\x00"}), "invalid_character"),
    (_set("turn", index=0), "invalid_line"),
    (_set("turn", index=10**30), "invalid_number"),
    (_set("turn", 1, index=1), "invalid_line"),
    (_set("turn", status="running"), "invalid_line"),
    (_set("turn", parent_id=child_id("turn", new_id("conv"))), "invalid_parent"),
    (_set("turn", usage={"input_tokens": -1, "output_tokens": 0}), "invalid_number"),
    (_set("turn", conversation_id=new_id("conv")), "invalid_line"),
    (_foreign_answer, "invalid_line"),
    (_other_family, "invalid_line"),
    (_set("message", 1, seq=1), "invalid_line"),
    (_set("message", role="system"), "invalid_line"),
    (_set("message", parts=[{"type": "text", "text": "a\x00"}]), "invalid_character"),
    (_set("message", parts=[{"type": "song"}]), "invalid_line"),
    (_set("message", parts="Hi?"), "invalid_line"),
    (_set("attachment", content="?"), "invalid_file"),
    (_set("attachment", content=""), "invalid_file"),
    (_set("attachment", media_type="text/html"), "unsupported_type"),
    (_script, "unsupported_type"),
]


@pytest.mark.parametrize(("change", "code"), BROKEN)
def test_a_file_that_was_changed_is_refused(lines: Lines, change: Callable[[Lines], None], code: str) -> None:
    """By a name, and with the number of the line where it is one."""
    change(lines)
    with pytest.raises(InvalidInput) as refused:
        incoming(lines)
    assert refused.value.code == code


async def test_of_a_file_that_is_refused_nothing_is_stored(hub: Hub, lines: Lines) -> None:
    """Not even what stands before the line that is wrong."""
    _line(lines, "message", 3)["seq"] = 1
    with pytest.raises(InvalidInput, match=f"Line {len(lines)}"):
        await hub.conversations.load(lines)
    assert not (await hub.conversations.list()).data
    assert not (await hub.bots.list()).data


async def test_a_file_becomes_what_it_was(hub: Hub, lines: Lines) -> None:
    """With its image, its entity and its bot; the conversation goes on."""
    loaded = await hub.conversations.load(lines)
    (conversation_id,) = loaded.imported
    assert await hub.conversations.load(lines) == type(loaded)(imported=(), present=(conversation_id,))
    chat = await hub.conversations.get(conversation_id)
    assert (chat.entity and chat.entity.external_id, chat.message_count, chat.turn_count) == ("u1", 4, 2)
    messages = (await hub.messages.list(chat.id)).data
    part = messages[0].parts[1]
    assert await hub.files.content(part.attachment_id)
    assert (await hub.messages.send(chat.id, "More?")).text == "Hello."
    again = await hub.messages.regenerate(messages[3].id)
    assert again.user_message is not None
    assert again.user_message.text == "And?"
    assert [message.seq for message in (await hub.messages.list(chat.id)).data] == [1, 2, 3, 7]


async def test_a_file_can_become_another_bot_s(hub: Hub, lines: Lines) -> None:
    """Its own bot is not made then; one that is not there is no bot to import into."""
    with pytest.raises(NotFound):
        await hub.conversations.load(lines, bot_id=new_id("bot"))
    bot = await hub.bots.create(name="Helper", model="offline")
    (conversation_id,) = (await hub.conversations.load(lines, bot_id=bot.id)).imported
    assert (await hub.conversations.get(conversation_id)).bot_id == bot.id
    assert len((await hub.bots.list()).data) == 1


async def test_a_bot_that_is_deleted_takes_nothing_in(hub: Hub, lines: Lines) -> None:
    """What would be hidden with it is refused; restored, it takes it."""
    await hub.conversations.load(lines)
    bot = (await hub.bots.list()).data[0]
    await hub.bots.delete(bot.id)
    with pytest.raises(Conflict, match=bot.id):
        await hub.conversations.load(lines)
    await hub.bots.restore(bot.id)
    assert (await hub.conversations.load(lines)).imported == ()


async def test_a_deleted_conversation_comes_back(hub: Hub, lines: Lines) -> None:
    """As it was in the file."""
    (conversation_id,) = (await hub.conversations.load(lines)).imported
    before = await hub.conversations.export(conversation_id, format="jsonl")
    await hub.conversations.delete(conversation_id)
    assert (await hub.conversations.load(lines)).imported == (conversation_id,)
    assert await hub.conversations.export(conversation_id, format="jsonl") == before
