"""``palaver backup`` and ``palaver restore``: whole, checked, in place at once or not at all."""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from command_line import Command

from palaver.attachment import Attachment
from palaver.errors import StoreRefused
from palaver.stores.sqlite import SqliteStore
from palaver.stores.sqlite.backup import PAGES_A_STEP, back_up, restore
from palaver.stores.sqlite.schema import migrations
from palaver.testing.stores.making import TENANT, exchange, make_conversation, path_of

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NEWEST = migrations()[-1].version
MEGABYTE = 1_000_000


def _unwatched(done: int, total: int) -> None:
    del done, total


async def _filled(path: Path, *, megabytes: int = 0) -> str:
    """A store with a conversation, whose id is returned, and so much beside it."""
    store = SqliteStore(path)
    await store.open()
    conversation = await make_conversation(store, title="kept")
    await exchange(store, conversation)
    for number in range(megabytes):
        content = os.urandom(MEGABYTE)
        await store.put_attachment(TENANT, _attachment(number, content), content)
    await store.close()
    return conversation.id


def _attachment(number: int, content: bytes) -> Attachment:
    return Attachment(
        id=f"file_{number}",
        name=f"{number}.bin",
        media_type="application/octet-stream",
        size_bytes=len(content),
        sha256=f"{number:064}",
        created_at=NOW,
    )


async def _conversation_in(path: Path, conversation_id: str) -> list[str]:
    store = SqliteStore(path)
    await store.open()
    try:
        return await path_of(store, await store.get_conversation(TENANT, conversation_id))
    finally:
        await store.close()


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_a_backup_restores_to_the_same_store(command: Command, tmp_path: Path) -> None:
    """What was in the store is in the one that is restored from its backup; each is one file, and the backup is its owner's."""
    conversation_id = await _filled(tmp_path / "a.db")
    made = command("backup", "b.db", "--store", "a.db", "--json").json
    assert made == {
        "path": "b.db",
        "size_bytes": (tmp_path / "b.db").stat().st_size,
        "schema_version": NEWEST,
        "kept": None,
    }
    assert stat.S_IMODE((tmp_path / "b.db").stat().st_mode) == 0o600
    restored = command("restore", "b.db", "--store", "c.db")
    assert (restored.status, restored.err) == (0, "")
    assert "c.db is restored" in restored.out
    assert _names(tmp_path) == {"a.db", "b.db", "c.db"}
    assert await _conversation_in(tmp_path / "c.db", conversation_id) == ["Hello?", "Hello."]


