"""A copy that is cut, anywhere and by anything, goes on where it was."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from palaver.errors import Conflict, StoreFull
from palaver.stores.sqlite import SqliteStore
from palaver.testing import FakeClock
from palaver.testing.stores.everything import everything
from palaver.testing.stores.making import make_bot, make_conversation
from palaver.testing.stores.world import furnish
from palaver.transfer import Progress, copy, count_conversations, move
from transfer.conversations import fill

PALAVER = Path(sys.executable).with_name("palaver")


class Cut(Exception):
    """What ends a copy in the tests."""


@asynccontextmanager
async def opened(path: Path, **options: int) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, clock=FakeClock(), **options)  # type: ignore[arg-type]
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def source(tmp_path: Path) -> Path:
    """A store with something of everything, and some conversations more."""
    async with opened(tmp_path / "source.db") as store:
        await furnish(store, FakeClock())
        await fill(store, conversations=30, messages=20)
    return tmp_path / "source.db"


async def test_a_copy_that_fails_anywhere_goes_on(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut after any number of records, again and again, it ends with what an uncut one ends with, and begins nothing anew."""
    monkeypatch.setattr("palaver.transfer._NOTE_SECONDS", 0.0)
    monkeypatch.setattr("palaver.shelves.PAGE_ROWS", 5)
    numbers = random.Random(7)
    begun_at: list[int] = []

    async def cut_after(records: int) -> None:
        begun: list[int] = []

        def told(progress: Progress) -> None:
            begun.append(progress.conversations)
            if progress.records >= records:
                raise Cut

        async with opened(source) as ours, opened(tmp_path / "target.db") as theirs:
            try:
                await move(ours, theirs, told)
            finally:
                begun_at.extend(begun[:1])

    for _ in range(8):
        with pytest.raises(Cut):
            await cut_after(numbers.randrange(1, 150))
    seen: list[Progress] = []
    async with opened(source) as ours, opened(tmp_path / "target.db") as theirs:
        assert (await copy(ours, theirs, seen.append)).equal
        assert await everything(theirs) == await everything(ours)
        assert seen[-1].conversations == await count_conversations(ours), "some were moved twice"
    assert begun_at == sorted(begun_at)
    assert begun_at[-1] > 0, "no copy went on where one was cut"


async def test_a_killed_copy_goes_on(source: Path, tmp_path: Path) -> None:
    """Killed at random moments, the command is given again, and ends with the proof that all is there."""
    async with opened(source) as store:
        await fill(store, conversations=150, messages=30)
    command = [str(PALAVER), "copy", "--from", str(source), "--to", str(tmp_path / "target.db"), "--json"]
    numbers = random.Random(11)
    cut = 0
    for _ in range(4):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        await asyncio.to_thread(_wait_for_records, process, tmp_path / "target.db", more=numbers.randrange(10, 1000))
        cut += process.poll() is None
        process.kill()
        process.wait()
    assert cut >= 3, "the copy was over before it could be killed"
    ended = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert (ended.returncode, json.loads(ended.stdout)["equal"]) == (0, True), ended.stderr
    async with opened(source) as ours, opened(tmp_path / "target.db") as theirs:
        assert await everything(theirs) == await everything(ours)


def _wait_for_records(process: subprocess.Popen[bytes], target: Path, *, more: int) -> None:
    """Wait until the target has so many messages more than at the beginning, or the copy is over."""
    first = _messages(target)
    deadline = time.monotonic() + 30
    while process.poll() is None and _messages(target) < first + more:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def _messages(target: Path) -> int:
    try:
        with sqlite3.connect(f"file:{target}?mode=ro", uri=True) as connection:
            return int(connection.execute("SELECT count(*) FROM messages").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


async def test_an_interrupted_copy_says_that_it_goes_on(source: Path, tmp_path: Path) -> None:
    """Ctrl-C ends it with a sentence and exit code 130; the same command ends the copy."""
    async with opened(source) as store:
        await fill(store, conversations=150, messages=30)
    command = [str(PALAVER), "copy", "--from", str(source), "--to", str(tmp_path / "target.db")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    await asyncio.to_thread(_wait_for_records, process, tmp_path / "target.db", more=500)
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.to_thread(process.communicate, timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err == "palaver: Stopped. The same command goes on where this one was.\n"
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0


async def test_a_full_target_is_said_and_goes_on(source: Path, tmp_path: Path) -> None:
    """A target without room refuses, and takes the rest when it has some."""
    async with opened(source) as ours, opened(tmp_path / "target.db", max_bytes=500_000) as theirs:
        with pytest.raises(StoreFull):
            await copy(ours, theirs)
    async with opened(source) as ours, opened(tmp_path / "target.db") as theirs:
        assert (await copy(ours, theirs)).equal


async def test_a_source_that_changes_under_the_copy_is_said(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A conversation of a bot that was made after the bots were copied can't be put: the error says what to do."""
    monkeypatch.setattr("palaver.transfer._NOTE_SECONDS", 0.0)

    def cut(progress: Progress) -> None:
        if progress.conversations:
            raise Cut

    async with opened(source) as ours, opened(tmp_path / "target.db") as theirs:
        with pytest.raises(Cut):
            await move(ours, theirs, cut)
        await make_conversation(ours, bot=await make_bot(ours))
        with pytest.raises(Conflict, match="stop what writes to it, and copy into a new store"):
            await move(ours, theirs)
