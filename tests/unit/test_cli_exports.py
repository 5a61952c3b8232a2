"""``palaver export`` and ``palaver import``: files go out and come in, on a file and on a server alike."""

from __future__ import annotations

import asyncio
import json
import zipfile
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from command_line import Command, on_a_terminal

import palaver
from crash.process import serving
from palaver.ids import new_id

CHATGPT = [
    {
        "conversation_id": "c-1",
        "title": "Trip",
        "create_time": 1_700_000_000.0,
        "current_node": "a",
        "mapping": {
            "u": {
                "parent": None,
                "message": {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["Where to?"]}},
            },
            "a": {
                "parent": "u",
                "message": {"author": {"role": "assistant"}, "content": {"content_type": "text", "parts": ["Rome."]}},
            },
        },
    }
]
OPEN_WEBUI = [
    {
        "id": "w-1",
        "title": "Chat",
        "created_at": 1_700_000_000,
        "chat": {"messages": [{"role": "user", "content": "Hi?"}]},
    }
]


def _talk(where: str) -> list[str]:
    with palaver.connect(where) as hub:
        ids = []
        for name in ("Helper", "Clerk"):
            bot = hub.bots.create(name=name, model="scripted:Hello.")
            chat = hub.conversations.create(bot.id, title=f"With {name}", metadata={"kind": name})
            hub.messages.send(chat.id, "Hi?")
            ids.append(chat.id)
        return ids


def whole_story(command: Command, where: list[str], target: list[str], folder: Path) -> None:
    first, _ = _talk(where[1])
    everything = folder / "everything.jsonl"
    said = command("export", "-o", str(everything), "--json", *where).json
    assert (said["conversations"], said["bytes"]) == (2, everything.stat().st_size)
    assert not list(folder.glob("*.part"))
    page = folder / "chat.html"
    assert "1 conversation" in command("export", first, "--format", "html", "-o", str(page), *where).out
    assert "<title>With Helper</title>" in page.read_text("utf-8")
    printed = command("export", "--bot", "Clerk", "--format", "csv", "--rows", "turns", *where)
    assert [row.split(",")[1] for row in printed.out.splitlines()[1:]] == ['"With Clerk"']
    assert (
        command("export", "--metadata", "kind=Helper", "--since", "2020-01-01", *where).out.count('"conversation"') == 1
    )
    assert command("export", "--until", "2020-01-01", *where).out.count('"conversation"') == 0
    assert command("import", str(everything), *target).out == "2 conversations imported.\n"
    assert command("import", str(everything), "--json", *target).json == {"imported": 0, "present": 2}
    assert command("export", *target).out.encode() == everything.read_bytes()


def test_files_go_from_one_file_to_another(command: Command, tmp_path: Path) -> None:
    """Filtered or whole, in every format; what was imported exports to the same bytes."""
    stores = [["--store", str(tmp_path / name)] for name in ("one.db", "two.db")]
    whole_story(command, *stores, tmp_path)


async def test_files_go_from_one_server_to_another(command: Command, tmp_path: Path) -> None:
    """The same commands do the same on servers."""
    async with serving(tmp_path / "one.db", {}) as one, serving(tmp_path / "two.db", {}) as two:
        where = [["--url", server.url] for server in (one, two)]
        await asyncio.to_thread(whole_story, command, *where, tmp_path)


@pytest.mark.parametrize("kind", ["file", "server"])
async def test_a_terminal_is_told_how_far_an_export_is(tmp_path: Path, kind: str) -> None:
    """On a terminal a bar counts the conversations on stderr, up to all of them; stdout has the result alone."""
    file = tmp_path / "everything.jsonl"
    async with AsyncExitStack() as stack:
        where = str(tmp_path / "palaver.db")
        if kind == "server":
            where = (await stack.enter_async_context(serving(tmp_path / "palaver.db", {}))).url
        await asyncio.to_thread(_talk, where)
        option = "--url" if kind == "server" else "--store"
        shown, printed = await asyncio.to_thread(on_a_terminal, "export", "-o", str(file), "--json", option, where)
    assert "Exporting" in shown
    assert "2/2 conversations" in shown
    assert json.loads(printed) == {"file": str(file), "conversations": 2, "bytes": file.stat().st_size}


@pytest.mark.parametrize("data", [CHATGPT, OPEN_WEBUI])
def test_another_system_s_export_becomes_a_bot_s(command: Command, tmp_path: Path, data: object) -> None:
    """As the file that it is, or in the zip that it came in; twice changes nothing; without a bot it is not known whose."""
    plain, packed, store = tmp_path / "a.json", tmp_path / "a.zip", ["--store", str(tmp_path / "a.db")]
    plain.write_text(json.dumps(data, indent=1), "utf-8")
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("conversations.json", plain.read_text("utf-8"))
    command("bots", "create", "Helper", "-m", "offline", *store)
    refused = command("import", str(plain), *store)
    assert refused.status == 2
    assert "--bot" in refused.err
    assert command("import", str(plain), "--bot", "Helper", *store).out == "1 conversation imported.\n"
    assert command("import", str(packed), "--bot", "Helper", "--json", *store).json == {"imported": 0, "present": 1}


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"[1]", b"\xff", b"PK\x03\x04", b'[{"mapping":1}]', b'[{"chat":{"history":5}}]']
)
def test_what_is_no_export_is_said_to_be_none(command: Command, tmp_path: Path, content: bytes) -> None:
    """In one sentence; nothing is imported."""
    file, store = tmp_path / "a.json", ["--store", str(tmp_path / "a.db")]
    file.write_bytes(content)
    command("bots", "create", "Helper", "-m", "offline", *store)
    refused = command("import", str(file), "--bot", "Helper", *store)
    assert refused.status == 2
    assert "no export" in refused.err
    assert command("conversations", "list", "--json", *store).json["data"] == []


def test_a_line_that_is_wrong_is_named(command: Command, tmp_path: Path) -> None:
    """By its number; a conversation and filters at once are too many."""
    store = ["--store", str(tmp_path / "a.db")]
    first, _ = _talk(store[1])
    file = tmp_path / "a.jsonl"
    command("export", "-o", str(file), *store)
    file.write_text(file.read_text("utf-8") + "{}\n", "utf-8")
    refused = command("import", str(file), *store)
    assert (refused.status, "is no line" in refused.err) == (2, True)
    assert command("export", first, "--bot", "Helper", *store).status == 2
    assert command("export", new_id("conv"), *store).status == 1