async def test_a_backup_is_one_moment_of_a_store_that_is_written_to(tmp_path: Path) -> None:
    """A write between any two steps neither waits for the backup, nor starts it over, nor is in it."""
    await _filled(tmp_path / "a.db", megabytes=12)
    steps: list[int] = []
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None, timeout=0)) as writer:

        def write(done: int, total: int) -> None:
            del total
            steps.append(done)
            assert len(steps) < 100, "it never ends"
            writer.execute("INSERT INTO tenants VALUES (?, 0)", (f"tenant-{len(steps)}",))

        copied = back_up(tmp_path / "a.db", tmp_path / "b.db", write)
        assert writer.execute("SELECT count(*) FROM tenants WHERE created_at = 0").fetchone() == (len(steps),)
    assert steps == sorted(set(steps))
    assert len(steps) == -(-copied.size_bytes // 4096 // PAGES_A_STEP) > 2
    with closing(sqlite3.connect(tmp_path / "b.db")) as backup:
        assert backup.execute("SELECT count(*) FROM tenants WHERE created_at = 0").fetchone() == (0,)


async def test_a_terminal_is_shown_how_far_it_is(tmp_path: Path) -> None:
    """On a terminal a bar runs to 100 % on stderr; stdout has the result alone."""
    await _filled(tmp_path / "a.db", megabytes=5)
    ours, theirs = os.openpty()
    arguments = [Path(sys.executable).with_name("palaver"), "backup", "b.db", "--store", "a.db", "--json"]
    env = {**os.environ, "TERM": "xterm"}
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        done = subprocess.run(
            arguments, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=theirs, timeout=60, check=True
        )
        os.close(theirs)
        shown = terminal.read(65_536).decode()
    assert "Copying a.db" in shown
    assert "100%" in shown
    assert json.loads(done.stdout)["path"] == "b.db"


@pytest.mark.parametrize("command_name", ["backup", "restore"])
async def test_nothing_is_overwritten_by_accident(command: Command, tmp_path: Path, command_name: str) -> None:
    """A file that has the target's name is refused and stays as it is; --force replaces it."""
    await _filled(tmp_path / "palaver.db")
    command("backup", "copy.db")
    target = tmp_path / {"backup": "copy.db", "restore": "palaver.db"}[command_name]
    target.write_bytes(b"precious")
    arguments = {"backup": ["backup", "copy.db"], "restore": ["restore", "copy.db"]}[command_name]
    refused = command(*arguments)
    assert (refused.status, refused.out) == (1, "")
    assert "--force" in refused.err
    assert target.read_bytes() == b"precious"
    assert command(*arguments, "--force").status == 0
    assert target.read_bytes()[:15] == b"SQLite format 3"


async def test_a_store_is_no_backup_of_itself(command: Command, tmp_path: Path) -> None:
    """A backup over its own store, over another store that is in use, and a restore from the store itself are refused."""
    await _filled(tmp_path / "palaver.db")
    for arguments in (["backup", "palaver.db"], ["restore", "palaver.db"]):
        refused = command(*arguments, "--force")
        assert (refused.status, "one file" in refused.err) == (1, True)
    other = SqliteStore(tmp_path / "other.db")
    await other.open()
    refused = command("backup", "other.db", "--force")
    assert (refused.status, "in use" in refused.err) == (1, True)
    await other.close()


async def test_a_store_that_is_open_is_not_replaced(command: Command, tmp_path: Path) -> None:
    """While another has the store open it is refused, and nothing changes; afterwards it is done and the old one is kept."""
    await _filled(tmp_path / "copied.db")
    command("backup", "copy.db", "--store", "copied.db")
    program = "import asyncio, sys\nfrom palaver.stores.sqlite import SqliteStore\nstore = SqliteStore('palaver.db')\n"
    program += "asyncio.run(store.open())\nprint('open', flush=True)\nsys.stdin.read()\n"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        before = _names(tmp_path)
        refused = command("restore", "copy.db", "--force")
        assert (refused.status, "stop it first" in refused.err) == (1, True)
        assert _names(tmp_path) == before
        holder.kill()
    done = command("restore", "copy.db", "--force", "--json").json
    assert (tmp_path / done["kept"]).exists()
    assert done["kept"].startswith("palaver.db.before-restore-")
    assert _names(tmp_path) == {"copied.db", "copy.db", "palaver.db", done["kept"]}, "and what was in its log is in it"


async def test_what_was_there_is_kept_with_its_log(tmp_path: Path) -> None:
    """The store that is replaced can be restored in its turn, with what a killed process had left in its log."""
    kept_id = await _filled(tmp_path / "a.db")
    other_id = await _filled(tmp_path / "other.db")
    back_up(tmp_path / "other.db", tmp_path / "copy.db", _unwatched)
    program = "import sqlite3, os\nc = sqlite3.connect('a.db', isolation_level=None)\n"
    program += "c.execute(\"INSERT INTO tenants VALUES ('late', 0)\")\nos._exit(9)\n"
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False)
    assert (tmp_path / "a.db-wal").stat().st_size > 0
    (tmp_path / "a.db").chmod(0o640)
    done = restore(tmp_path / "copy.db", tmp_path / "a.db", _unwatched, now=NOW, replace=True)
    assert done.kept == tmp_path / "a.db.before-restore-20260102T030405Z"
    assert stat.S_IMODE((tmp_path / "a.db").stat().st_mode) == 0o640
    assert await _conversation_in(tmp_path / "a.db", other_id) == ["Hello?", "Hello."]
    with closing(sqlite3.connect(done.kept)) as connection:
        assert connection.execute("SELECT count(*) FROM tenants WHERE id = 'late'").fetchone() == (1,)
    assert await _conversation_in(done.kept, kept_id) == ["Hello?", "Hello."]


async def test_a_damaged_store_is_replaced(tmp_path: Path) -> None:
    """A store that can't be read any more, or of which only the log is left, makes room and is kept as it is."""
    conversation_id = await _filled(tmp_path / "good.db")
    back_up(tmp_path / "good.db", tmp_path / "copy.db", _unwatched)
    damaged, lost = tmp_path / "damaged.db", tmp_path / "lost.db"
    damaged.write_bytes(b"\x00garbage" * 1000)
    for path in (damaged, lost):
        path.with_name(path.name + "-wal").write_bytes(b"old log")
        with pytest.raises(StoreRefused, match="--force"):
            restore(tmp_path / "copy.db", path, _unwatched, now=NOW)
        restore(tmp_path / "copy.db", path, _unwatched, now=NOW, replace=True)
        assert await _conversation_in(path, conversation_id) == ["Hello?", "Hello."]
    assert (tmp_path / "damaged.db.before-restore-20260102T030405Z").read_bytes() == b"\x00garbage" * 1000
    assert (tmp_path / "lost.db.before-restore-20260102T030405Z-wal").read_bytes() == b"old log"


