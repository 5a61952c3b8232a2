"""Opening a SQLite file: made, migrated, found as it was left, or refused with a word about what to do."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from older_stores import WITHOUT_RESTORED_TURNS

from palaver.errors import SchemaTooNew, StoreRefused
from palaver.page import Window
from palaver.stores.knowledge_orders import TrainingFilter
from palaver.stores.open import store_for
from palaver.stores.queries import load_queries
from palaver.stores.schema import SchemaStep
from palaver.stores.sqlite import SqliteStore
from palaver.stores.sqlite.quarters import note_quarters
from palaver.stores.sqlite.schema import migrate, migrations
from palaver.stores.sqlite.store import QUERIES
from palaver.stores.sqlite.transaction import Transaction
from palaver.testing import FakeClock
from palaver.testing.stores.knowing import found, known
from palaver.testing.stores.making import TENANT, exchange, make_conversation, path_of
from palaver.testing.stores.messages import talk
from palaver.testing.stores.restoring import delete, deleted_texts, restore, tree_of

NEWEST = migrations()[-1].version


class _Cut(Exception):
    """The process dies here."""


class _Fragile(sqlite3.Connection):
    """A connection that dies before its n-th statement."""

    left = 10**9

    def execute(self, *args: Any) -> sqlite3.Cursor:
        if not args[0].startswith("ROLLBACK"):
            self.left -= 1
            if self.left < 0:
                raise _Cut
        return super().execute(*args)


def _fragile(path: Path) -> _Fragile:
    return sqlite3.connect(path, isolation_level=None, factory=_Fragile)


def _schema(path: Path) -> list[tuple[str, ...]]:
    with sqlite3.connect(path) as connection:
        return connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()


def test_migrations_are_numbered_without_gaps() -> None:
    """Versions count from 1, and none is incompatible with itself."""
    known = migrations()
    assert [step.version for step in known] == list(range(1, len(known) + 1))
    assert all(1 <= step.min_compatible <= step.version for step in known)


def test_a_migration_that_was_cut_anywhere_can_be_run_again(tmp_path: Path) -> None:
    """I21: cut before any statement, a migration leaves nothing behind or all of it, and the next run makes it whole."""
    whole: list[list[tuple[str, ...]]] = [[]]
    with sqlite3.connect(tmp_path / "whole.db", isolation_level=None) as connection:
        for count in range(1, len(migrations()) + 1):
            migrate(connection, migrations()[:count])
            whole.append(_schema(tmp_path / "whole.db"))
    cuts = 0
    while True:
        path = tmp_path / f"{cuts}.db"
        connection = _fragile(path)
        connection.left = cuts
        try:
            migrate(connection, migrations())
        except _Cut:
            assert _schema(path) in whole
            connection.left = 10**9
            assert migrate(connection, migrations()) == NEWEST
            assert _schema(path) == whole[-1]
            cuts += 1
            connection.close()
            continue
        connection.close()
        break
    assert cuts > 40


def test_a_migration_keeps_the_data_and_runs_once(tmp_path: Path) -> None:
    """I21: a later migration is applied to what is there; a cut of it leaves the version before."""
    later = SchemaStep(
        version=NEWEST + 1, name="later", min_compatible=1, script="ALTER TABLE tenants ADD COLUMN note TEXT;\n"
    )
    wrong = SchemaStep(
        version=NEWEST + 2, name="wrong", min_compatible=1, script="CREATE TABLE extra (n);\nSELECT no_such();\n"
    )
    connection = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    migrate(connection, migrations())
    connection.execute("INSERT INTO tenants VALUES ('x', 1)")
    assert migrate(connection, [*migrations(), later]) == NEWEST + 1
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, [*migrations(), later, wrong])
    assert migrate(connection, [*migrations(), later]) == NEWEST + 1
    assert connection.execute("SELECT * FROM tenants").fetchall() == [("x", 1, None)]
    assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'extra'").fetchall()
    connection.close()


async def _filled(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    await exchange(store, await make_conversation(store, title="kept"))
    await store.close()


async def test_a_newer_schema_is_refused_only_where_it_must_be(tmp_path: Path) -> None:
    """A file that a newer program wrote opens if that program says so, and is refused untouched if it does not."""
    path = tmp_path / "a.db"
    await _filled(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE schema_info SET version = ?", (NEWEST + 5,))
    store = SqliteStore(path)
    await store.open()
    assert (await store.health()).schema_version == NEWEST + 5
    await store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE schema_info SET min_compatible = ?", (NEWEST + 1,))
    with pytest.raises(SchemaTooNew, match="upgrade"):
        await SqliteStore(path).open()


async def test_a_file_that_is_not_ours_is_refused_untouched(tmp_path: Path) -> None:
    """Garbage, a text and another program's database are refused with what to do, and not one byte of them changes."""
    garbage, text, foreign = tmp_path / "garbage.db", tmp_path / "notes.txt", tmp_path / "foreign.db"
    garbage.write_bytes(bytes(range(256)) * 100)
    text.write_text("Dear diary, " * 100)
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE tenants (x)")
    for path in (garbage, text, foreign):
        before = path.read_bytes()
        with pytest.raises(StoreRefused, match="another file"):
            await SqliteStore(path).open()
        assert path.read_bytes() == before
        assert not path.with_name(path.name + "-wal").exists()


