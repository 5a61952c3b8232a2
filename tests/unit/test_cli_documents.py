"""``palaver documents``, ``search``, ``train`` and ``untrain``: on a file and on a server alike."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from command_line import Command, on_a_terminal

import palaver
from crash.process import serving

MODEL = "scripted:Refunds take 14 days."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files that are read, and some that are not."""
    made = tmp_path / "docs"
    (made / "guide").mkdir(parents=True)
    (made / ".git").mkdir()
    (made / "policy.md").write_text("# Refunds\n\nRefunds take 14 days.\n", encoding="utf-8")
    (made / "guide" / "shipping.txt").write_text("Shipping is free in Germany.\n", encoding="utf-8")
    (made / "guide" / "prices.csv").write_text("item,price\nApple,1\n", encoding="utf-8")
    (made / "program.exe").write_bytes(b"MZ\x00\x00")
    (made / ".git" / "notes.md").write_text("Hidden.", encoding="utf-8")
    return made


def whole_story(command: Command, folder: Path, where: list[str]) -> None:
    command("bots", "create", "Helper", "-m", MODEL, *where)
    added = command("documents", "add", "Helper", str(folder), "--metadata", "product=billing", "--json", *where)
    assert added.status == 0, added.err
    titles = {each["title"]: each["id"] for each in added.json["added"]}
    assert set(titles) == {"policy.md", "guide/shipping.txt", "guide/prices.csv"}
    again = command("documents", "add", "Helper", str(folder), "--json", *where).json
    assert (again["added"], len(again["skipped"])) == ([], 3)
    listed = command("documents", "list", "Helper", "--status", "ready", "--source", "file", *where).out
    assert all(known in listed for known in titles.values())
    policy = titles["policy.md"]
    shown = command("documents", "show", policy, *where).out
    assert "ready" in shown
    assert "billing" in shown
    assert "Refunds take 14 days." in command("documents", "chunks", policy, *where).out
    found = command("search", "Helper", "How long do refunds take?", "-k", "1", "--where", "product=billing", *where)
    assert "Refunds take 14 days." in found.out
    assert command("search", "Helper", "refunds", "--where", "product=none", "--json", *where).json["hits"] == []
    (folder / "policy.md").write_text("Refunds take 30 days.\n", encoding="utf-8")
    replaced = command("documents", "replace", policy, str(folder / "policy.md"), "--json", *where).json
    assert (replaced["version"], replaced["ready_version"]) == (2, 2)
    assert "palaver documents restore" in command("documents", "delete", policy, *where).out
    assert command("documents", "show", policy, *where).status == 1
    assert policy in command("documents", "list", "Helper", "--deleted", *where).out
    assert command("documents", "restore", policy, *where).status == 0
    trains(command, where)


def trains(command: Command, where: list[str]) -> None:
    with palaver.connect(where[1]) as hub:
        bot = next(bot for bot in hub.bots.list() if bot.name == "Helper")
        hub.messages.send(hub.conversations.create(bot.id).id, "What is the refund policy?")
    dry = command("train", "Helper", "--dry-run", *where).out
    assert "What is the refund policy?" in dry
    assert "Nothing was stored." in dry
    run = command("train", "Helper", "--policy", "all", "--json", *where).json
    assert (run["used"], run["conversations"]) == (1, 1)
    assert "nothing new" in command("train", "Helper", *where).out
    assert command("untrain", run["document"]["id"], *where).status == 0
    assert "Would use 1" in command("train", "Helper", "--dry-run", *where).out


def test_the_commands_work_on_a_file(command: Command, folder: Path, tmp_path: Path) -> None:
    """A folder is added, listed, searched, replaced, deleted and restored; chats are trained on and taken back."""
    whole_story(command, folder, ["--store", str(tmp_path / "cli.db")])


async def test_the_commands_work_on_a_server(command: Command, folder: Path, tmp_path: Path) -> None:
    """The same commands do the same on a server."""
    async with serving(tmp_path / "served.db", {}) as server:
        await asyncio.to_thread(whole_story, command, folder, ["--url", server.url])


def talk(where: str) -> None:
    """Make a bot that has answered three questions, which have little in common."""
    with palaver.connect(where) as hub:
        bot = hub.bots.create(name="Helper", model=MODEL)
        for question in (
            "What is the refund policy?",
            "Do you ship to Germany and France?",
            "Who may return a used laptop?",
        ):
            hub.messages.send(hub.conversations.create(bot.id).id, question)


