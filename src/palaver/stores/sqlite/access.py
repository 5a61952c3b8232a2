"""What every group of a store's methods has: a way to write and a way to read."""

from __future__ import annotations

from typing import TypeVar

from palaver.clock import Clock
from palaver.stores.sqlite.connection import Database
from palaver.stores.sqlite.cutter import Cutters
from palaver.stores.sqlite.readers import Readers
from palaver.stores.sqlite.transaction import Operation
from palaver.stores.sqlite.writer import Writer

T = TypeVar("T")


class Access:
    """A writer, and readers where there is a file. A database in memory has one connection, so the writer reads, too."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._queries: dict[str, str] = {}  # read from their files when the store is opened, off the loop
        self._cutters = Cutters()
        self._writer = Writer(database, self._queries, clock)
        self._readers = None if database.in_memory else Readers(database, self._queries, clock)

    @property
    def _in_memory(self) -> bool:
        return self._readers is None

    async def _write(self, operation: Operation[T], *, cheap: bool = False) -> T:
        return await self._writer.write(operation, cheap=cheap)

    async def _read(self, operation: Operation[T], *, snapshot: bool = False) -> T:
        if self._readers is None:
            return await self._writer.write(operation, cheap=True)
        return await self._readers.read(operation, snapshot=snapshot)
