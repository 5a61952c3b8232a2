"""What an operation works with: named queries on one connection, at one time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from palaver.stores.postgres.connection import Connection
from palaver.stores.postgres.statements import statement_of

T = TypeVar("T")
Row = Sequence[Any]


class Outrun(Exception):
    """A write found that what it was decided upon has changed. Nothing was written."""


class Session:
    """Runs named queries. ``now`` is the store's clock, in microseconds, when the operation began.

    ``is_locked`` says that it is a transaction. Who changes turns that others may be reading names them in ``news``: they
    are told after the commit.
    """

    __slots__ = ("_connection", "is_locked", "news", "now", "queries")

    def __init__(
        self, connection: Connection, queries: Mapping[str, str], now: int, *, is_locked: bool = False
    ) -> None:
        self._connection = connection
        self.is_locked = is_locked
        self.queries = queries
        self.now = now
        self.news: set[str] = set()

    def require_lock(self) -> None:
        """Go on only inside a transaction that has locked what this is about; else begin again in one."""
        if not self.is_locked:
            raise Outrun

    async def row(self, query: str, **params: Any) -> Row | None:
        """Return the first row, if there is one."""
        statement = statement_of(self.queries[query])
        found: Row | None = await self._connection.fetchrow(statement.sql, *statement.arguments(params))
        return found

    async def rows(self, query: str, **params: Any) -> Sequence[Row]:
        """Return all rows."""
        return await self.select(self.queries[query], params)

    async def run(self, query: str, **params: Any) -> int:
        """Write, and return how many rows were changed."""
        statement = statement_of(self.queries[query])
        status = await self._connection.execute(statement.sql, *statement.arguments(params))
        return int(status.rpartition(" ")[2])

    async def run_many(self, query: str, params: Iterable[Mapping[str, Any]]) -> None:
        """Write once for each set of parameters, in one go."""
        statement = statement_of(self.queries[query])
        await self._connection.executemany(statement.sql, [statement.arguments(each) for each in params])

    async def select(self, sql: str, params: Mapping[str, Any]) -> Sequence[Row]:
        """Return all rows of a query that was put together from constant pieces."""
        statement = statement_of(sql)
        found: Sequence[Row] = await self._connection.fetch(statement.sql, *statement.arguments(params))
        return found


Operation = Callable[[Session], Awaitable[T]]
"""Reads or writes, and may be run again when nothing of it was written."""
