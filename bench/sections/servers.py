"""A whole turn on PostgreSQL and on Redis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.databases import DURABILITY, TITLES, databases
from bench.lengths import LENGTHS, Taken, growth, taken
from bench.peers.base import Peer
from bench.peers.everyone import ON_SERVERS
from bench.peers.ours import OursOnPostgres, OursOnRedis
from bench.peers.raw_servers import RawPostgres, RawRedis
from bench.tables import Goal, Table

_PAIRS: Sequence[tuple[type[Peer], type[Peer]]] = ((OursOnPostgres, RawPostgres), (OursOnRedis, RawRedis))


def _goals(found: Taken, grown: float, ours: type[Peer], raw: type[Peer]) -> list[Goal]:
    title, times = TITLES[ours.engine], found.times(ours.name, raw.name)
    return [
        Goal(text=f"a whole turn on {title}, × {raw.name} (worst length)", measured=times, limit=4),
        Goal(text=f"a whole turn on {title} at 10,000 messages, × at none", measured=grown, limit=1.2),
    ]


async def measure(_folder: Path, *, scale: str) -> list[Table]:
    """Time a turn of every peer at every length, those on PostgreSQL and those on Redis in the same rounds."""
    with databases() as servers:
        found = await taken(ON_SERVERS, dict.fromkeys(LENGTHS, servers.home), scale)
        goals = [
            goal for ours, raw in _PAIRS for goal in _goals(found, await growth(ours, servers.home, scale), ours, raw)
        ]
        versions = servers.versions()
    table = Table(
        title="A turn on PostgreSQL and on Redis, ms",
        columns=found.columns(),
        rows=[found.row(kind.name) for kind in ON_SERVERS],
        note=f"Two 500-byte messages written, the last 20 read; medians; the peers take turns in one process. {versions}; "
        f"{DURABILITY}.",
        goals=goals,
    )
    return [table]
