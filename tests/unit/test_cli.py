"""The command line: what it prints, how it fails, and that it works on a file and on a server alike."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Command

import palaver
from crash.process import serving
from palaver.cli.keys import seconds_of
from palaver.cli.show import clean

MODEL = "scripted:Refunds take 14 days."


def whole_story(command: Command, where: list[str]) -> None:
    bot = command("bots", "create", "Helper", "-i", "Be brief.", "-m", MODEL, "--json", *where).json
    assert (bot["name"], bot["model"], bot["instructions"]) == ("Helper", MODEL, "Be brief.")
    assert command("bots", "show", "Helper", "--json", *where).json == bot
    assert command("bots", "show", bot["id"], "--json", *where).json == bot
    edited = command("bots", "edit", "Helper", "--name", "Clerk", "--idle-minutes", "60", "--json", *where).json
    assert (edited["name"], edited["idle_timeout_minutes"], edited["version"]) == ("Clerk", 60, 2)
    assert [each["id"] for each in command("bots", "list", "--json", *where).json["data"]] == [bot["id"]]
    with palaver.connect(where[1]) as hub:
        chat = hub.conversations.create(bot["id"], title="Refunds")
        hub.messages.send(chat.id, "What is the refund policy?")
    shown = command("conversations", "show", chat.id, "--json", *where).json
    assert [each["text"] for each in shown["messages"]["data"]] == [
        "What is the refund policy?",
        "Refunds take 14 days.",
    ]
    assert "Refunds take 14 days." in command("conversations", "show", chat.id, *where).out
    assert chat.id in command("conversations", "list", "--bot", "Clerk", "--status", "active", *where).out
    assert chat.id in command("conversations", "search", "refund policy", "--bot", "Clerk", *where).out
    ended = command("conversations", "end", chat.id, "--rating", "4", "--feedback", "quick", "--json", *where).json
    assert (ended["status"], ended["rating"], ended["end_reason"]) == ("ended", 4, "admin")
    assert command("conversations", "archive", chat.id, "--json", *where).json["status"] == "archived"
    assert command("conversations", "reopen", chat.id, "--json", *where).json["status"] == "active"
    assert "palaver conversations restore" in command("conversations", "delete", chat.id, *where).out
    assert command("conversations", "show", chat.id, *where).status == 1
    assert chat.id in command("conversations", "list", "--deleted", *where).out
    assert command("conversations", "restore", chat.id, *where).status == 0
    assert command("bots", "delete", "Clerk", *where).status == 0
    assert bot["id"] in command("bots", "list", "--deleted", *where).out
    assert command("bots", "restore", bot["id"], *where).status == 0


def test_every_group_works_on_a_file(command: Command, tmp_path: Path) -> None:
    """Bots and conversations are made, shown, edited, ended, deleted and restored in a file."""
    whole_story(command, ["--store", str(tmp_path / "cli.db")])


async def test_every_group_works_on_a_server(command: Command, tmp_path: Path) -> None:
    """The same commands do the same on a server."""
    async with serving(tmp_path / "served.db", {}) as server:
        await asyncio.to_thread(whole_story, command, ["--url", server.url])
        examined = await asyncio.to_thread(command, "doctor", "--url", server.url)
        assert examined.status == 0
        assert "nothing acknowledged is lost" in examined.out
        assert "write-ahead log" in examined.out


async def test_a_key_closes_a_server_and_opens_it_for_its_holder(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first key closes the server; without it the command line says what to set, with it it works; revoked, it does not."""
    async with serving(tmp_path / "served.db", {}) as server:
        where = ["--url", server.url]
        made = command("keys", "create", "--scope", "admin", "--name", "cli", "--expires", "30d", "--json", *where).json
        refused = command("bots", "list", *where)
        assert (refused.status, refused.out) == (1, "")
        assert "PALAVER_API_KEY" in refused.err
        monkeypatch.setenv("PALAVER_API_KEY", made["secret"])
        assert command("bots", "list", *where).status == 0
        listed = command("keys", "list", *where).out
        assert made["key"]["prefix"] in listed
        assert made["secret"] not in listed
        assert command("keys", "revoke", made["key"]["id"], *where).status == 0
        assert command("bots", "list", *where).status == 1


