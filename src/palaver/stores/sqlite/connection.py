"""How a connection is opened: its pragmas, and a file that is not ours refused before anything in it is touched."""

from __future__ import annotations

import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path

from palaver.errors import StoreRefused
from palaver.stores.sqlite.driver_errors import code_of, translated

APPLICATION_ID = 0x50414C56  # "PALV"; written by the first migration
MEMORY = ":memory:"
_STATEMENTS_CACHED = 512
_MAPPED_BYTES = 256 * 1024 * 1024
_CACHE_KIB = 16 * 1024
_CHECKPOINT_PAGES = 4000  # 16 MB of log between checkpoints: fewer of them under load, still quick to recover


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Where the database is and how patient its connections are.

    ``busy_seconds`` is how long a write waits for another process; ``max_bytes`` caps the file.
    """

    path: str
    busy_seconds: float = 5.0
    max_bytes: int | None = None

    @property
    def in_memory(self) -> bool:
        """Whether there is one connection for everything, and nothing outlives it."""
        return self.path == MEMORY

    def connect(self) -> sqlite3.Connection:
        """Return a bare connection, usable from one thread at a time."""
        connection = sqlite3.connect(
            self.path,
            timeout=self.busy_seconds,
            isolation_level=None,
            cached_statements=_STATEMENTS_CACHED,
            check_same_thread=False,
        )
        connection.create_function("casefold", 1, _casefold, deterministic=True)
        return connection

    def connect_as_it_is(self) -> sqlite3.Connection:
        """Return a connection that only looks at a file that is there, and makes none.

        Raises:
            StoreRefused: The file is no SQLite database, or another program's.
        """
        uri = f"{Path(self.path).absolute().as_uri()}?mode=rw"  # with "ro" it would leave its -shm and -wal behind
        connection = sqlite3.connect(uri, uri=True, timeout=self.busy_seconds, isolation_level=None)
        connection.execute("PRAGMA query_only = ON")
        try:
            _refuse_foreign(connection, self.path)
        except BaseException:
            connection.close()
            raise
        return connection

    def connect_writer(self) -> sqlite3.Connection:
        """Return the connection that writes.

        Raises:
            StoreRefused: The file is no SQLite database, or another program's.
        """
        if not self.in_memory:
            Path(self.path).absolute().parent.mkdir(parents=True, exist_ok=True)
        connection = self.connect()
        try:
            _refuse_foreign(connection, self.path)
            _prepare_writer(connection, self)
        except BaseException:
            connection.close()
            raise
        return connection

    def connect_reader(self) -> sqlite3.Connection:
        """Return a connection that can't write."""
        connection = self.connect()
        for pragma in ("query_only = ON", f"mmap_size = {_MAPPED_BYTES}", f"cache_size = -{_CACHE_KIB}"):
            connection.execute(f"PRAGMA {pragma}")
        return connection


def _casefold(text: str | None) -> str | None:
    return None if text is None else text.casefold()


def _refuse_foreign(connection: sqlite3.Connection, path: str) -> None:
    try:
        connection.execute("BEGIN")  # both in one snapshot: another process may be making the tables right now
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (application_id,) = connection.execute("PRAGMA application_id").fetchone()
        connection.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        if code_of(error) != sqlite3.SQLITE_NOTADB:
            raise translated(error) from error
        raise StoreRefused(f"{path} is not a SQLite database: name another file, or move this one away.") from error
    if application_id != APPLICATION_ID and (application_id or tables):
        raise StoreRefused(f"{path} is another program's database: name another file, or a new one to be made.")


def _prepare_writer(connection: sqlite3.Connection, database: Database) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal" and not database.in_memory:
        raise StoreRefused(
            f"{database.path} is on a file system without shared memory: SQLite's WAL needs a local disk."
        )
    pragmas = [
        "foreign_keys = ON",
        "secure_delete = ON",
        f"mmap_size = {_MAPPED_BYTES}",
        f"cache_size = -{_CACHE_KIB}",
        f"wal_autocheckpoint = {_CHECKPOINT_PAGES}",
        "temp_store = MEMORY",
    ]
    if sys.platform == "darwin":
        pragmas += ["fullfsync = ON", "checkpoint_fullfsync = ON"]
    if database.max_bytes is not None:
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
        pragmas.append(f"max_page_count = {max(1, database.max_bytes // page_bytes)}")
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}").fetchall()
