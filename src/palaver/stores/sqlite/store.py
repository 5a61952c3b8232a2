"""The SQLite store: opened, closed, asked how it is."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import AsyncGenerator, Collection
from functools import partial
from importlib.resources import files
from pathlib import Path

from palaver.clock import Clock, SystemClock
from palaver.errors import FeatureAbsent, StoreUnavailable
from palaver.stores.base import Feature
from palaver.stores.orders import StoreHealth
from palaver.stores.queries import load_queries
from palaver.stores.sqlite.attachments import SqliteAttachments
from palaver.stores.sqlite.bots import SqliteBots
from palaver.stores.sqlite.chunks import SqliteChunks
from palaver.stores.sqlite.connection import Database
from palaver.stores.sqlite.conversations import SqliteConversations
from palaver.stores.sqlite.documents import SqliteDocuments
from palaver.stores.sqlite.driver_errors import translated
from palaver.stores.sqlite.entities import SqliteEntities
from palaver.stores.sqlite.figures import SqliteFigures
from palaver.stores.sqlite.health import health_of, size_of
from palaver.stores.sqlite.ingestions import SqliteIngestions
from palaver.stores.sqlite.messages import SqliteMessages
from palaver.stores.sqlite.records import SqliteRecords
from palaver.stores.sqlite.schema import migrate, migrations
from palaver.stores.sqlite.tenants import SqliteTenants
from palaver.stores.sqlite.training import SqliteTraining
from palaver.stores.sqlite.transaction import Transaction
from palaver.stores.sqlite.turns import SqliteTurns
from palaver.tenant import DEFAULT_TENANT

QUERIES = files("palaver.stores.sqlite").joinpath("queries")
_SECRET_BYTES = 32


class SqliteStore(
    SqliteTenants,
    SqliteBots,
    SqliteEntities,
    SqliteConversations,
    SqliteTurns,
    SqliteMessages,
    SqliteAttachments,
    SqliteDocuments,
    SqliteIngestions,
    SqliteChunks,
    SqliteTraining,
    SqliteFigures,
    SqliteRecords,
):
    """``stores.base.Store`` in one file, or in memory with the path ``:memory:``.

    Args:
        path: The file; it is made, with its folders, if it is not there. Several processes may open one file.
        clock: Where times and leases come from.
        busy_seconds: How long a write waits for another process that writes.
        max_bytes: How large the file may become before writes raise ``StoreFull``.
    """

    features: frozenset[Feature] = frozenset({Feature.MESSAGE_SEARCH, Feature.CHUNK_SEARCH})

    def __init__(
        self,
        path: str | Path,
        *,
        clock: Clock | None = None,
        busy_seconds: float = 5.0,
        max_bytes: int | None = None,
    ) -> None:
        database = Database(path=str(path), busy_seconds=busy_seconds, max_bytes=max_bytes)
        super().__init__(database, clock or SystemClock())

    async def open(self) -> None:
        connection = await asyncio.to_thread(self._open_file)
        self._writer.start(connection)
        if self._readers is not None:
            self._readers.start()
        try:
            await self._write(_furnish)
        except BaseException:
            await self.close()
            raise

    def _open_file(self) -> sqlite3.Connection:
        self._queries.update(load_queries(QUERIES))
        try:
            connection = self._database.connect_writer()
        except sqlite3.Error as error:
            raise translated(error) from error
        try:
            migrate(connection, migrations())
        except sqlite3.Error as error:
            connection.close()
            raise translated(error) from error
        except BaseException:
            connection.close()
            raise
        return connection

    async def close(self) -> None:
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        if self._readers is not None:
            self._readers.stop()
        self._writer.stop()
        self._cutters.close()

    def wakeups(self) -> AsyncGenerator[Collection[str], None]:
        raise FeatureAbsent("A SQLite file wakes nobody: readers in other processes look at it again and again.")

    async def secret(self) -> bytes:
        row = await self._read(lambda tx: tx.row("meta", key="secret"))
        if row is None:
            raise StoreUnavailable("The store is not open.")
        return bytes(row[0])

    async def health(self) -> StoreHealth:
        return await self._read(partial(health_of, database=self._database))

    async def size_bytes(self) -> int:
        return await self._read(size_of)


def _furnish(tx: Transaction) -> None:
    tx.run("insert_meta", key="secret", value=secrets.token_bytes(_SECRET_BYTES))
    tx.run("insert_tenant", id=DEFAULT_TENANT, now=tx.now)
