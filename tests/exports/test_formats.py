"""What each format holds, and that a file ends well whatever happens while it is made."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

import palaver
from palaver.cli.exports import counted
from palaver.exports.base import MARKS, Format
from palaver.markup.code import CODE_CHARACTERS_MAX
from palaver.markup.prose import prose_html
from palaver.surface import Hub

LONG = "word " * 2_000


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    async with palaver.open(str(tmp_path / "a.db")) as hub:
        yield hub


async def test_a_line_to_train_on_has_what_was_answered_to_the_end(hub: Hub) -> None:
    """The instructions first, then question and answer by turns; what failed, or was said alone, is left out; a conversation
    in which nothing was answered is no line."""
    bot = await hub.bots.create(name="Helper", model="scripted:Hello.", instructions="Be brief.")
    chat, empty = [await hub.conversations.create(bot.id) for _ in range(2)]
    await hub.messages.append(empty.id, [{"role": "assistant", "text": "Welcome."}])
    await hub.messages.send(chat.id, 'Say "ü"?')
    await hub.messages.append(chat.id, [{"role": "assistant", "text": "Alone."}])
    await hub.bots.update(bot.id, model="nowhere:x")
    accepted = await hub.messages.start(chat.id, "And this?")
    await hub.turns.wait(accepted.turn.id)
    file = b"".join([part async for part in hub.conversations.export_all(format="finetuning")])
    (line,) = file.decode().splitlines()
    assert json.loads(line) == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": 'Say "ü"?'},
            {"role": "assistant", "content": "Hello."},
        ]
    }


async def test_markdown_is_what_was_said(hub: Hub) -> None:
    """Word for word; a title or a name is a text on one line in it."""
    bot = await hub.bots.create(name="*Helper*", model="offline")
    chat = await hub.conversations.create(bot.id, title="# [Refunds](x)", entity={"name": "A_n_n"})
    await hub.messages.append(chat.id, [{"role": "user", "text": "**Now** or\n\n- later?"}])
    text = (await hub.conversations.export(chat.id, format="markdown")).decode()
    assert text.startswith("# \\# \\[Refunds\\](x)\n\n- Bot: \\*Helper\\*\n- With: A_n_n\n")
    assert "**Now** or\n\n- later?\n\n---\n" in text


async def _cut(file: bytes, size: int) -> AsyncGenerator[bytes]:
    for start in range(0, len(file), size):
        yield file[start : start + size]


@pytest.mark.parametrize("wanted", list(MARKS))
async def test_conversations_are_counted_in_a_file_that_comes(hub: Hub, wanted: Format) -> None:
    """However it is cut, and whatever was said: a conversation counts once the next one begins, and the parts stay what they are."""
    bot = await hub.bots.create(name="Helper", model="offline")
    for number in range(4):
        chat = await hub.conversations.create(bot.id, title=f'{number} <section class="conversation">')
        for mark in MARKS.values():
            await hub.messages.append(chat.id, [{"role": "user", "text": f"x{mark.decode()}"}])
    file = b"".join([part async for part in hub.conversations.export_all(format=wanted)])
    for size in (1, 7, 64, len(file)):
        told: list[int] = []
        parts = [part async for part in counted(_cut(file, size), MARKS[wanted], told.append)]
        assert b"".join(parts) == file
        assert (told, told[-1]) == (sorted(told), 3)
        assert size == len(file) or {0, 1, 2, 3} == set(told)


@pytest.mark.parametrize("wanted", list(Format))
async def test_a_conversation_that_is_deleted_meanwhile_ends_there(hub: Hub, wanted: Format) -> None:
    """The file is whole all the same, and what comes behind is in it."""
    bot = await hub.bots.create(name="Helper", model="offline")
    doomed, kept = [await hub.conversations.create(bot.id, title=name) for name in ("doomed", "kept")]
    pairs = [{"role": role, "text": LONG} for role in ("user", "assistant")]
    for _ in range(20):
        await hub.messages.append(doomed.id, pairs)  # type: ignore[arg-type]
    await hub.messages.append(kept.id, [{"role": "user", "text": "kept?"}, {"role": "assistant", "text": "kept."}])
    whole = len(await hub.conversations.export(doomed.id, format=wanted))
    parts: list[bytes] = []
    async with aclosing(hub.conversations.export_all(format=wanted)) as reading:  # type: ignore[type-var]
        async for part in reading:
            parts.append(part)
            if len(parts) == 2:  # the head of the file, and a part of the conversation
                await hub.conversations.delete(doomed.id)
    file = b"".join(parts).decode("utf-8-sig")
    assert len(file) < whole
    assert "kept." in file
    match wanted:
        case Format.HTML:
            assert file.count("<section") == file.count("</section>") == 2
            assert file.endswith("</html>\n")
        case Format.JSONL | Format.FINETUNING:
            assert all(json.loads(line) for line in file.splitlines())
        case _:
            assert file.endswith("\n")


def test_code_is_coloured_where_that_is_safe() -> None:
    """In languages that are known, up to a size; anything else is shown as it is."""
    assert '<span class="k">' in prose_html("```python\ndef f(): ...\n```")
    for block in ("```erlang\n<f>.\n```", "```\n<f>\n```", f"```python\n{'<x>' * CODE_CHARACTERS_MAX}\n```"):
        html = prose_html(block)
        assert "<span class" not in html
        assert "&lt;" in html


def test_a_mark_leads_to_its_footnote() -> None:
    """Where there is one; in code, and in links, it is text."""
    html = prose_html("See [1], [1, 2] and [3]. `[1]` [1](https://a.example)", notes=(1, 2), anchor="m")
    assert html.count('href="#m-1"') == 2
    assert html.count('href="#m-2"') == 1
    assert "[3]" in html
    assert "<code>[1]</code>" in html
    assert '<a href="https://a.example" rel="noopener noreferrer nofollow">1</a>' in html
