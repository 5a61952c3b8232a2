"""Clocks and counts: medians of rounds that are interleaved, so that a noisy machine is noisy for all alike."""

from __future__ import annotations

import gc
import math
import os
import random
import sqlite3
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

Step = Callable[[], Awaitable[None]]


async def interleaved(
    steps: Mapping[str, Sequence[Step]], *, rounds: int, seconds_each: float
) -> dict[str, list[float]]:
    """Time the steps of each name in turns: one of A, one of B, one of A …; return the seconds each took.

    A name that has used up ``seconds_each`` sits out the rest, but never before five rounds. Where a name has
    several steps (conversations of the same length) the rounds go over them one by one. The order changes from round
    to round: whoever comes behind a heavy one finds cold caches.
    """
    taken: dict[str, list[float]] = {name: [] for name in steps}
    order, shuffle = list(steps), random.Random(1).shuffle
    gc.collect()
    gc.freeze()  # what the peers keep in memory is not swept again in everyone's time
    for turn in range(rounds):
        shuffle(order)
        for name in order:
            if turn < 5 or sum(taken[name]) < seconds_each:
                taken[name].append(await _timed(steps[name][turn % len(steps[name])]))
    gc.unfreeze()
    return taken


async def _timed(step: Step) -> float:
    begun = time.perf_counter()
    await step()
    return time.perf_counter() - begun


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def strict_commit_seconds(folder: Path, commits: int = 300) -> float:
    """The median time of one 500-byte row committed with WAL and ``synchronous=FULL``: this disk's unit of time."""
    db = sqlite3.connect(folder / "commit.db", isolation_level=None)
    db.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT);"
    )
    taken = []
    for _ in range(commits):
        begun = time.perf_counter()
        db.execute("INSERT INTO t (b) VALUES (?)", ("x" * 500,))
        taken.append(time.perf_counter() - begun)
    db.close()
    return median(taken)


def growth_exponent(counts: Sequence[int], sizes: Sequence[int]) -> float:
    """The slope of log(size) over log(count): 1 is flat a turn, 2 is quadratic."""
    xs, ys = [math.log(count) for count in counts], [math.log(size) for size in sizes]
    return statistics.linear_regression(xs, ys).slope


def stored_bytes(folder: Path) -> int:
    """The size of all files under a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def written_bytes() -> int:
    """The bytes that this process has handed to the kernel so far (0 where it does not say)."""
    try:
        lines = Path("/proc/self/io").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar:"))


def cpu_seconds(pid: int, *, with_dead_children: bool = False) -> float:
    """The CPU time that a process has used, in the kernel too. Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if with_dead_children else 13])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """The memory that a process holds for itself: mapped files (the database) are not counted. Linux only."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) * 1024
