"""One server of each kind for a test process, started where a test asks for it; each test finds it empty.

A test that stops, kills or starves a server has one of its own: ``with PostgresServer() as server``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from servers.postgres import PostgresServer
from servers.redis import RedisServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server that many tests share."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis server that many tests share."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[RedisServer]:
    """A Redis Cluster of one node that many tests share: a command across slots fails."""
    with RedisServer(cluster=True) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty PostgreSQL database."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """An empty Redis."""
    redis_server.execute("FLUSHALL")
    return redis_server.url()


@pytest.fixture
def redis_cluster_url(redis_cluster: RedisServer) -> str:
    """An empty Redis Cluster."""
    redis_cluster.execute("FLUSHALL")
    return redis_cluster.url()