def test_a_key_of_a_tenant(command: Command) -> None:
    """A key is made for the tenant that is named, its secret stands alone on the last line and nowhere afterwards."""
    made = command("keys", "create", "--tenant", "acme", "--scope", "write")
    assert "tenant acme" in made.out
    secret = made.out.strip().rpartition("\n")[2]
    assert secret.startswith("pk_")
    assert secret[:11] in command("keys", "list", "--tenant", "acme").out
    assert secret[:11] not in command("keys", "list").out
    assert secret not in command("keys", "list", "--tenant", "acme", "--json").out


def test_the_store_comes_from_the_environment(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without --store it is PALAVER_STORE's, and without that palaver.db in the working folder."""
    assert command("bots", "create", "Here", "-m", "offline").status == 0
    assert (tmp_path / "palaver.db").exists()
    monkeypatch.setenv("PALAVER_STORE", f"sqlite:///{tmp_path}/other.db")
    assert "There are no bots yet" in command("bots", "list").out
    assert (tmp_path / "other.db").exists()


def test_a_file_can_hold_the_instructions(command: Command, tmp_path: Path) -> None:
    """@FILE reads instructions; a file that is not there is said to be missing."""
    (tmp_path / "prompt.txt").write_text("Answer in rhymes.\n", encoding="utf-8")
    made = command(
        "bots", "create", "Poet", "-i", "@prompt.txt", "-m", "offline", "--temperature", "0.5", "--json"
    ).json
    assert made["instructions"] == "Answer in rhymes.\n"
    assert made["params"] == {"temperature": 0.5}
    assert command("bots", "edit", "Poet", "-i", "@nowhere.txt").status == 2


def test_a_bot_is_told_how_to_find(command: Command) -> None:
    """Each setting has an option; an edit changes what it names, and leaves the other settings and parameters alone."""
    found = ["-k", "9", "--vector-weight", "0.8", "--where", "product=billing", "--where", "lang=de"]
    made = command("bots", "create", "Clerk", "-m", "offline", *found, "--embedding", "none", "--json").json
    where = {"product": "billing", "lang": "de"}
    assert made["retrieval"] == {"k": 9, "vector_weight": 0.8, "where": where, "embedding": "none"}
    edited = command("bots", "edit", "Clerk", "-k", "3", "--temperature", "0.5", "--reranker", "mine", "--json").json
    assert edited["retrieval"] == {**made["retrieval"], "k": 3, "reranker": "mine"}
    taken = ["--reranker", "", "--embedding", "", "--where", "", "--no-documents", "--max-tokens", "90"]
    edited = command("bots", "edit", "Clerk", *taken, "--json").json
    assert edited["params"] == {"temperature": 0.5, "max_tokens": 90}
    settings = {"k": 3, "vector_weight": 0.8, "where": {}, "embedding": None, "reranker": None, "enabled": False}
    assert edited["retrieval"] == settings
    assert command("bots", "edit", "Clerk", "--documents", "--json").json["retrieval"]["enabled"] is True


def test_a_bot_is_opened_to_pages_and_closed(command: Command) -> None:
    """Pages and the form are named one by one; closing forgets both."""
    command("bots", "create", "Clerk", "-m", "offline")
    pages = ["--origin", "https://shop.example", "--origin", "http://localhost:3000"]
    origins = {"allowed_origins": ["https://shop.example", "http://localhost:3000"]}
    assert command("bots", "widget", "Clerk", *pages, "--json").json["widget"] == origins
    asking = command("bots", "widget", "Clerk", "--lead", "required", "--json").json
    assert asking["widget"] == {**origins, "lead": "required"}
    assert "shop.example" in command("bots", "show", "Clerk").out
    assert command("bots", "widget", "Clerk", "--close", "--json").json["widget"] is None


WRONG = [
    (["bots", "widget", "Nobody", "--close"], 1, "There is no bot 'Nobody'"),
    (["bots", "create", "Many", "-k", "99"], 2, "1 to 50"),
    (["bots", "create", "Light", "--vector-weight", "0.1"], 2, "0.7 to 1"),
    (["bots", "create", "Where", "--where", "product"], 2, "KEY=VALUE"),
    (["bots", "create", "Odd", "--reranker", "Größe"], 2, "ASCII"),
    (["bots", "show", "Nobody"], 1, "There is no bot 'Nobody'"),
    (["bots", "create", "a\nb"], 2, "control character"),
    (["bots", "edit", "Nobody"], 2, "Nothing to change"),
    (["bots", "list", "--limit", "0"], 2, "limit"),
    (["bots", "list", "--store", "a.db", "--url", "http://127.0.0.1:1"], 2, "not both"),
    (["bots", "list", "--url", "127.0.0.1:1"], 2, "begins with http"),
    (["bots", "list", "--url", "http://127.0.0.1:1"], 1, "palaver serve"),
    (["bots", "list", "--url", "http://127.0.0.1:1", "--tenant", "a"], 2, "tenant"),
    (["bots", "list", "--tenant", "../A B"], 2, "tenant"),
    (["bots", "list", "--store", "mysql://x"], 1, "is no store"),
    (["bots", "list", "--store", "postgresql:/palaver:secret@db.internal/palaver"], 1, "postgresql: without //"),
    (["bots", "list", "--store", "sqlite:palaver.db"], 1, "sqlite: without //"),
    (["conversations", "show", "../x"], 1, "nothing here"),
    (["conversations", "end", "conv_01a1fa2a3d017b71afd6cb07d91a3032", "--rating", "9"], 2, "rating"),
    (["keys", "create", "--expires", "soon"], 2, "30d"),
    (["keys", "create", "--tenant", "A B"], 2, "tenant"),
    (["chat", "Nobody"], 1, "--model"),
    (["chat", "--conversation", "x"], 1, "nothing here"),
    (["serve", "--host", "0.0.0.0"], 2, "palaver keys create"),
    (["serve", "--store", ":memory:"], 1, "use a file. Or start with --unsafe-durability"),
    (["frobnicate"], 2, "No such command"),
    (["bots", "create"], 2, "Missing argument"),
]


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"), WRONG, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_an_error_is_a_sentence(command: Command, arguments: list[str], status: int, sentence: str) -> None:
    """What goes wrong is said on stderr with what to do, exit code 2 for a wrong wish and 1 for a failure, never a traceback."""
    ran = command(*arguments)
    assert ran.status == status, ran.err
    assert sentence in ran.err
    assert ran.out == ""
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("variable", "value", "name"), [("PALAVER_PORT", "many", "port"), ("PALAVER_PROVIDERS", "{", "providers")]
)
def test_a_wrong_configuration_is_a_sentence(
    command: Command, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, name: str
) -> None:
    """A setting that can't be read is named, with exit code 2."""
    monkeypatch.setenv(variable, value)
    ran = command("bots", "list")
    assert (ran.status, ran.out) == (2, "")
    assert name in ran.err


