"""``palaver copy``: what it prints, what it refuses, and how it leaves."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from command_line import Command

import palaver
from palaver.stores.sqlite import SqliteStore
from palaver.testing import FakeClock
from palaver.testing.stores.making import make_bot
from palaver.testing.stores.world import furnish


def with_store(path: Path, work: Callable[[SqliteStore], Awaitable[object]]) -> None:
    async def opened() -> None:
        store = SqliteStore(path, clock=FakeClock())
        await store.open()
        await work(store)
        await store.close()

    asyncio.run(opened())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A store with something of everything."""
    path = tmp_path / "source.db"
    with_store(path, lambda store: furnish(store, FakeClock()))
    return path


def test_everything_is_copied_and_proved(command: Command, source: Path, tmp_path: Path) -> None:
    """A row a tenant says what there is and that both hold the same, and a sentence says it for all; the copy can be used."""
    copied = command("copy", "--from", str(source), "--to", f"sqlite:///{tmp_path / 'new' / 'target.db'}")
    assert copied.status == 0
    for tenant in ("between", "default", "other"):
        (line,) = [line for line in copied.out.splitlines() if line.startswith(tenant)]
        assert line.endswith("equal")
    assert "compared one by one" in copied.out
    assert copied.err == ""
    with palaver.connect(str(tmp_path / "new" / "target.db")) as hub:
        assert "Main" in [bot.name for bot in hub.bots.list()]


def test_a_copy_that_is_done_is_only_compared(command: Command, source: Path, tmp_path: Path) -> None:
    """The same command again writes nothing, and says the same."""
    arguments = ("copy", "--from", str(source), "--to", str(tmp_path / "target.db"), "--json")
    first = command(*arguments)
    assert first.json["equal"]
    assert {tenant["tenant_id"] for tenant in first.json["tenants"]} == {"between", "default", "other"}
    assert command(*arguments).json == first.json
    assert command(*arguments, "--verify-only").json == first.json
    with sqlite3.connect(tmp_path / "target.db") as connection:
        connection.execute("UPDATE conversations SET title = 'edited there'")
    assert not command(*arguments).json["equal"]
    with sqlite3.connect(tmp_path / "target.db") as connection:
        assert connection.execute("SELECT DISTINCT title FROM conversations").fetchall() == [("edited there",)]


def test_what_differs_is_named(command: Command, source: Path, tmp_path: Path) -> None:
    """A message that is not the same is found: its tenant, its kind and its conversation are named, and the exit code is 1."""
    target = tmp_path / "target.db"
    command("copy", "--from", str(source), "--to", str(target))
    with sqlite3.connect(target) as connection:
        (chat,) = connection.execute(
            "UPDATE messages SET text = 'forged' WHERE n = (SELECT min(n) FROM messages WHERE parts IS NULL)"
            " RETURNING (SELECT id FROM conversations c WHERE c.n = conversation_n)"
        ).fetchone()
    compared = command("copy", "--from", str(source), "--to", str(target), "--verify-only")
    assert compared.status == 1
    assert f"default: messages (36 and 36) differ, for example in {chat}." in compared.out
    told = command("copy", "--from", str(source), "--to", str(target), "--verify-only", "--json")
    assert (told.status, told.json["equal"]) == (1, False)
    (differing,) = [tenant for tenant in told.json["tenants"] if not tenant["equal"]]
    assert (differing["differing"], differing["conversations"]) == (["messages"], [chat])


def test_a_tenant_of_the_target_alone_is_found(command: Command, source: Path, tmp_path: Path) -> None:
    """What only the target has is a difference, too."""
    target = tmp_path / "target.db"
    command("copy", "--from", str(source), "--to", str(target))
    with_store(target, lambda store: store.ensure_tenant("extra"))
    compared = command("copy", "--from", str(source), "--to", str(target), "--verify-only")
    assert compared.status == 1
    assert "extra: tenant (0 and 1) differ." in compared.out


def test_bytes_that_differ_are_found(command: Command, source: Path, tmp_path: Path) -> None:
    """The bytes of attachments are compared, not only what is said of them."""
    target = tmp_path / "target.db"
    command("copy", "--from", str(source), "--to", str(target))
    with sqlite3.connect(target) as connection:
        connection.execute("UPDATE blobs SET content = x'00' WHERE n = 1")
    compared = command("copy", "--from", str(source), "--to", str(target), "--verify-only", "--json")
    (differing,) = [tenant for tenant in compared.json["tenants"] if not tenant["equal"]]
    assert (compared.status, differing["differing"]) == (1, ["attachments"])


