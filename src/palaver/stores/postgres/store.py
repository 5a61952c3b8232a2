"""The PostgreSQL store: opened, closed, asked how it is."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Collection
from functools import partial
from importlib.resources import files

from palaver.clock import Clock
from palaver.errors import StoreUnavailable
from palaver.stores.base import Feature
from palaver.stores.orders import StoreHealth
from palaver.stores.postgres.attachments import PostgresAttachments
from palaver.stores.postgres.bots import PostgresBots
from palaver.stores.postgres.chunks import PostgresChunks
from palaver.stores.postgres.connection import Database
from palaver.stores.postgres.conversations import PostgresConversations
from palaver.stores.postgres.documents import PostgresDocuments
from palaver.stores.postgres.entities import PostgresEntities
from palaver.stores.postgres.extensions import find_extensions
from palaver.stores.postgres.figures import PostgresFigures
from palaver.stores.postgres.health import health
from palaver.stores.postgres.ingestion import PostgresIngestion
from palaver.stores.postgres.messages import PostgresMessages
from palaver.stores.postgres.points import add_points, fill_points
from palaver.stores.postgres.pool import Pool
from palaver.stores.postgres.records import PostgresRecords
from palaver.stores.postgres.schema import PostgresSchema, prepare
from palaver.stores.postgres.session import Session
from palaver.stores.postgres.tenants import PostgresTenants
from palaver.stores.postgres.training import PostgresTraining
from palaver.stores.postgres.turns import PostgresTurns
from palaver.stores.postgres.vectors import PostgresVectors
from palaver.stores.queries import load_queries
from palaver.tenant import DEFAULT_TENANT

QUERIES = files("palaver.stores.postgres").joinpath("queries")
POOL_SIZE = 5
_ACQUIRE_SECONDS = 5.0
_SECRET_BYTES = 32
_FEATURES = frozenset({Feature.MESSAGE_SEARCH, Feature.CHUNK_SEARCH, Feature.WAKEUPS})
"""Of every database; with pgvector there is one more."""


class PostgresStore(
    PostgresTenants,
    PostgresBots,
    PostgresEntities,
    PostgresConversations,
    PostgresTurns,
    PostgresMessages,
    PostgresAttachments,
    PostgresDocuments,
    PostgresIngestion,
    PostgresChunks,
    PostgresVectors,
    PostgresTraining,
    PostgresFigures,
    PostgresRecords,
):
    """``stores.base.Store`` in one schema of a PostgreSQL database (13 or newer), for any number of processes.

    Args:
        url: ``postgresql://user:password@host:5432/database``, with libpq's own options and ``?schema=palaver``: where
            the tables are. Another schema is another store.
        clock: Where times and leases come from; the server's own clock when omitted.
        pool_size: How many connections this process opens at most, next to one for wake-ups.
        acquire_seconds: How long an operation waits for one of them.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock | None = None,
        pool_size: int = POOL_SIZE,
        acquire_seconds: float = _ACQUIRE_SECONDS,
    ) -> None:
        self._url = url
        self.features: frozenset[Feature] = _FEATURES
        database = Database.at(url)
        super().__init__(database, Pool(database, size=pool_size, acquire_seconds=acquire_seconds), clock)

    async def open(self) -> None:
        schema = await asyncio.to_thread(self._load)
        await prepare(schema)
        self._pool.open()
        self._line.open()
        try:
            await self._write(_furnish)
            await self._extend()
        except BaseException:
            await self.close()
            raise

    def _load(self) -> PostgresSchema:
        self._queries.update(load_queries(QUERIES, self._extensions.parts()))
        return PostgresSchema(self._url)

    async def _extend(self) -> None:
        """Use what the database has beyond PostgreSQL."""
        self._extensions = await self._read(find_extensions)
        self._queries.update(await asyncio.to_thread(load_queries, QUERIES, self._extensions.parts()))
        if self._extensions.vectors is not None:
            await self._write(add_points)
            while await self._write(fill_points):
                pass
            self.features |= {Feature.VECTOR_SEARCH}

    async def close(self) -> None:
        await self._line.close()
        await self._pool.close()

    def wakeups(self) -> AsyncGenerator[Collection[str], None]:
        return self._line.listen()

    async def secret(self) -> bytes:
        row = await self._read(lambda db: db.row("meta", key="secret"))
        if row is None:
            raise StoreUnavailable("The store is not open.")
        return bytes(row[0])

    async def health(self) -> StoreHealth:
        return await self._read(partial(health, extensions=self._extensions))

    async def size_bytes(self) -> int:
        row = await self._read(lambda db: db.row("size"))
        return int(row[0]) if row else 0


async def _furnish(db: Session) -> None:
    await db.run("insert_meta", key="secret", value=secrets.token_bytes(_SECRET_BYTES))
    await db.run("insert_tenant", id=DEFAULT_TENANT, now=db.now)
