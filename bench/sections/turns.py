"""A whole turn in one process: how long it takes, and whether the length of the conversation matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.measure import Step, interleaved, median
from bench.peers.agents import Run
from bench.peers.base import Peer
from bench.peers.everyone import EVERYONE, opened
from bench.peers.ours import Ours
from bench.peers.raw import Raw
from bench.tables import Goal, Table, ms

LENGTHS = (0, 100, 1_000, 10_000)
ROUNDS = {"quick": 10, "default": 200, "full": 600}
_SHORT = 100
_SHORT_TALKS = 20

Medians = Mapping[int, Mapping[str, float]]


async def _steps(peer: Peer, length: int) -> list[Step]:
    # Short conversations grow while they are measured: the rounds go over several of them.
    talks = [await peer.talk(length) for _ in range(_SHORT_TALKS if length <= _SHORT else 1)]
    for talk in talks[:3]:
        await talk.turn()
    return [talk.turn for talk in talks]


async def _at_length(folder: Path, length: int, rounds: int) -> dict[str, list[float]]:
    async with opened(EVERYONE, folder) as peers:
        steps: dict[str, Sequence[Step]] = {peer.name: await _steps(peer, length) for peer in peers}
        return await interleaved(steps, rounds=rounds, seconds_each=2.5)


def _flatness(medians: Medians) -> float:
    # Divided by what raw sqlite3 did in the same rounds: the disk's own drift is nobody's growth.
    longest, shortest = medians[LENGTHS[-1]], medians[LENGTHS[0]]
    drift = longest[Raw.name] / shortest[Raw.name]
    return longest[Ours.name] / shortest[Ours.name] / max(drift, 1.0)


def _goals(medians: Medians) -> list[Goal]:
    over_raw = max(at[Ours.name] / at[Raw.name] for at in medians.values())
    over_runner = max(at[Ours.name] / at[Run.name] for at in medians.values())
    return [
        Goal(text="a whole turn, × raw sqlite3 FULL (worst length)", measured=over_raw, limit=6),
        Goal(text="a whole turn, × OpenAI Agents Runner (worst length)", measured=over_runner, limit=1),
        Goal(text="a whole turn at 10,000 messages, × at none", measured=_flatness(medians), limit=1.2),
    ]


async def measure(folder: Path, *, scale: str) -> list[Table]:
    """Time a turn of every peer at every length, interleaved."""
    taken = {length: await _at_length(folder / str(length), length, ROUNDS[scale]) for length in LENGTHS}
    medians = {length: {name: median(times) for name, times in at.items()} for length, at in taken.items()}
    rows = [
        (kind.name, *[f"{ms(medians[length][kind.name])} (n={len(taken[length][kind.name])})" for length in LENGTHS])
        for kind in EVERYONE
    ]
    table = Table(
        title="A turn in one process, ms",
        columns=("", *[f"{length:,} messages" for length in LENGTHS]),
        rows=rows,
        note="Two 500-byte messages written, the last 20 read; medians; the peers take turns in one process.",
        goals=_goals(medians),
    )
    return [table]