def test_a_change_meanwhile_is_found(command: Command, source: Path, tmp_path: Path) -> None:
    """What the source gained after the copy began is missed by the copy and found by the proof."""
    target = tmp_path / "target.db"
    command("copy", "--from", str(source), "--to", str(target))
    with_store(source, lambda store: make_bot(store))
    compared = command("copy", "--from", str(source), "--to", str(target))
    assert compared.status == 1
    assert re.search(r"default: bots \((\d) and (\d)\) differ\.", compared.out)
    assert "stop what does" in compared.out


def test_a_target_with_something_else_is_refused(command: Command, source: Path, tmp_path: Path) -> None:
    """A store that holds anything but this copy is left alone."""
    target = tmp_path / "target.db"
    command("bots", "create", "Theirs", "--store", str(target))
    before = command("bots", "list", "--json", "--store", str(target)).json
    refused = command("copy", "--from", str(source), "--to", str(target))
    assert (refused.status, refused.out) == (1, "")
    assert "copy into a new store" in refused.err
    assert command("bots", "list", "--json", "--store", str(target)).json == before
    command("copy", "--from", str(source), "--to", str(tmp_path / "third.db"))
    assert "copy into a new store" in command("copy", "--from", str(target), "--to", str(tmp_path / "third.db")).err


def test_a_copy_that_was_cut_is_told_to_go_on(command: Command, source: Path, tmp_path: Path) -> None:
    """To compare with a store that holds only a part says how to finish it, not only to begin again."""
    target = tmp_path / "target.db"
    with_store(target, lambda store: store.ensure_tenant("default"))
    compared = command("copy", "--from", str(source), "--to", str(target), "--verify-only")
    assert compared.status == 1
    assert "If the copy was cut, finish it without --verify-only." in compared.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--from", "source.db", "--to", "mysql://x"), "--to: mysql:// is no store"),
        (("--from", "text.db", "--to", "new.db"), "--from: text.db is not a SQLite database"),
        (("--from", "source.db", "--to", "text.db"), "--to: text.db is not a SQLite database"),
        (("--from", "source.db", "--to", "postgresql://palaver@127.0.0.1:1/palaver"), "--to: The database can't be"),
    ],
)
def test_an_error_names_its_store(
    command: Command, source: Path, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    """Of two stores, the one that can't be opened is named by its option; exit code 1."""
    (tmp_path / "text.db").write_text("This is no database. " * 1000, encoding="utf-8")
    refused = command("copy", *options)
    assert (refused.status, refused.out) == (1, "")
    assert said in refused.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--from", "none.db", "--to", "new.db"), "there is no store at none.db"),
        (("--from", "source.db", "--to", "none.db", "--verify-only"), "there is no store at none.db"),
        (("--from", "source.db", "--to", "sqlite:///source.db"), "one store"),
        (("--from", ":memory:", "--to", "new.db"), "in memory"),
        (("--from", "source.db", "--to", ":memory:"), "in memory"),
    ],
)
def test_what_makes_no_sense_is_refused(
    command: Command, source: Path, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    """A source that is not there, a store in memory, one store twice: exit code 2, a sentence, and no file is made."""
    refused = command("copy", *options)
    assert (refused.status, refused.out) == (2, "")
    assert said in refused.err
    assert not (tmp_path / "new.db").exists()
    assert not (tmp_path / "none.db").exists()


def test_no_secret_is_printed(command: Command, source: Path, tmp_path: Path) -> None:
    """Neither the store's secret, nor a key or its hash, nor a password in an address is printed, by a copy or a failure."""
    made = command("keys", "create", "--json", "--store", str(source)).json
    with sqlite3.connect(source) as connection:
        (secret,) = connection.execute("SELECT value FROM meta WHERE key = 'secret'").fetchone()
        digests = [row[0] for row in connection.execute("SELECT digest FROM api_keys")]
    canaries = [made["secret"], secret.hex(), repr(secret), *(digest.hex() for digest in digests), "hunter2"]
    ran = [
        command("copy", "--from", str(source), "--to", "target.db"),
        command("copy", "--from", str(source), "--to", "target.db", "--json"),
        command("copy", "--from", str(source), "--to", "postgresql://palaver:hunter2@127.0.0.1:1/palaver"),
        command("copy", "--from", "postgresql://palaver:hunter2@127.0.0.1:1/palaver", "--to", "target.db"),
    ]
    assert [each.status for each in ran] == [0, 0, 1, 1]
    for each in ran:
        assert not any(canary in each.out + each.err for canary in canaries)
