"""Bytes a turn: what is stored, and what is handed to the kernel, as a conversation grows."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import growth_exponent, stored_bytes, written_bytes
from bench.peers.base import Peer
from bench.peers.everyone import EVERYONE, folders, opened
from bench.peers.ours import Ours
from bench.tables import Goal, Table

STEPS = {"quick": (5, 10, 20), "default": (50, 100, 200, 400), "full": (50, 100, 200, 400, 800, 1600)}


@dataclass(frozen=True, slots=True)
class _Growth:
    stored: Sequence[int]
    written: Sequence[int]


async def _grown(kind: type[Peer], folder: Path, counts: Sequence[int]) -> _Growth:
    stored, written = [], []
    for count in counts:
        # One store a count, closed before it is weighed: a log that was not folded in yet is not a turn's size.
        home = folder / str(count)
        async with opened([kind], folders(home)) as peers:
            empty = await peers[0].talk(0)
            await empty.turn()
            before = written_bytes()
            for _ in range(count):
                await empty.turn()
            written.append(written_bytes() - before)
        del peers, empty
        gc.collect()
        stored.append(stored_bytes(home))
    return _Growth(stored, written)


def _slope(counts: Sequence[int], sizes: Sequence[int]) -> float:
    # Differences, so that the schema's own pages are not taken for growth.
    steps = list(zip(counts, sizes, strict=True))
    marginal = [(b[0], (b[1] - a[1]) / (b[0] - a[0])) for a, b in itertools.pairwise(steps)]
    return 1 + growth_exponent([count for count, _ in marginal], [max(1, round(size)) for _, size in marginal])


async def measure(folder: Path, *, scale: str) -> list[Table]:
    """Let one conversation of each grow from nothing, and weigh its store at each step."""
    counts = STEPS[scale]
    grown = {kind.name: await _grown(kind, folder / kind.__name__, counts) for kind in EVERYONE}
    rows = []
    for name, growth in grown.items():
        last = (growth.stored[-1] - growth.stored[-2]) / (counts[-1] - counts[-2])
        written = (growth.written[-1] - growth.written[-2]) / (counts[-1] - counts[-2])
        exponent = _slope(counts, growth.stored)
        rows.append(
            (name, f"{last:,.0f}", f"{exponent:.2f}", f"{written:,.0f}", f"{_slope(counts, growth.written):.2f}")
        )
    stored = _slope(counts, grown[Ours.name].stored)
    table = Table(
        title=f"Bytes a turn (two 500-byte messages), one conversation of up to {counts[-1]:,} turns",
        columns=("", "stored, bytes a turn at the end", "exponent", "written, bytes a turn at the end", "exponent"),
        rows=rows,
        note="The exponent of all bytes over the number of turns: 1 is flat a turn, 2 grows with the square.",
        goals=[Goal(text="growth exponent of stored bytes", measured=stored, limit=1.05)],
    )
    return [table]
