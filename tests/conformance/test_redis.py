"""Redis, alone and as a cluster, keeps the contract of ``stores/base.py``, but for the features that it declares absent."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from palaver.stores.redis import RedisStore
from palaver.testing import FakeClock, StoreConformance


@pytest.mark.parametrize("address", ["redis_url", "redis_cluster_url"], scope="class")
class TestRedis(StoreConformance):
    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    async def store(self, address: str, request: pytest.FixtureRequest, clock: FakeClock) -> AsyncIterator[RedisStore]:
        store = RedisStore(request.getfixturevalue(address), clock=clock)
        await store.open()
        yield store
        await store.close()
