"""The schema of a SQLite file: each migration is applied in one transaction together with the version it leads to.

One that was cut leaves nothing behind and is run again by the next open. ``schema_info`` says which version the file
has and the oldest one a program must know to use it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from importlib.resources import files
from pathlib import Path

from palaver.errors import StoreRefused
from palaver.stores.migrations import load_steps, plan_of
from palaver.stores.schema import SchemaPlan, SchemaStep
from palaver.stores.sqlite.connection import Database
from palaver.stores.sqlite.driver_errors import translated

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


class SqliteSchema:
    """``stores.schema.Schema`` of a file. ``known`` are the steps to bring it to: this program's when omitted."""

    def __init__(self, path: str | Path, known: Sequence[SchemaStep] | None = None) -> None:
        self._database = Database(path=str(path))
        self._known = migrations() if known is None else known

    async def plan(self) -> SchemaPlan:
        return await asyncio.to_thread(self._plan)

    async def apply(self, taken: Callable[[SchemaStep], None] | None = None) -> SchemaPlan:
        return await asyncio.to_thread(self._apply, taken)

    def _plan(self) -> SchemaPlan:
        self._refuse_memory()
        if not Path(self._database.path).exists():
            return plan_of(0, 0, self._known)
        try:
            with closing(self._database.connect_as_it_is()) as connection:
                return plan_of(*version_of(connection), self._known)
        except sqlite3.Error as error:
            raise translated(error) from error

    def _apply(self, taken: Callable[[SchemaStep], None] | None) -> SchemaPlan:
        self._refuse_memory()
        try:
            with closing(self._database.connect_writer()) as connection:
                migrate(connection, self._known, taken)
                return plan_of(*version_of(connection), self._known)
        except sqlite3.Error as error:
            raise translated(error) from error

    def _refuse_memory(self) -> None:
        if self._database.in_memory:
            raise StoreRefused("A store in memory has no schema that could be migrated: name a file.")


def migrate(
    connection: sqlite3.Connection,
    known: Sequence[SchemaStep],
    taken: Callable[[SchemaStep], None] | None = None,
) -> int:
    """Bring the database to the newest version known here, and return the version it has; ``taken`` is told of each step.

    Raises:
        SchemaTooNew: A newer program wrote it, and says that this one can't use it.
    """
    while True:
        version, min_compatible = version_of(connection)
        plan = plan_of(version, min_compatible, known)
        if not plan.missing:
            return version
        _take(connection, plan.missing[0])
        if taken is not None:
            taken(plan.missing[0])


def version_of(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return the version of the database and its ``min_compatible``; 0 and 0 when it is empty."""
    known = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'schema_info'").fetchone()
    row = connection.execute("SELECT version, min_compatible FROM schema_info").fetchone() if known[0] else None
    return (row[0], row[1]) if row else (0, 0)


def _take(connection: sqlite3.Connection, step: SchemaStep) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        version, _ = version_of(connection)  # another process may have been faster
        if version < step.version:
            connection.execute(_INFO)
            for statement in statements(step.script):
                connection.execute(statement)
            connection.execute("DELETE FROM schema_info")
            connection.execute(
                "INSERT INTO schema_info (version, min_compatible) VALUES (?, ?)", (step.version, step.min_compatible)
            )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
