"""Migrations as a person runs them: looked at, taken, cut and taken again, and under a server of the version before."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import asyncpg
import httpx2
import pytest
from command_line import Command

from crash.journal import created, make_conversation
from crash.process import serving
from palaver.errors import SchemaTooNew, StoreRefused, StoreUnavailable
from palaver.stores.migrations import load_steps
from palaver.stores.open import schema_for, without_password
from palaver.stores.postgres.schema import PostgresSchema
from palaver.stores.postgres.schema import migrations as postgres_migrations
from palaver.stores.schema import Schema, SchemaStep
from palaver.stores.sqlite.schema import SqliteSchema, migrations

NEWEST = migrations()[-1].version


def _tables(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        listed = connection.execute("SELECT name FROM pragma_table_list WHERE type = 'table' AND schema = 'main'")
        return sorted(name for (name,) in listed if not name.startswith("sqlite_"))


def _version(path: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(path)) as connection:
        version, min_compatible = connection.execute("SELECT * FROM schema_info").fetchone()
        return version, min_compatible


def _later(folder: Path, script: str, known: Sequence[SchemaStep], *, min_compatible: int = 1) -> Sequence[SchemaStep]:
    """The steps that are known and one of the release behind them, from a folder of its own."""
    folder.mkdir(exist_ok=True)
    name = f"{known[-1].version + 1:04}_a_later_release.sql"
    (folder / name).write_text(f"-- min_compatible: {min_compatible}\n{script}\n", encoding="utf-8")
    return [*known, *load_steps(folder)]


def test_a_plan_changes_nothing(command: Command, tmp_path: Path) -> None:
    """--plan prints every step with its SQL and leaves the folder as it was; --json has the same."""
    ran = command("migrate", "--plan", "--store", "new.db")
    assert (ran.status, ran.err) == (0, "")
    assert "CREATE TABLE conversations" in ran.out
    assert f"The store has schema 0; {NEWEST} step" in ran.out
    found = command("migrate", "--plan", "--store", "new.db", "--json").json
    assert (found["version"], found["newest"], found["taken"]) == (0, NEWEST, False)
    assert [step["version"] for step in found["steps"]] == list(range(1, NEWEST + 1))
    assert "CREATE TABLE conversations" in found["steps"][0]["script"]
    assert list(tmp_path.iterdir()) == []


def test_a_store_is_migrated_once(command: Command, tmp_path: Path) -> None:
    """A line a step on stderr, the result on stdout; the second run has nothing to do and leaves one file."""
    first = command("migrate", "--store", "new.db")
    assert (first.status, first.err.count("done")) == (0, NEWEST)
    assert f"has schema {NEWEST} now" in first.out
    again = command("migrate", "--store", "new.db")
    assert (again.status, again.err) == (0, "")
    assert "nothing to do" in again.out
    assert [path.name for path in tmp_path.iterdir()] == ["new.db"]
    assert _version(tmp_path / "new.db")[0] == NEWEST


def test_a_store_of_a_newer_program(command: Command, tmp_path: Path) -> None:
    """One that this program can still use has nothing to do; one that it can't is refused with what to do, exit code 1."""
    path = tmp_path / "new.db"
    command("migrate", "--store", str(path))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE schema_info SET version = ?", (NEWEST + 4,))
        connection.commit()
        assert f"schema {NEWEST + 4}, which is newer" in command("migrate", "--store", str(path)).out
        connection.execute("UPDATE schema_info SET min_compatible = ?", (NEWEST + 1,))
        connection.commit()
    for arguments in (["migrate"], ["migrate", "--plan"], ["bots", "list"]):
        refused = command(*arguments, "--store", str(path))
        assert (refused.status, refused.out) == (1, "")
        assert "upgrade it" in refused.err


def test_what_is_no_store_is_refused(command: Command, tmp_path: Path) -> None:
    """Another program's file is refused untouched, memory and an unknown address too: exit code 1 and a sentence."""
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as connection:
        connection.execute("CREATE TABLE tenants (x)")
    before = (tmp_path / "foreign.db").read_bytes()
    for where, sentence in (("foreign.db", "another program"), (":memory:", "name a file"), ("mysql://x", "no store")):
        for arguments in (["migrate"], ["migrate", "--plan"]):
            refused = command(*arguments, "--store", where)
            assert (refused.status, refused.out) == (1, "")
            assert sentence in refused.err
    assert (tmp_path / "foreign.db").read_bytes() == before


