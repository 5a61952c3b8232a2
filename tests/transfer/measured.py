"""Run by itself: makes a large store, copies and proves it, and prints by how many MB its own memory grew at most."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from palaver.proof import prove
from palaver.stores.sqlite import SqliteStore
from palaver.transfer import move
from transfer.conversations import fill


def megabytes() -> float:
    """What this process holds that is no page of a file."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon")]
    return int(line.split()[1]) / 1024


async def grown(folder: Path) -> float:
    source = SqliteStore(folder / "source.db")
    await source.open()
    await fill(source, conversations=1, messages=50_000)
    await fill(source, conversations=500, messages=100)
    await fill(source, conversations=1, messages=100, text="x" * 300_000)
    await source.close()
    source, target = SqliteStore(folder / "source.db"), SqliteStore(folder / "target.db")
    for store in (source, target):
        await store.open()
    before, most = megabytes(), 0.0

    def look(_: object) -> None:
        nonlocal most
        most = max(most, megabytes())

    await move(source, target, look)
    assert (await prove(source, target, look)).equal
    for store in (source, target):
        await store.close()
    return most - before


if __name__ == "__main__":
    sys.stdout.write(f"{asyncio.run(grown(Path(sys.argv[1]))):.1f}\n")
