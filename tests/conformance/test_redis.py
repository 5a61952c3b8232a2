"""Redis and Redis Cluster keep the contract of ``stores/base.py``, but for the search."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from palaver.stores.redis import RedisStore
from palaver.testing import FakeClock, StoreConformance


class TestRedis(StoreConformance):
    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    async def store(self, redis_url: str, clock: FakeClock) -> AsyncIterator[RedisStore]:
        store = RedisStore(redis_url, clock=clock)
        await store.open()
        yield store
        await store.close()


class TestRedisCluster(TestRedis):
    @pytest.fixture
    async def store(self, redis_cluster_url: str, clock: FakeClock) -> AsyncIterator[RedisStore]:
        store = RedisStore(redis_cluster_url, clock=clock)
        await store.open()
        yield store
        await store.close()
