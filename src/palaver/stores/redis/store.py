"""The Redis store: opened, closed, asked how it is."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Collection

from palaver.clock import Clock
from palaver.errors import StoreUnavailable
from palaver.stores.base import Feature
from palaver.stores.orders import StoreHealth
from palaver.stores.redis.attachments import RedisAttachments
from palaver.stores.redis.chunks import RedisChunks
from palaver.stores.redis.conversations import RedisConversations
from palaver.stores.redis.documents import RedisDocuments
from palaver.stores.redis.driver_errors import DRIVER_ERRORS, translated
from palaver.stores.redis.embeddings import RedisEmbeddings
from palaver.stores.redis.entities import RedisEntities
from palaver.stores.redis.figures import RedisFigures
from palaver.stores.redis.health import health, size_of
from palaver.stores.redis.ingestion import RedisIngestion
from palaver.stores.redis.messages import RedisMessages
from palaver.stores.redis.purge import RedisPurge
from palaver.stores.redis.records import RedisRecords
from palaver.stores.redis.schema import RedisSchema, prepare
from palaver.stores.redis.server import Address, Server, read_scripts
from palaver.stores.redis.session import Session
from palaver.stores.redis.tenants import RedisTenants, ensure_tenant
from palaver.stores.redis.training import RedisTraining
from palaver.stores.redis.turns import RedisTurns
from palaver.tenant import DEFAULT_TENANT

_SECRET = "secret"  # noqa: S105 - the name of a key
_SECRET_BYTES = 32


class RedisStore(
    RedisTenants,
    RedisEntities,
    RedisConversations,
    RedisTurns,
    RedisMessages,
    RedisAttachments,
    RedisDocuments,
    RedisIngestion,
    RedisChunks,
    RedisEmbeddings,
    RedisTraining,
    RedisFigures,
    RedisPurge,
    RedisRecords,
):
    """``stores.base.Store`` in a Redis (6.2 or newer) or a Redis Cluster, for any number of processes.

    It searches neither messages nor chunks. Deltas are as safe as everything else: Redis has one setting for all writes.

    Args:
        url: ``redis://user:password@host:6379/0`` (``rediss://`` for TLS), with ``?prefix=palaver:``: what all keys begin
            with. Another prefix is another store.
        clock: Where times and leases come from; the server's own clock when omitted.
    """

    features: frozenset[Feature] = frozenset({Feature.WAKEUPS})

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        self._url = url
        super().__init__(Server(Address.of(url)), clock)

    async def open(self) -> None:
        await self._server.open(await asyncio.to_thread(read_scripts))
        self._line.open()
        try:
            await self._begin()
        except BaseException:
            await self.close()
            raise

    async def _begin(self) -> None:
        try:
            await prepare(RedisSchema(self._url), self._server)
            await self._run(_furnish)
        except DRIVER_ERRORS as error:
            raise translated(error) from error

    async def close(self) -> None:
        await self._line.close()
        await self._server.close()

    def wakeups(self) -> AsyncGenerator[Collection[str], None]:
        return self._line.listen()

    async def secret(self) -> bytes:
        (kept,) = await self._run(lambda db: db.ask(("GET", db.keys.named(_SECRET))))
        if kept is None:
            raise StoreUnavailable("The store is not open.")
        return bytes(kept)

    async def health(self) -> StoreHealth:
        try:
            return await health(self._server)
        except DRIVER_ERRORS as error:
            raise translated(error) from error

    async def size_bytes(self) -> int:
        try:
            return await size_of(self._server)
        except DRIVER_ERRORS as error:
            raise translated(error) from error


async def _furnish(db: Session) -> None:
    await db.ask(("SETNX", db.keys.named(_SECRET), secrets.token_bytes(_SECRET_BYTES)))
    await ensure_tenant(db, DEFAULT_TENANT)
