"""A turn among many stored messages of others, against an empty store."""

from __future__ import annotations

from pathlib import Path

from bench.measure import interleaved, median
from bench.peers.ours import Ours
from bench.tables import Goal, Table, ms

FILLER = {"quick": 2_000, "default": 100_000, "full": 1_000_000}
_ROUNDS = {"quick": 20, "default": 300, "full": 500}
_A_CONVERSATION = 500


async def measure(folder: Path, *, scale: str) -> list[Table]:
    """Time turns in a new conversation of each store, interleaved."""
    empty, full = Ours(), Ours()
    for name, peer in (("empty", empty), ("full", full)):
        (folder / name).mkdir()
        await peer.open(folder / name)
    for _ in range(FILLER[scale] // _A_CONVERSATION):
        await full.filled(_A_CONVERSATION)
    steps = {name: [(await peer.talk(20)).turn] for name, peer in (("empty", empty), ("full", full))}
    taken = await interleaved(steps, rounds=_ROUNDS[scale], seconds_each=20)
    await empty.close()
    await full.close()
    ratio = median(taken["full"]) / median(taken["empty"])
    table = Table(
        title="A turn of ours among other people's messages, ms",
        columns=("stored messages", "median"),
        rows=[("0", ms(median(taken["empty"]))), (f"{FILLER[scale]:,}", ms(median(taken["full"])))],
        note=f"500 bytes each, {_A_CONVERSATION} in a conversation; n={_ROUNDS[scale]}, interleaved.",
        goals=[Goal(text=f"a turn among {FILLER[scale]:,} stored messages, × empty", measured=ratio, limit=1.3)],
    )
    return [table]
