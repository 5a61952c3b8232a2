"""64 conversations at once in one process: does group commit pay for the promises?"""

from __future__ import annotations

from pathlib import Path

from bench.peers.agents import Run, Session
from bench.peers.base import Peer
from bench.peers.everyone import folders, opened
from bench.peers.ours import Ours
from bench.peers.raw import Raw, RawWriter
from bench.tables import Goal, Table
from bench.worker import talk_for

CONVERSATIONS = 64
SECONDS = {"quick": 0.5, "default": 3.0, "full": 10.0}
KINDS: tuple[type[Peer], ...] = (Raw, RawWriter, Ours, Session, Run)


async def _rate(kind: type[Peer], folder: Path, seconds: float) -> float:
    async with opened([kind], folders(folder)) as (peer,):
        talks = [await peer.talk(0) for _ in range(CONVERSATIONS)]
        talked = await talk_for(talks, seconds)
        return talked.turns / talked.seconds


async def measure(folder: Path, *, scale: str) -> list[Table]:
    """Count the turns a second of each, in two passes, the better one kept."""
    best: dict[str, float] = {}
    for attempt in range(2):
        for kind in KINDS:
            rate = await _rate(kind, folder / str(attempt) / kind.__name__, SECONDS[scale])
            best[kind.name] = max(best.get(kind.name, 0.0), rate)
    table = Table(
        title=f"{CONVERSATIONS} conversations at once, turns a second",
        columns=("", "turns/s"),
        rows=[(name, f"{rate:,.0f}") for name, rate in best.items()],
        note=f"One process, {SECONDS[scale]:g} s each, the better of two passes.",
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
