"""A turn among many stored messages of others, against an empty store: in a file, on PostgreSQL and on Redis."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, nullcontext
from pathlib import Path

from bench.databases import TITLES, databases
from bench.measure import interleaved, median
from bench.peers.everyone import folders, opened
from bench.peers.ours import Ours, OursOnPostgres, OursOnRedis
from bench.tables import Goal, Table, ms
from palaver.stores.open import store_for
from palaver.transfer import copy

FILLER = {"quick": 2_000, "default": 100_000, "full": 1_000_000}
_ROUNDS = {"quick": 20, "default": 300, "full": 500}
_A_CONVERSATION = 500


async def _made(folder: Path, messages: int) -> str:
    """Return the home of a store in a file that holds as many."""
    async with opened([Ours], folders(folder)) as (peer,):
        for _ in range(messages // _A_CONVERSATION):
            await peer.filled(_A_CONVERSATION)
    return str(folder / Ours.__name__)


async def _copied(source: str, target: str) -> None:
    stores = [store_for(f"{source}/palaver.db"), store_for(target)]
    for store in stores:
        await store.open()
    await copy(*stores)
    for store in stores:
        await store.close()


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


async def _on_server(kind: type[Ours], source: str, rounds: int) -> tuple[float, float]:
    with databases() as servers, servers.home(kind) as empty, servers.home(kind) as full:
        await _copied(source, full)
        await asyncio.to_thread(servers.settle)
        return await _times(kind, empty, full, rounds)


async def measure(folder: Path, *, scale: str) -> list[Table]:
    """Time turns in a new conversation of an empty and a full store of each kind, interleaved."""
    rows, goals = [], []
    source, empty = await _made(folder / "full", FILLER[scale]), folder / "empty"
    empty.mkdir()
    found: dict[type[Ours], tuple[float, float]] = {Ours: await _times(Ours, str(empty), source, _ROUNDS[scale])}
    for kind in (OursOnPostgres, OursOnRedis):
        found[kind] = await _on_server(kind, source, _ROUNDS[scale])
    for kind, (alone, among) in found.items():
        rows.append((kind.name, ms(alone), ms(among), f"{among / alone:.2f}"))
        text = f"a turn among {FILLER[scale]:,} stored messages on {TITLES[kind.engine]}, × empty"
        goals.append(Goal(text=text, measured=among / alone, limit=1.3))
    table = Table(
        title="A turn of ours among other people's messages, ms",
        columns=("", "among none", f"among {FILLER[scale]:,}", "×"),
        rows=rows,
        note=f"500 bytes each, {_A_CONVERSATION} in a conversation; n={_ROUNDS[scale]}, medians, interleaved; the "
        "messages were copied to the servers; PostgreSQL after VACUUM ANALYZE and a checkpoint.",
        goals=goals,
    )
    return [table]
