"""The Redis store: opened, closed, asked how it is."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Collection
from functools import partial

from palaver.clock import Clock
from palaver.errors import StoreUnavailable
from palaver.stores.base import Feature
from palaver.stores.orders import StoreHealth
from palaver.stores.redis.attachments import RedisAttachments
from palaver.stores.redis.bots import RedisBots
from palaver.stores.redis.connection import Place
from palaver.stores.redis.conversations import RedisConversations
from palaver.stores.redis.entities import RedisEntities
from palaver.stores.redis.health import health
from palaver.stores.redis.messages import RedisMessages
from palaver.stores.redis.purge import RedisPurge
from palaver.stores.redis.records import RedisRecords
from palaver.stores.redis.schema import RedisSchema, prepare
from palaver.stores.redis.tenants import RedisTenants, ensure_tenant
from palaver.stores.redis.turns import RedisTurns
from palaver.tenant import DEFAULT_TENANT

_SECRET_BYTES = 32


class RedisStore(
    RedisTenants,
    RedisBots,
    RedisEntities,
    RedisConversations,
    RedisTurns,
    RedisMessages,
    RedisPurge,
    RedisAttachments,
    RedisRecords,
):
    """``stores.base.Store`` under one prefix of a Redis server (6.2 or newer) or Redis Cluster, for any number of processes.

    It does not search messages. Everything of one conversation lies in one slot.

    Args:
        url: ``redis://user:password@host:6379/0``, or ``rediss://``, with ``?prefix=palaver:``: what all keys begin
            with. Another prefix is another store. ``cluster=true`` takes the server for a cluster without asking it.
        clock: Where times and leases come from; the server's own clock when omitted.
    """

    features: frozenset[Feature] = frozenset({Feature.WAKEUPS})

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        self._url = url
        super().__init__(Place.at(url), clock)

    async def open(self) -> None:
        await prepare(RedisSchema(self._url))
        await self._wire.open()
        self._line.open()
        try:
            await self._wire.put([("SET", self._keys.all("secret"), secrets.token_bytes(_SECRET_BYTES), "NX")])
            await self._write(partial(ensure_tenant, tenant_id=DEFAULT_TENANT), "tenants")
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        await self._line.close()
        await self._wire.close()

    def wakeups(self) -> AsyncGenerator[Collection[str], None]:
        return self._line.listen()

    async def secret(self) -> bytes:
        secret = (await self._wire.ask([("GET", self._keys.all("secret"))]))[0]
        if secret is None:
            raise StoreUnavailable("The store has lost its secret.")
        return bytes(secret)

    async def health(self) -> StoreHealth:
        return await health(self._wire, self._keys)