async def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    """A file of no bytes, and one in a folder that is not there yet, are made."""
    (tmp_path / "empty.db").touch()
    for path in (tmp_path / "empty.db", tmp_path / "new" / "folder" / "a.db"):
        await _filled(path)


async def test_what_was_stored_is_there_after_the_next_open(tmp_path: Path) -> None:
    """Conversations, the secret and keys survive; nothing of a clean close is left in a second file."""
    path = tmp_path / "a.db"
    store = SqliteStore(path)
    await store.open()
    secret, conversation = await store.secret(), await make_conversation(store)
    await exchange(store, conversation)
    await store.close()
    assert not path.with_name("a.db-wal").exists()
    again = SqliteStore(path)
    await again.open()
    assert await again.secret() == secret
    assert await again.get_conversation(TENANT, conversation.id)
    assert await path_of(again, conversation) == ["Hello?", "Hello."]
    await again.close()


async def test_many_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    """Ten stores that open one new file together make one schema and share one secret."""
    stores = [SqliteStore(tmp_path / "a.db") for _ in range(10)]
    await asyncio.gather(*(store.open() for store in stores))
    assert len({await store.secret() for store in stores}) == 1
    for store in stores:
        await store.close()


async def test_addresses_name_stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three slashes are a relative path, four an absolute one; a bare path and ``:memory:`` work; others are refused."""
    monkeypatch.chdir(tmp_path)
    absolute = tmp_path / "absolute.db"
    for url, file in (
        ("sqlite:///relative.db", tmp_path / "relative.db"),
        (f"sqlite:///{absolute}", absolute),
        ("bare.db", tmp_path / "bare.db"),
        (":memory:", None),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
    ):
        before = set(tmp_path.iterdir())
        store = store_for(url)
        await store.open()
        assert (await store.health()).survives_kill is (file is not None)
        await store.close()
        assert set(tmp_path.iterdir()) - before == ({file} if file else set())
    for url in (
        "postgresql:/localhost/x",
        "redis:localhost",
        "sqlite:/file.db",
        "mysql://x",
        "http://x",
        "",
        "sqlite:///",
        "sqlite://x",
    ):
        with pytest.raises(StoreRefused):
            store_for(url)


async def test_a_file_of_the_version_before_is_taken_over(tmp_path: Path) -> None:
    """I21: bots, conversations and their marks are there after the migration, and can know and be trained on."""
    path = tmp_path / "a.db"
    connection = sqlite3.connect(path, isolation_level=None)
    assert migrate(connection, migrations()[:1]) == 1
    connection.executescript(
        """
        INSERT INTO bots (n, id, tenant_id, name, instructions, model, params, retrieval, metadata, created_at, updated_at, version)
        VALUES (1, 'bot_1', 'default', 'Old', '', 'offline', '{}', '{}', '{}', 1, 1, 1);
        INSERT INTO conversations (n, id, tenant_id, bot_n, kind, status, metadata, message_count, turn_count, last_seq, last_index,
            head_n, started_at, last_activity_at)
        VALUES (1, 'conv_1', 'default', 1, 'text', 'active', '{}', 2, 1, 2, 1, 1, 1, 1);
        INSERT INTO turns (n, id, tenant_id, conversation_n, idx, status, model, question_id, answer_id, queued, last_seq, created_at,
            started_at, finished_at)
        VALUES (1, 'turn_1', 'default', 1, 1, 'completed', 'offline', 'msg_1', 'msg_2', 0, 2, 1, 1, 1);
        INSERT INTO messages (n, id, conversation_n, turn_n, seq, role, text, on_path, created_at)
        VALUES (1, 'msg_1', 1, 1, 1, 'user', 'Why?', 1, 1), (2, 'msg_2', 1, 1, 2, 'assistant', 'So.', 1, 1);
        """
    )
    connection.close()
    store = SqliteStore(path)
    await store.open()
    conversation = await store.get_conversation(TENANT, "conv_1")
    bot = await store.get_bot(TENANT, "bot_1")
    assert await path_of(store, conversation) == ["Why?", "So."]
    pairs = (await store.page_untrained(TENANT, TrainingFilter(bot_id=bot.id), Window())).data
    assert [(pair.question.text, pair.answer.text) for pair in pairs] == [("Why?", "So.")]
    await known(store, bot, "The refund policy.")
    assert await found(store, bot, "refunds") == ["The refund policy."]
    await exchange(store, conversation)
    await store.close()


def test_pairs_of_the_version_before_are_found_by_their_quarters(tmp_path: Path) -> None:
    """I21: what was trained before the quarters had a table is in it, as if it were trained now."""
    fingerprints = ["ffee00012abc8000", "0123456789abcdef", "8000000000000000", "0000000000000000"]
    with sqlite3.connect(tmp_path / "a.db", isolation_level=None) as connection:
        migrate(connection, migrations()[:2])
        for number, fingerprint in enumerate(fingerprints):
            connection.execute(
                "INSERT INTO chunks (n, document_n, fence, ordinal, text, starts, ends, tokens, sha256, fingerprint) "
                "VALUES (?, 1, 1, ?, '', 0, 0, 0, '', ?)",
                (7 << 32 | number, number, fingerprint),
            )
        migrate(connection, migrations())
        taken_over = connection.execute("SELECT * FROM quarters").fetchall()
        connection.execute("DELETE FROM quarters")
        note_quarters(Transaction(connection, load_queries(QUERIES), 0), 7, 1, 1, -1)
        assert len(taken_over) == 4 * len(fingerprints)
        assert taken_over == connection.execute("SELECT * FROM quarters").fetchall()


async def test_what_was_deleted_before_can_be_restored(tmp_path: Path) -> None:
    """A file of schema 6 knew no restore of a turn: its deleted turns are listed and come back, each on the nearest turn before it
    that is there."""
    clock, path = FakeClock(), tmp_path / "a.db"
    store = SqliteStore(path, clock=clock)
    await store.open()
    chat = await make_conversation(store)
    turns = await talk(store, chat, 3)
    await delete(store, clock, turns[1], turns[2])
    await store.close()
    with sqlite3.connect(path) as connection:
        for statement in WITHOUT_RESTORED_TURNS:
            connection.execute(statement)
        connection.execute("UPDATE schema_info SET version = 6, min_compatible = 3")
    connection.close()
    store = SqliteStore(path, clock=clock)
    await store.open()
    assert await deleted_texts(store) == ["a3", "q3", "a2", "q2"]
    await restore(store, turns[2], turns[1])
    assert await tree_of(store, chat, turns) == {1: None, 2: 1, 3: 1}
    assert await deleted_texts(store) == []
    await store.close()