def test_doctor_says_what_an_acknowledgement_means(command: Command) -> None:
    """The doctor names the guarantee, the schema, the model, by what documents are found, the doors and the counts; JSON has
    the same."""
    ran = command("doctor")
    assert ran.status == 0
    facts = ("acknowledged", "schema", "offline", "lexical", "open: on this machine only", "Nothing is in the way.")
    for fact in facts:
        assert fact in ran.out
    command("keys", "create")
    found = command("doctor", "--json").json
    assert found["healthy"] is True
    assert found["facts"]["doors"].startswith("closed")


def test_doctor_says_what_embeds(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default embedding is named; one that is not configured is a trouble that says what to set."""
    monkeypatch.setenv("PALAVER_DEFAULT_EMBEDDING", "scripted:8")
    found = command("doctor", "--json").json
    assert "scripted:8" in found["facts"]["documents"]
    assert found["healthy"] is True
    monkeypatch.setenv("PALAVER_DEFAULT_EMBEDDING", "nobody:small")
    ran = command("doctor")
    assert ran.status == 1
    assert "PALAVER_PROVIDERS" in ran.out


def test_doctor_says_what_to_do_about_a_risk(command: Command) -> None:
    """A store that can lose what was acknowledged is a trouble with its remedy, and is looked at all the same."""
    ran = command("doctor", "--store", ":memory:")
    assert ran.status == 1
    assert "writes can be lost" in ran.out
    assert "use a file" in ran.out
    found = command("doctor", "--store", ":memory:", "--json").json
    assert (found["healthy"], found["notes"], len(found["troubles"])) == (False, [], 1)


@pytest.mark.parametrize("where", [["--store", "mysql://x"], ["--url", "http://127.0.0.1:1"], ["--store", "text.db"]])
def test_doctor_fails_on_trouble(command: Command, where: list[str], tmp_path: Path) -> None:
    """A store that can't be opened and a server that does not answer are troubles: exit code 1."""
    (tmp_path / "text.db").write_text("This is no database. " * 1000, encoding="utf-8")
    ran = command("doctor", *where)
    assert ran.status == 1
    assert "trouble" in ran.out
    assert "Traceback" not in ran.err


def test_doctor_names_a_model_that_is_not_configured(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A default model whose provider is not configured is a trouble."""
    monkeypatch.setenv("PALAVER_DEFAULT_MODEL", "groq:llama")
    ran = command("doctor")
    assert ran.status == 1
    assert "GROQ_API_KEY" in ran.out


def test_help_reads_well(command: Command) -> None:
    """Every command has help with its purpose, and --version prints the version."""
    groups = ["bots", "conversations", "keys"]
    for group in [[], *([each] for each in groups)]:
        assert "Commands" in command(*group, "--help").out
    for name in ("serve", "chat", "doctor", "migrate", "backup", "restore", "copy"):
        assert "Example" in command(name, "--help").out
    assert "Keys, cursors" in command("copy", "--help").out  # where the docstring has the end of a line
    assert command("--version").out == f"palaver {palaver.__version__}\n"


def test_text_cannot_command_the_terminal() -> None:
    """Escape sequences and other controls are made visible; tabs and line feeds stay."""
    assert clean("a\x1b[2Jb\r\x07\tc\nd\x9b") == "a\ufffd[2Jb\ufffd\ufffd\tc\nd\ufffd"


@pytest.mark.parametrize(("span", "seconds"), [("90s", 90), ("15m", 900), ("12h", 43_200), ("30d", 2_592_000)])
def test_spans(span: str, seconds: int) -> None:
    """A span is a number and a unit."""
    assert seconds_of(span) == seconds


def test_the_entry_point_is_installed() -> None:
    """``palaver`` is a program of its own."""
    program = Path(sys.executable).with_name("palaver")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.startswith("palaver ")


def test_turns_are_listed_and_stopped(command: Command, tmp_path: Path) -> None:
    """Turns are listed with their tenant and bot, by status; a queued or running one is stopped, one that has ended stays as it is."""
    store = str(tmp_path / "cli.db")
    with palaver.connect(store, tenant="acme") as hub:
        bot = hub.bots.create(name="Clerk", model=MODEL)
        reply = hub.messages.send(hub.conversations.create(bot.id).id, "What is the refund policy?")
    where = ("--store", store, "--tenant", "acme")
    (listed,) = command("turns", "list", "--json", *where).json["data"]
    assert (listed["id"], listed["tenant_id"], listed["bot_name"]) == (reply.turn.id, "acme", "Clerk")
    assert reply.turn.id in command("turns", "list", "--status", "completed", *where).out
    assert "no such turns" in command("turns", "list", "--status", "running", *where).out
    assert "completed" in command("turns", "stop", reply.turn.id, *where).out
    assert command("turns", "stop", reply.turn.id, "--store", store).status == 1
    assert "acme" in command("tenants", "list", "--store", store).out
