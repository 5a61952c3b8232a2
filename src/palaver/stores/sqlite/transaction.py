"""What an operation works with: named queries on one connection, inside one transaction, at one time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
Row = tuple[Any, ...]


class Transaction:
    """Runs named queries. ``now`` is the store's clock, in microseconds, when the operation began."""

    __slots__ = ("_execute", "connection", "now", "queries")

    def __init__(self, connection: sqlite3.Connection, queries: Mapping[str, str], now: int) -> None:
        self.connection = connection
        self.queries = queries
        self.now = now
        self._execute = connection.execute

    def row(self, query: str, **params: Any) -> Row | None:
        """Return the first row, if there is one."""
        found: Row | None = self._execute(self.queries[query], params).fetchone()
        return found

    def rows(self, query: str, **params: Any) -> list[Row]:
        """Return all rows."""
        return self._execute(self.queries[query], params).fetchall()

    def run(self, query: str, **params: Any) -> int:
        """Write, and return how many rows were changed."""
        return self._execute(self.queries[query], params).rowcount

    def insert(self, query: str, **params: Any) -> int:
        """Insert a row and return its integer key."""
        return self._execute(self.queries[query], params).lastrowid or 0

    def run_many(self, query: str, params: Iterable[Mapping[str, Any]]) -> None:
        """Write once for each set of parameters."""
        self.connection.executemany(self.queries[query], params)

    def select(self, sql: str, params: Mapping[str, Any]) -> list[Row]:
        """Return all rows of a query that was put together from constant pieces."""
        return self._execute(sql, params).fetchall()


Operation = Callable[[Transaction], T]
"""Reads or writes inside a transaction, and may be run again if that transaction is rolled back."""
