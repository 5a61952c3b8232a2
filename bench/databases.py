"""PostgreSQL and Redis, started for a section on free ports, at the durability that Palaver acknowledges with."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from bench.measure import cpu_seconds
from bench.peers.base import Peer
from palaver.stores.open import Engine
from servers.postgres import PostgresServer
from servers.process import DatabaseServer, family
from servers.redis import RedisServer

DURABILITY = "PostgreSQL with fsync and synchronous_commit on, Redis with appendfsync always, for everyone"
TITLES = {Engine.SQLITE: "SQLite", Engine.POSTGRES: "PostgreSQL", Engine.REDIS: "Redis"}
_REDIS_DATABASES = 256


@dataclass(slots=True)
class Databases:
    """One server of each kind; a section has its own."""

    postgres: PostgresServer
    redis: RedisServer
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextmanager
    def home(self, kind: type[Peer]) -> Iterator[str]:
        """An empty database for one of a kind."""
        if kind.engine is Engine.POSTGRES:
            with self.postgres.database() as url:
                yield url
        else:
            yield self.redis.url(next(self._numbers))

    def versions(self) -> str:
        """What they are, for a note."""
        postgres, redis = self.postgres.execute("SHOW server_version"), self.redis.execute("INFO", "server")
        return f"PostgreSQL {postgres.split()[0]}, Redis {redis['redis_version']}"

    def settle(self) -> None:
        """Do now what they would do by themselves, in the middle of somebody's turns."""
        for name in self.postgres.execute("SELECT datname FROM pg_database WHERE NOT datistemplate").split():
            self.postgres.execute("VACUUM ANALYZE", name)
        self.postgres.execute("CHECKPOINT")
        while self.redis.execute("INFO", "persistence")["aof_rewrite_in_progress"]:
            time.sleep(0.1)

    def server(self, kind: type[Peer]) -> DatabaseServer:
        """Where the homes of this kind are."""
        return self.postgres if kind.engine is Engine.POSTGRES else self.redis


@contextmanager
def databases(*, redis: Mapping[str, str] | None = None) -> Iterator[Databases]:
    """Start both, and end them again. ``redis`` are further settings of redis.conf."""
    settings = {"databases": str(_REDIS_DATABASES), **(redis or {})}
    with PostgresServer() as postgres, RedisServer(settings) as redis_server:
        yield Databases(postgres, redis_server)


def cpu_seconds_of(server: DatabaseServer) -> float:
    """The CPU time that a server and its children have used, those that have left included."""
    first, *children = family(server.pid)
    used = cpu_seconds(first, with_dead_children=True)
    for child in children:
        with suppress(FileNotFoundError, ProcessLookupError):  # it left just now
            used += cpu_seconds(child)
    return used