@pytest.mark.parametrize("kind", ["file", "server"])
async def test_a_terminal_is_told_how_much_is_written_of_a_run(tmp_path: Path, kind: str) -> None:
    """On a terminal a bar counts the chunks of the run on stderr, up to all of them; stdout has the result alone."""
    async with AsyncExitStack() as stack:
        where = str(tmp_path / "palaver.db")
        if kind == "server":
            where = (await stack.enter_async_context(serving(tmp_path / "palaver.db", {}))).url
        await asyncio.to_thread(talk, where)
        option = "--url" if kind == "server" else "--store"
        shown, printed = await asyncio.to_thread(on_a_terminal, "train", "Helper", "--json", option, where)
    assert "Training" in shown
    assert "3/3 chunks" in shown
    assert json.loads(printed)["used"] == 3


def test_what_fails_is_listed_at_the_end(command: Command, folder: Path) -> None:
    """Each failure is told with its reason, in the order of what was named; the rest is there; the exit code is 1."""
    command("bots", "create", "Helper", "-m", "offline")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nno")
    (folder / "empty.txt").write_bytes(b"")
    names = ["nowhere.pdf", str(folder / "program.exe"), str(folder / "*.pdf"), str(folder / "empty.txt")]
    ran = command("documents", "add", "Helper", *names, str(folder / "policy.md"))
    assert ran.status == 1
    assert "1 added" in ran.out
    assert "4 failed" in ran.out
    for name in ("nowhere.pdf", "program.exe", "broken.pdf", "empty.txt"):
        assert any(line.startswith("failed") and name in line for line in ran.out.split("\n")), ran.out
    told = command("documents", "add", "Helper", *names, "--json").json
    assert [each["code"] for each in told["failed"]].count("unsupported_type") == 1
    assert "policy.md" in command("documents", "list", "Helper").out


def test_one_that_failed_is_tried_again(command: Command, folder: Path) -> None:
    """What failed before is no document that the bot has: adding it again makes its next version, not a second document."""
    command("bots", "create", "Helper", "-m", "offline")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nno")
    for _ in range(2):
        assert command("documents", "add", "Helper", str(folder / "broken.pdf")).status == 1
    (document,) = command("documents", "list", "Helper", "--json").json["data"]
    assert (document["status"], document["version"]) == ("failed", 2)


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["documents", "add", "Nobody", "a.txt"], 1, "There is no bot"),
        (["documents", "add", "Helper", "a.txt", "--metadata", "x"], 2, "KEY=VALUE"),
        (["documents", "show", "../x"], 1, "nothing here"),
        (["documents", "list", "Helper", "--status", "lost"], 2, "status"),
        (["documents", "list", "Helper", "--source", "radio"], 2, "source"),
        (["documents", "replace", "doc_1", "nowhere.txt"], 2, "no such file"),
        (["search", "Helper", ""], 2, "query"),
        (["search", "Helper", "x", "-k", "0"], 2, "k:"),
        (["search", "Helper", "x", "--where", "x"], 2, "KEY=VALUE"),
        (["train", "Helper", "--policy", "some"], 2, "policy"),
        (["train", "Helper", "--min-rating", "3"], 2, "min_rating"),
        (["untrain", "../x"], 1, "nothing here"),
    ],
)
def test_an_error_is_a_sentence(command: Command, arguments: list[str], status: int, sentence: str) -> None:
    """What goes wrong is said on stderr, with exit code 2 for a wrong wish and 1 for a failure."""
    command("bots", "create", "Helper", "-m", "offline")
    ran = command(*arguments)
    assert (ran.status, ran.out) == (status, ""), ran.err
    assert sentence in ran.err
    assert "Traceback" not in ran.err


def test_what_was_added_cannot_be_untrained(command: Command, folder: Path) -> None:
    """``untrain`` takes back runs of training alone."""
    command("bots", "create", "Helper", "-m", "offline")
    (added,) = command("documents", "add", "Helper", str(folder / "policy.md"), "--json").json["added"]
    ran = command("untrain", added["id"])
    assert (ran.status, ran.out) == (2, "")
    assert "delete it" in ran.err
    assert command("documents", "show", added["id"]).status == 0


def test_help_of_documents_reads_well(command: Command) -> None:
    """Every command has help with its purpose and an example."""
    assert "Commands" in command("documents", "--help").out
    for words in (["documents", "add"], ["documents", "replace"], ["search"], ["train"], ["untrain"]):
        assert "Example" in command(*words, "--help").out
