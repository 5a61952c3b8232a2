"""One and two processes on one database: do they add up?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path

from bench.databases import TITLES, Databases, cpu_seconds_of, databases
from bench.peers.base import Peer
from bench.peers.ours import OursOnPostgres, OursOnRedis
from bench.peers.raw_servers import RawPostgres, RawRedis
from bench.tables import Goal, Table
from bench.throttle import held_to
from bench.worker import Worker
from servers.process import DatabaseServer

CONVERSATIONS = 64
SECONDS = {"quick": 0.5, "default": 3.0, "full": 10.0}
KINDS: Sequence[type[Peer]] = (RawPostgres, OursOnPostgres, RawRedis, OursOnRedis)
_SHARE = 0.3
_PASSES = 2


@dataclass(frozen=True, slots=True)
class _Load:
    """Turns a second, and how many cores the workers and the database were busy with."""

    rate: float
    workers: float
    database: float

    @property
    def cpu_seconds(self) -> float:
        """What a turn takes of both."""
        return (self.workers + self.database) / self.rate


def _loaded(workers: Sequence[Worker], server: DatabaseServer, seconds: float, share: float | None) -> _Load:
    cpu, begun = cpu_seconds_of(server), time.perf_counter()
    with held_to(share, [worker.pid for worker in workers]) if share else nullcontext():
        for worker in workers:
            worker.begin(seconds)
        talked = [worker.end() for worker in workers]
    elapsed = time.perf_counter() - begun
    return _Load(
        rate=sum(each.turns / each.seconds for each in talked),
        workers=sum(each.cpu / each.seconds for each in talked),
        database=(cpu_seconds_of(server) - cpu) / elapsed,
    )


def _best(workers: Sequence[Worker], server: DatabaseServer, seconds: float, share: float | None) -> list[_Load]:
    """The better of some passes with one process, and with all; they take turns."""
    counts = (1, len(workers))
    passes = [[_loaded(workers[:count], server, seconds, share) for count in counts] for _ in range(_PASSES)]
    return [max(loads, key=lambda load: load.rate) for loads in zip(*passes, strict=True)]


def _rows(name: str, loads: Sequence[_Load]) -> list[Sequence[str]]:
    return [
        (
            name,
            str(count),
            f"{load.rate:,.0f}",
            f"{load.rate / loads[0].rate:.2f}",
            f"{load.workers:.2f}",
            f"{load.database:.2f}",
            f"{load.cpu_seconds * 1000:.2f}",
        )
        for count, load in enumerate(loads, 1)
    ]


def _measured(kind: type[Peer], servers: Databases, seconds: float) -> tuple[list[_Load], list[_Load]]:
    with ExitStack() as stack:
        home = stack.enter_context(servers.home(kind))
        workers = [stack.enter_context(Worker(kind, home, CONVERSATIONS)) for _ in range(2)]
        server = servers.server(kind)
        _loaded(workers, server, 0.5, None)
        return _best(workers, server, seconds, None), _best(workers, server, seconds, _SHARE)


async def measure(_folder: Path, *, scale: str) -> list[Table]:
    """Count the turns a second of one and of two, free and held back, and what CPU time they take."""
    rows: list[Sequence[str]] = []
    goals = []
    with databases() as servers:
        for kind in KINDS:
            free, held = _measured(kind, servers, SECONDS[scale])
            rows += [*_rows(kind.name, free), *_rows(f"{kind.name}, held to {_SHARE:.0%} of a core", held)]
            if kind in (OursOnPostgres, OursOnRedis):
                text = f"two held processes on {TITLES[kind.engine]}, × the turns/s of one"
                goals.append(Goal(text=text, measured=held[1].rate / held[0].rate, limit=1.7, at_least=True))
    table = Table(
        title=f"One and two processes on one database, {CONVERSATIONS} conversations at once in each",
        columns=("", "processes", "turns/s", "× one", "their cores", "the database's", "CPU ms a turn, of both"),
        rows=rows,
        note=f"{SECONDS[scale]:g} s each, the better of {_PASSES} passes. The database runs on the same cores: two processes "
        f"that take all they can get have no room here. Held to {_SHARE:.0%}, they leave it some: each is stopped for the "
        "rest of every 10 ms.",
        goals=goals,
    )
    return [table]
