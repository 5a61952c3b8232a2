"""64 conversations at once in one process: does group commit pay for the promises?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.databases import DURABILITY, databases
from bench.peers.agents import RedisSessions, Run, Session, SqlAlchemySessions
from bench.peers.base import Peer
from bench.peers.everyone import Homes, folders, opened
from bench.peers.ours import Ours, OursOnPostgres, OursOnRedis
from bench.peers.raw import Raw, RawWriter
from bench.peers.raw_servers import RawPostgres, RawRedis
from bench.tables import Goal, Table
from bench.worker import talk_for

CONVERSATIONS = 64
SECONDS = {"quick": 0.5, "default": 3.0, "full": 10.0}
IN_FILES: Sequence[type[Peer]] = (Raw, RawWriter, Ours, Session, Run)
ON_SERVERS: Sequence[type[Peer]] = (
    RawPostgres,
    OursOnPostgres,
    SqlAlchemySessions,
    RawRedis,
    OursOnRedis,
    RedisSessions,
)


async def _rate(kind: type[Peer], homes: Homes, seconds: float) -> float:
    async with opened([kind], homes) as (peer,):
        talks = [await peer.talk(0) for _ in range(CONVERSATIONS)]
        talked = await talk_for(talks, seconds)
        return talked.turns / talked.seconds


async def measure(folder: Path, *, scale: str) -> list[Table]:
    """Count the turns a second of each, in two passes, the better one kept."""
    best = dict.fromkeys([kind.name for kind in (*IN_FILES, *ON_SERVERS)], 0.0)
    with databases() as servers:
        for attempt in range(2):
            files = folders(folder / str(attempt))
            homes = dict.fromkeys(IN_FILES, files) | dict.fromkeys(ON_SERVERS, servers.home)
            for kind, home in homes.items():
                best[kind.name] = max(best[kind.name], await _rate(kind, home, SECONDS[scale]))
    table = Table(
        title=f"{CONVERSATIONS} conversations at once, turns a second",
        columns=("", "turns/s"),
        rows=[(name, f"{rate:,.0f}") for name, rate in best.items()],
        note=f"One process, {SECONDS[scale]:g} s each, the better of two passes; {DURABILITY}.",
        goals=[
            Goal(
                text="64 conversations at once, × SQLiteSession's turns/s",
                measured=best[Ours.name] / best[Session.name],
                limit=1,
                at_least=True,
            )
        ],
    )
    return [table]