async def test_a_migration_that_fails_half_way_can_be_taken_again(tmp_path: Path) -> None:
    """I21: a step that the database refuses in its middle leaves the version before; mended, it is taken."""
    path = tmp_path / "a.db"
    await SqliteSchema(path).apply()
    wrong = _later(tmp_path / "steps", "CREATE TABLE extra (n);\nSELECT no_such();", migrations())
    with pytest.raises(StoreUnavailable, match="refused"):
        await SqliteSchema(path, wrong).apply()
    assert _version(path)[0] == NEWEST
    assert "extra" not in _tables(path)
    right = _later(tmp_path / "steps", "CREATE TABLE extra (n);", migrations())
    taken: list[int] = []
    plan = await SqliteSchema(path, right).apply(lambda step: taken.append(step.version))
    assert (taken, plan.version, plan.missing) == ([NEWEST + 1], NEWEST + 1, ())
    assert "extra" in _tables(path)


async def test_two_may_migrate_at_once(tmp_path: Path) -> None:
    """Ten that migrate one file together leave one schema."""
    await asyncio.gather(*(SqliteSchema(tmp_path / "a.db").apply() for _ in range(10)))
    assert _version(tmp_path / "a.db")[0] == NEWEST


async def _is_served_while(store: str | Path, later: Schema) -> None:
    """Send through one server before, while and after a later release's steps are taken; then start it again."""
    env = {"PALAVER_DEFAULT_MODEL": "scripted:words?count=3&delay=0.005"}
    async with serving(store, env) as server:
        async with httpx2.AsyncClient(base_url=server.url, timeout=30) as http:
            bot = await created(http, "/v1/bots", {"name": "Helper"})
            sends = f"/v1/conversations/{await make_conversation(http, bot['id'])}/messages"
            statuses = [(await http.post(sends, json={"text": f"before {n}"})).status_code for n in range(5)]
            taking = asyncio.ensure_future(later.apply())
            while not taking.done():
                statuses.append((await http.post(sends, json={"text": "during"})).status_code)
            plan = await taking
            assert (plan.version, plan.missing) == (plan.newest, ())
            statuses += [(await http.post(sends, json={"text": f"after {n}"})).status_code for n in range(5)]
            assert set(statuses) == {201}
            assert len((await http.get(sends, params={"limit": "200"})).json()["data"]) == 2 * len(statuses)
            await created(http, "/v1/entities", {"type": "USER", "external_id": "u1"})
            await created(http, "/v1/keys", {"name": "first", "scope": "operator"})
        await server.terminate()
        await server.start()


def _widening(tables: Sequence[str]) -> str:
    return "\n".join(f"ALTER TABLE {name} ADD COLUMN later TEXT;" for name in tables)


async def test_a_server_of_the_version_before_goes_on(tmp_path: Path) -> None:
    """I21: while a later release widens every table, the server that runs answers every send, and it starts again on it."""
    path = tmp_path / "chat.db"
    await SqliteSchema(path).apply()
    steps = _later(tmp_path / "steps", _widening(_tables(path)), migrations())
    await _is_served_while(path, SqliteSchema(path, steps))


async def test_a_server_of_the_version_before_goes_on_with_postgresql(tmp_path: Path, empty_postgres_url: str) -> None:
    """I21: the same holds on PostgreSQL, whose connections remember the shape of what they asked for."""
    await PostgresSchema(empty_postgres_url).apply()
    tables = "SELECT relname FROM pg_class WHERE relnamespace = 'palaver'::regnamespace AND relkind IN ('r', 'p')"
    connection = await asyncpg.connect(empty_postgres_url)
    widened = [row["relname"] for row in await connection.fetch(tables)]
    await connection.close()
    assert len(widened) > 10
    steps = _later(tmp_path / "steps", _widening(widened), postgres_migrations())
    await _is_served_while(empty_postgres_url, PostgresSchema(empty_postgres_url, steps))


async def test_a_server_refuses_a_schema_that_left_it_behind(tmp_path: Path) -> None:
    """I21: once a release says that it needs a newer program, an older one does not start on it."""
    path = tmp_path / "a.db"
    await SqliteSchema(path, _later(tmp_path / "steps", "SELECT 1;", migrations(), min_compatible=NEWEST + 1)).apply()
    with pytest.raises(SchemaTooNew, match="upgrade"):
        await SqliteSchema(path).plan()


def test_a_password_is_not_printed() -> None:
    """An address as it is printed holds no password, wherever it stood; nothing else of it is lost."""
    assert without_password("postgresql://me:p:w@x@host:5432/db?a=1") == "postgresql://me:***@host:5432/db?a=1"
    assert without_password("redis://:pw@host:6379/0") == "redis://:***@host:6379/0"
    assert (
        without_password("postgresql://host/db?user=me&password=pw&a=1")
        == "postgresql://host/db?user=me&password=***&a=1"
    )
    for plain in ("sqlite:////var/a:b@c.db", "odd@name.db", "redis://host:6379/0", "postgresql://me@host/db"):
        assert without_password(plain) == plain
    for url in ("mysql://x", ""):
        with pytest.raises(StoreRefused):
            schema_for(url)
