"""One server of each kind for a test process, started where a test asks for it; each test finds it empty.

A test that stops, kills or starves a server has one of its own: ``with PostgresServer() as server``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from palaver.stores.postgres.schema import PostgresSchema
from servers.postgres import PostgresServer, name_of, pgvector_programs
from servers.process import DatabaseServer
from servers.redis import RedisServer

STORES = ["sqlite", "postgres", "redis"]
SERVERS: list[type[DatabaseServer]] = [PostgresServer, RedisServer]


def _make_tables(url: str) -> None:
    with ThreadPoolExecutor(1) as beside:  # a test that is being awaited may be the first to ask for them
        beside.submit(asyncio.run, PostgresSchema(url).apply()).result()


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
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A PostgreSQL database without even the tables: what a store makes of it takes a second."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_tables(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a database that has the tables, and nothing in them: others are made like it."""
    with postgres_server.database() as url:
        _make_tables(url)
        yield name_of(url)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_tables: str) -> Iterator[str]:
    """A PostgreSQL database that has the tables, and nothing in them."""
    with postgres_server.database(like=postgres_tables) as url:
        yield url


@pytest.fixture(scope="session")
def shared_postgres(postgres_server: PostgresServer, postgres_tables: str) -> Iterator[str]:
    """A PostgreSQL database that many tests share."""
    with postgres_server.database(like=postgres_tables) as url:
        yield url


@pytest.fixture
def shared_postgres_url(postgres_server: PostgresServer, shared_postgres: str) -> str:
    """The same for a test that changes nothing of a database but what a store holds there."""
    postgres_server.empty(name_of(shared_postgres))
    return shared_postgres


@pytest.fixture(scope="session")
def pgvector_tables(pgvector_server: PostgresServer) -> Iterator[str]:
    """The name of a database that has pgvector and the tables, and nothing in them."""
    with pgvector_server.database() as url:
        pgvector_server.execute("CREATE EXTENSION vector", name_of(url))
        _make_tables(url)
        yield name_of(url)


@pytest.fixture
def pgvector_url(pgvector_server: PostgresServer, pgvector_tables: str) -> Iterator[str]:
    """A PostgreSQL database that has pgvector and the tables, and nothing in them."""
    with pgvector_server.database(like=pgvector_tables) as url:
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
