"""A turn among many stored messages of others, against an empty store: in a file, on PostgreSQL and on Redis."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack, nullcontext
from pathlib import Path

from bench.databases import TITLES, Databases, databases
from bench.measure import interleaved, median
from bench.peers.everyone import folders, opened
from bench.peers.ours import Ours, OursOnPostgres, OursOnRedis
from bench.tables import Goal, Table, ms

FILLER = {"quick": 2_000, "default": 100_000, "full": 1_000_000}
_ROUNDS = {"quick": 20, "default": 300, "full": 500}
_A_CONVERSATION = 500
_AT_ONCE = 4


async def _fill(kind: type[Ours], home: str, messages: int) -> None:
    """Store as many in conversations of some hundreds, a few at a time."""
    room = asyncio.Semaphore(_AT_ONCE)
    async with opened([kind], lambda _: nullcontext(home)) as (peer,):

        async def one() -> None:
            async with room:
                await peer.filled(_A_CONVERSATION)

        async with asyncio.TaskGroup() as group:
            for _ in range(messages // _A_CONVERSATION):
                group.create_task(one())


async def _times(kind: type[Ours], empty: str, full: str, rounds: int) -> tuple[float, float]:
    """The median seconds of a turn in a conversation of each."""
    homes = {"empty": empty, "full": full}
    async with AsyncExitStack() as stack:
        steps = {}
        for name, home in homes.items():
            (peer,) = await stack.enter_async_context(opened([kind], lambda _, home=home: nullcontext(home)))
            steps[name] = [(await peer.talk(20)).turn]
        taken = await interleaved(steps, rounds=rounds, seconds_each=20)
    return median(taken["empty"]), median(taken["full"])


async def _measured(kind: type[Ours], homes: tuple[str, str], servers: Databases, scale: str) -> tuple[float, float]:
    empty, full = homes
    await _fill(kind, full, FILLER[scale])
    await asyncio.to_thread(servers.settle)
    alone, among = await _times(kind, empty, full, _ROUNDS[scale])
    print(f"({kind.name}, a turn among {FILLER[scale]:,}: × {among / alone:.2f})", file=sys.stderr, flush=True)
    return alone, among


async def measure(folder: Path, *, scale: str) -> list[Table]:
    """Time turns in a new conversation of an empty and a full store of each kind, interleaved."""
    rows, goals = [], []
    found: dict[type[Ours], tuple[float, float]] = {}
    with databases() as servers:
        for kind in (Ours, OursOnPostgres, OursOnRedis):
            homes = (
                [servers.home, servers.home]
                if kind is not Ours
                else [folders(folder / each) for each in ("empty", "full")]
            )
            with homes[0](kind) as empty, homes[1](kind) as full:
                found[kind] = await _measured(kind, (empty, full), servers, scale)
    for kind, (alone, among) in found.items():
        rows.append((kind.name, ms(alone), ms(among), f"{among / alone:.2f}"))
        text = f"a turn among {FILLER[scale]:,} stored messages on {TITLES[kind.engine]}, × empty"
        goals.append(Goal(text=text, measured=among / alone, limit=1.3))
    table = Table(
        title="A turn of ours among other people's messages, ms",
        columns=("", "among none", f"among {FILLER[scale]:,}", "×"),
        rows=rows,
        note=f"500 bytes each, {_A_CONVERSATION} in a conversation; n={_ROUNDS[scale]}, medians, interleaved; "
        "PostgreSQL after VACUUM ANALYZE and a checkpoint.",
        goals=goals,
    )
    return [table]
