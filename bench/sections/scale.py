"""What a turn of ours takes of a database server: bytes kept, bytes written, CPU time, connections."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.databases import TITLES, Databases, cpu_seconds_of, databases
from bench.peers.ours import Ours, OursOnPostgres, OursOnRedis
from bench.tables import Table
from bench.worker import Talked, Worker
from palaver.stores.base import Store
from palaver.stores.open import Engine, store_for
from servers.postgres import PostgresServer
from servers.redis import RedisServer

CONVERSATIONS = 64
SECONDS = {"quick": 1.0, "default": 10.0, "full": 60.0}
_SETTLING_SECONDS = 1.0
_LOGS_AT_ONCE = 500
_MESSAGES_A_TURN = 2
_MANY = 1_000_000_000


class Scales(Protocol):
    """Weighs a home on a server."""

    def kept(self) -> Mapping[str, int]:
        """The bytes of each thing that it keeps, tidied up."""
        ...

    def untidy(self) -> int:
        """The bytes that all of it takes, as it lies."""
        ...

    def written(self) -> int:
        """The bytes that it has written ahead so far."""
        ...

    def connections(self) -> int:
        """How many connections it has, but for ours."""
        ...


@dataclass(frozen=True, slots=True)
class PostgresScales:
    """Tables with their TOAST, and indexes; the write-ahead log of the whole server."""

    server: PostgresServer
    database: str

    def kept(self) -> Mapping[str, int]:
        self.server.execute("VACUUM FULL", self.database)
        size = "relname, pg_table_size(oid), pg_indexes_size(oid)"
        rows = self.server.execute(
            f"SELECT {size} FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text !~ '^(pg_|info)'",
            self.database,
        )
        kept = {}
        for name, table, indexes in (row.split("|") for row in rows.splitlines()):
            kept |= {f"{name}, rows": int(table), f"{name}, indexes": int(indexes)}
        return kept

    def untidy(self) -> int:
        return int(self.server.execute(f"SELECT pg_database_size('{self.database}')"))

    def written(self) -> int:
        return int(self.server.execute("SELECT pg_current_wal_insert_lsn() - '0/0'"))

    def connections(self) -> int:
        return int(self.server.execute(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{self.database}'"))


@dataclass(frozen=True, slots=True)
class RedisScales:
    """Memory, with what the allocator adds; the append-only file, which is not rewritten meanwhile."""

    server: RedisServer

    def kept(self) -> Mapping[str, int]:
        return {"memory": self._number("memory", "used_memory")}

    def untidy(self) -> int:
        return self.kept()["memory"]

    def written(self) -> int:
        return self._number("persistence", "aof_current_size")

    def connections(self) -> int:
        return self._number("clients", "connected_clients") - 1

    def _number(self, section: str, name: str) -> int:
        return int(self.server.execute("INFO", section)[name])


@dataclass(frozen=True, slots=True)
class Weighed:
    """What some turns took. ``kept`` is after their logs have gone, ``logged`` what the logs took until then."""

    talked: Talked
    kept: Mapping[str, float]
    logged: float
    untidy: float
    written: float
    database_cpu: float
    connections: int

    def rows(self) -> Mapping[str, str]:
        """The figures by their names."""
        talked, for_good = self.talked, sum(self.kept.values())
        cpu = talked.cpu / talked.turns
        return {
            "turns/s of one process": f"{talked.turns / talked.seconds:,.0f}",
            "CPU of the process, ms a turn": f"{cpu * 1000:.2f}",
            "turns/s a core of ours": f"{1 / cpu:,.0f}",
            "CPU of the database, ms a turn": f"{self.database_cpu * 1000:.2f}",
            "kept for good, bytes a turn": f"{for_good:,.0f}",
            "and for the day of its log": f"{self.logged:,.0f}",
            "both as they lay, before they were tidied up": f"{self.untidy:,.0f}",
            "written ahead, bytes a turn": f"{self.written:,.0f}",
            f"{_MANY:,} messages, GB": f"{for_good * _MANY / _MESSAGES_A_TURN / 1e9:,.0f}",
            "connections of a process": str(self.connections),
        }


async def _forget_logs(home: str) -> None:
    store: Store = store_for(home)
    await store.open()
    while await store.expire_logs(older_than_seconds=0, limit=_LOGS_AT_ONCE):
        pass
    await store.close()


def _a_turn(before: Mapping[str, int], after: Mapping[str, int], turns: int) -> dict[str, float]:
    return {name: (size - before.get(name, 0)) / turns for name, size in after.items()}


async def _weighed(kind: type[Ours], servers: Databases, seconds: float) -> Weighed:
    with ExitStack() as stack:
        home = stack.enter_context(servers.home(kind))
        scales = _scales(kind, servers, home)
        worker = stack.enter_context(Worker(kind, home, CONVERSATIONS))
        worker.begin(_SETTLING_SECONDS)
        worker.end()
        await _forget_logs(home)
        before, untidy = scales.kept(), scales.untidy()
        written, cpu = scales.written(), cpu_seconds_of(servers.server(kind))
        worker.begin(seconds)
        await asyncio.sleep(seconds / 2)
        connections = scales.connections()
        talked = worker.end()
        written, cpu = scales.written() - written, cpu_seconds_of(servers.server(kind)) - cpu
        untidy = scales.untidy() - untidy
        with_logs = _a_turn(before, scales.kept(), talked.turns)
        await _forget_logs(home)
        kept = _a_turn(before, scales.kept(), talked.turns)
    return Weighed(
        talked=talked,
        kept=kept,
        logged=sum(with_logs.values()) - sum(kept.values()),
        untidy=untidy / talked.turns,
        written=written / talked.turns,
        database_cpu=cpu / talked.turns,
        connections=connections,
    )


def _scales(kind: type[Ours], servers: Databases, home: str) -> Scales:
    if kind.engine is Engine.POSTGRES:
        return PostgresScales(servers.postgres, home.rpartition("/")[2])
    return RedisScales(servers.redis)


async def measure(_folder: Path, *, scale: str) -> list[Table]:
    """Let one process talk in 64 conversations; weigh the database before and after."""
    found = {}
    with databases(redis={"auto-aof-rewrite-percentage": "0"}) as servers:
        for kind in (OursOnPostgres, OursOnRedis):
            found[TITLES[kind.engine]] = await _weighed(kind, servers, SECONDS[scale])
    figures = {title: weighed.rows() for title, weighed in found.items()}
    names = next(iter(figures.values()))
    largest = sorted(found["PostgreSQL"].kept.items(), key=lambda item: -item[1])
    return [
        Table(
            title="What a turn takes of a database",
            columns=("", *figures),
            rows=[(name, *[rows[name] for rows in figures.values()]) for name in names],
            note=f"A turn is two 500-byte messages; {CONVERSATIONS} conversations at once for {SECONDS[scale]:g} s. PostgreSQL "
            "after VACUUM FULL, its write-ahead log with the full pages after a checkpoint; Redis: used_memory, the file before a rewrite.",
        ),
        Table(
            title="Where PostgreSQL keeps it",
            columns=("", "bytes a turn"),
            rows=[(name, f"{size:,.0f}") for name, size in largest if size >= 1],
        ),
    ]
