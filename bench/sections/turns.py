"""A whole turn in one process, the messages in files."""

from __future__ import annotations

from pathlib import Path

from bench.lengths import LENGTHS, growth, taken
from bench.peers.agents import Run
from bench.peers.everyone import EVERYONE, folders
from bench.peers.ours import Ours
from bench.peers.raw import Raw
from bench.tables import Goal, Table


async def measure(folder: Path, *, scale: str) -> list[Table]:
    """Time a turn of every peer at every length."""
    found = await taken(EVERYONE, {length: folders(folder / str(length)) for length in LENGTHS}, scale)
    grown = await growth(Ours, folders(folder / "growth"), scale)
    over_raw, over_runner = found.times(Ours.name, Raw.name), found.times(Ours.name, Run.name)
    table = Table(
        title="A turn in one process, ms",
        columns=found.columns(),
        rows=[found.row(kind.name) for kind in EVERYONE],
        note="Two 500-byte messages written, the last 20 read; medians; the peers take turns in one process.",
        goals=[
            Goal(text="a whole turn, × raw sqlite3 FULL (worst length)", measured=over_raw, limit=6),
            Goal(text="a whole turn, × OpenAI Agents Runner (worst length)", measured=over_runner, limit=1),
            Goal(text="a whole turn at 10,000 messages, × at none", measured=grown, limit=1.2),
        ],
    )
    return [table]
