"""A turn among many stored messages of others, against an empty store: in a file, on PostgreSQL and on Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from bench.databases import TITLES, Databases, databases
from bench.measure import interleaved, median
from bench.peers.base import Peer
from bench.peers.everyone import Homes, folders, opened
from bench.peers.ours import Ours, OursOnPostgres, OursOnRedis
from bench.tables import Goal, Table, ms
from palaver.stores.open import Engine

FILLER = {"quick": 2_000, "default": 100_000, "full": 1_000_000}
_ROUNDS = {"quick": 20, "default": 300, "full": 500}
_KINDS: Sequence[type[Ours]] = (Ours, OursOnPostgres, OursOnRedis)
_A_CONVERSATION = 500
_FILLED_AT_ONCE = 4


def _homes(folder: Path, servers: Databases) -> Homes:
    files = folders(folder)

    def home(kind: type[Peer]) -> AbstractContextManager[str]:
        return files(kind) if kind.engine is Engine.SQLITE else servers.home(kind)

    return home


async def _fill(peer: Ours, messages: int) -> None:
    left = iter(range(messages // _A_CONVERSATION))

    async def some() -> None:
        for _ in left:
            await peer.filled(_A_CONVERSATION)

    await asyncio.gather(*[some() for _ in range(_FILLED_AT_ONCE)])


async def _compared(kind: type[Ours], folder: Path, scale: str) -> Mapping[str, Sequence[float]]:
    """The seconds of turns of one kind, ``empty`` and ``full``."""
    with databases() as servers:
        async with (
            opened([kind], _homes(folder / "empty", servers)) as (empty,),
            opened([kind], _homes(folder / "full", servers)) as (full,),
        ):
            await _fill(full, FILLER[scale])
            await asyncio.to_thread(servers.settle)
            steps = {name: [(await peer.talk(20)).turn] for name, peer in (("empty", empty), ("full", full))}
            return await interleaved(steps, rounds=_ROUNDS[scale], seconds_each=20)


async def measure(folder: Path, *, scale: str) -> list[Table]:
    """Time turns in a new conversation of an empty and a full store of each kind, interleaved."""
    rows, goals = [], []
    for kind in _KINDS:
        taken = {name: median(times) for name, times in (await _compared(kind, folder / kind.__name__, scale)).items()}
        ratio = taken["full"] / taken["empty"]
        rows.append((kind.name, ms(taken["empty"]), ms(taken["full"]), f"{ratio:.2f}"))
        text = f"a turn among {FILLER[scale]:,} stored messages on {TITLES[kind.engine]}, × empty"
        goals.append(Goal(text=text, measured=ratio, limit=1.3))
    table = Table(
        title="A turn of ours among other people's messages, ms",
        columns=("", "among none", f"among {FILLER[scale]:,}", "×"),
        rows=rows,
        note=f"500 bytes each, {_A_CONVERSATION} in a conversation; n={_ROUNDS[scale]}, medians, interleaved; PostgreSQL after "
        "VACUUM ANALYZE and a checkpoint.",
        goals=goals,
    )
    return [table]
