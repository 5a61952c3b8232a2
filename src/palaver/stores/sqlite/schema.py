"""Migrations: numbered ``.sql`` files, each applied in one transaction together with the version it leads to.

One that was cut leaves nothing behind and is run again by the next open. ``schema_info`` says which version the file
has and the oldest one a program must know to use it: a file's first line is ``-- min_compatible: N``.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from palaver.errors import SchemaTooNew

_MIN_COMPATIBLE = re.compile(r"-- min_compatible: (\d+)\n")
_INFO = "CREATE TABLE IF NOT EXISTS schema_info (version INTEGER NOT NULL, min_compatible INTEGER NOT NULL)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step of the schema."""

    version: int
    min_compatible: int
    script: str

    def statements(self) -> Iterator[str]:
        """The statements of the script, one by one."""
        pending = ""
        for line in self.script.splitlines(keepends=True):
            pending += line
            if sqlite3.complete_statement(pending):
                yield pending
                pending = ""


def migrations() -> Sequence[Migration]:
    """Return all steps that this program knows, in order."""
    folder = files("palaver.stores.sqlite").joinpath("migrations")
    scripts = sorted((file.name, file.read_text(encoding="utf-8")) for file in folder.iterdir() if file.is_file())
    return tuple(
        Migration(version=int(name[:4]), min_compatible=_min_compatible(name, script), script=script)
        for name, script in scripts
        if name.endswith(".sql")
    )


def _min_compatible(name: str, script: str) -> int:
    match = _MIN_COMPATIBLE.match(script)
    if match is None:
        raise ValueError(f"{name} does not begin with its min_compatible")
    return int(match[1])


def migrate(connection: sqlite3.Connection, known: Sequence[Migration]) -> int:
    """Bring the database to the newest version known here, and return the version it has.

    Raises:
        SchemaTooNew: A newer program wrote it, and says that this one can't use it.
    """
    while True:
        version, min_compatible = _version(connection)
        newest = known[-1].version
        if min_compatible > newest:
            raise SchemaTooNew(
                f"This database needs a Palaver that knows schema {min_compatible}; this one knows {newest}: upgrade it."
            )
        missing = [step for step in known if step.version > version]
        if not missing:
            return version
        _apply(connection, missing[0])


def _version(connection: sqlite3.Connection) -> tuple[int, int]:
    known = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'schema_info'").fetchone()
    row = connection.execute("SELECT version, min_compatible FROM schema_info").fetchone() if known[0] else None
    return (row[0], row[1]) if row else (0, 0)


def _apply(connection: sqlite3.Connection, step: Migration) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        version, _ = _version(connection)  # another process may have been faster
        if version < step.version:
            connection.execute(_INFO)
            for statement in step.statements():
                connection.execute(statement)
            connection.execute("DELETE FROM schema_info")
            connection.execute("INSERT INTO schema_info VALUES (?, ?)", (step.version, step.min_compatible))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
