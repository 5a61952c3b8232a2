"""The schema of a SQLite file: each migration is applied in one transaction together with the version it leads to.

One that was cut leaves nothing behind and is run again by the next open. ``schema_info`` says which version the file
has and the oldest one a program must know to use it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from importlib.resources import files

from palaver.stores.migrations import load_steps, plan_of
from palaver.stores.schema import SchemaStep

_INFO = "CREATE TABLE IF NOT EXISTS schema_info (version INTEGER NOT NULL, min_compatible INTEGER NOT NULL)"


def migrations() -> Sequence[SchemaStep]:
    """Return all steps that this program knows, in order."""
    return load_steps(files("palaver.stores.sqlite").joinpath("migrations"))


def statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


def migrate(connection: sqlite3.Connection, known: Sequence[SchemaStep]) -> int:
    """Bring the database to the newest version known here, and return the version it has.

    Raises:
        SchemaTooNew: A newer program wrote it, and says that this one can't use it.
    """
    while True:
        version, min_compatible = _version(connection)
        plan = plan_of(version, min_compatible, known)
        if not plan.missing:
            return version
        _apply(connection, plan.missing[0])


def _version(connection: sqlite3.Connection) -> tuple[int, int]:
    known = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'schema_info'").fetchone()
    row = connection.execute("SELECT version, min_compatible FROM schema_info").fetchone() if known[0] else None
    return (row[0], row[1]) if row else (0, 0)


def _apply(connection: sqlite3.Connection, step: SchemaStep) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        version, _ = _version(connection)  # another process may have been faster
        if version < step.version:
            connection.execute(_INFO)
            for statement in statements(step.script):
                connection.execute(statement)
            connection.execute("DELETE FROM schema_info")
            connection.execute("INSERT INTO schema_info VALUES (?, ?)", (step.version, step.min_compatible))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
