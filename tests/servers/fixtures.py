"""One server of each kind for a test process, started where a test asks for it; each test finds it empty.

A test that stops, kills or starves a server has one of its own: ``with PostgresServer() as server``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from palaver.stores.postgres import PostgresStore
from palaver.testing import FakeClock
from servers.postgres import PostgresServer, pgvector_programs
from servers.process import DatabaseServer
from servers.redis import RedisServer

STORES = ["sqlite", "postgres", "redis"]
SERVERS: list[type[DatabaseServer]] = [PostgresServer, RedisServer]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server that many tests share."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def pgvector_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server with pgvector that many tests share."""
    with PostgresServer(programs=pgvector_programs()) as server:
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


@pytest.fixture(scope="session")
def postgres_tables(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a database that a store has opened: one that is made like it needs no migration, which takes a second."""
    with postgres_server.database() as url:
        asyncio.run(_opened(url))
        yield url.rpartition("/")[2]


async def _opened(url: str) -> None:
    store = PostgresStore(url, clock=FakeClock())
    await store.open()
    await store.close()


@pytest.fixture
def postgres_tables_url(postgres_server: PostgresServer, postgres_tables: str) -> Iterator[str]:
    """A PostgreSQL database that has the tables, and nothing in them."""
    with postgres_server.database(like=postgres_tables) as url:
        yield url


@pytest.fixture
def pgvector_url(pgvector_server: PostgresServer) -> Iterator[str]:
    """An empty PostgreSQL database that has pgvector."""
    with pgvector_server.database() as url:
        pgvector_server.execute("CREATE EXTENSION vector", url.rpartition("/")[2])
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


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'chat.db'}"
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def store_folder(request: pytest.FixtureRequest, store_url: str, tmp_path: Path) -> Path:
    """Where the bytes of the store at ``store_url`` are."""
    kind = store_url.partition(":")[0]
    if kind == "sqlite":
        return tmp_path
    server: DatabaseServer = request.getfixturevalue({"postgresql": "postgres", "redis": "redis"}[kind] + "_server")
    return server.folder