async def test_what_is_no_backup_is_refused(command: Command, tmp_path: Path) -> None:
    """A file that is missing, a text, another program's, an empty one, a cut, a damaged or a newer one: a sentence, and nothing is left."""
    await _filled(tmp_path / "palaver.db", megabytes=1)
    command("backup", "good.db")
    whole = (tmp_path / "good.db").read_bytes()
    (tmp_path / "text.db").write_text("This is no database. " * 1000, encoding="utf-8")
    (tmp_path / "empty.db").touch()
    (tmp_path / "cut.db").write_bytes(whole[: len(whole) // 2])
    with closing(sqlite3.connect(tmp_path / "good.db")) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'messages'").fetchone()
    (tmp_path / "hole.db").write_bytes(whole[: 4096 * (page - 1)] + b"\xff" * 4096 + whole[4096 * page :])
    (tmp_path / "newer.db").write_bytes(whole)
    with closing(sqlite3.connect(tmp_path / "newer.db")) as connection:
        connection.execute("UPDATE schema_info SET min_compatible = ?", (NEWEST + 1,))
        connection.commit()
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as connection:
        connection.execute("CREATE TABLE tenants (x)")
    before = _names(tmp_path)
    for name, sentence in (
        ("missing.db", "not there"),
        ("text.db", "not a SQLite database"),
        ("empty.db", "no Palaver store"),
        ("cut.db", "damaged"),
        ("hole.db", "damaged"),
        ("newer.db", "upgrade"),
        ("foreign.db", "another program"),
    ):
        refused = command("restore", name, "--store", "new.db")
        assert (refused.status, refused.out) == (1, ""), name
        assert sentence in refused.err, name
        assert "Traceback" not in refused.err
    assert _names(tmp_path) == before


def test_other_engines_are_told_what_to_use(command: Command) -> None:
    """A backup of PostgreSQL, Redis or memory is refused with what to use instead, exit code 2, and no password is shown."""
    for store, sentence in (
        ("postgresql://me:hidden@host/db", "pg_dump"),
        ("redis://:hidden@host", "BGSAVE"),
        (":memory:", "name a file"),
    ):
        for arguments in (["backup", "b.db"], ["restore", "b.db"]):
            refused = command(*arguments, "--store", store)
            assert (refused.status, refused.out) == (2, "")
            assert sentence in refused.err
            assert "hidden" not in refused.err


DYING = """
import os, signal, sys
from contextlib import contextmanager
from palaver.cli import backup
from palaver.cli.main import run

@contextmanager
def dying(what):
    yield lambda done, total: os.kill(os.getpid(), signal.{how}) if done < total else None

backup.bar = dying
run(sys.argv[1:])
"""


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "SIGINT"])
@pytest.mark.parametrize(
    "arguments", [["backup", "new.db", "--store", "a.db"], ["restore", "a.db", "--store", "new.db"]]
)
async def test_a_copy_that_is_cut_has_no_name(tmp_path: Path, how: str, arguments: list[str]) -> None:
    """Killed in its middle, a backup or a restore leaves nothing under the target's name; a polite end leaves nothing at all."""
    await _filled(tmp_path / "a.db", megabytes=12)
    done = subprocess.run(
        [sys.executable, "-c", DYING.format(how=how), *arguments],
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert b"Traceback" not in done.stderr
    left = _names(tmp_path) - {"a.db"}
    assert "new.db" not in left
    if how == "SIGKILL":
        assert done.returncode == -signal.SIGKILL
        assert {name.partition(".db.")[0] for name in left if name.endswith(".partial")} == {".new"}
    else:
        assert left == set()


async def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """A backup for which there is no room says so, and leaves no file."""
    await _filled(tmp_path / "a.db", megabytes=3)
    done = subprocess.run(
        [Path(sys.executable).with_name("palaver"), "backup", "b.db", "--store", "a.db"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (MEGABYTE, MEGABYTE)),
    )
    assert done.returncode == 1
    assert done.stderr.startswith("palaver: ")
    assert "disk" in done.stderr or "room" in done.stderr
    assert _names(tmp_path) == {"a.db"}
