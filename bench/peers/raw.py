"""The floor: sqlite3 itself, one commit a turn, at the durability that Palaver acknowledges with."""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.peers.base import ANSWER, QUESTION, READ_LAST
from palaver.stores.open import Engine

_SCHEMA = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
CREATE TABLE message (conversation INTEGER, seq INTEGER, role TEXT, text TEXT, UNIQUE (conversation, seq));
"""
_INSERT = "INSERT INTO message VALUES (?, ?, ?, ?)"
_READ = "SELECT role, text FROM message WHERE conversation = ? ORDER BY seq DESC LIMIT ?"


class RawTalk:
    """Rows under one number."""

    def __init__(self, db: sqlite3.Connection, conversation: int, filled: int) -> None:
        self._db, self._conversation, self._seq = db, conversation, filled

    async def turn(self) -> None:
        """Two rows, one commit, then the last 20."""
        self._db.execute("BEGIN")
        self._db.execute(_INSERT, (self._conversation, self._seq + 1, "user", QUESTION))
        self._db.execute(_INSERT, (self._conversation, self._seq + 2, "assistant", ANSWER))
        self._db.execute("COMMIT")
        self._seq += 2
        self._db.execute(_READ, (self._conversation, READ_LAST)).fetchall()


class Raw:
    """One connection, no layer."""

    name = "raw sqlite3 FULL"
    engine = Engine.SQLITE

    async def open(self, home: str) -> None:
        self._db = sqlite3.connect(Path(home) / "raw.db", isolation_level=None)
        self._db.executescript(_SCHEMA)
        self._conversations = 0

    async def talk(self, messages: int) -> RawTalk:
        self._conversations += 1
        rows = [(self._conversations, seq, "user", QUESTION) for seq in range(1, messages + 1)]
        self._db.execute("BEGIN")
        self._db.executemany(_INSERT, rows)
        self._db.execute("COMMIT")
        return RawTalk(self._db, self._conversations, messages)

    async def close(self) -> None:
        self._db.close()


class WriterTalk:
    """A conversation whose turns wait in one queue with everyone else's."""

    def __init__(self, writer: RawWriter, conversation: int, filled: int) -> None:
        self._writer, self._conversation, self._seq = writer, conversation, filled

    async def turn(self) -> None:
        rows = [
            (self._conversation, self._seq + 1, "user", QUESTION),
            (self._conversation, self._seq + 2, "assistant", ANSWER),
        ]
        await self._writer.write(rows)
        self._seq += 2
        await self._writer.read(self._conversation)


class RawWriter(Raw):
    """One writer thread with group commit, one reader thread: what many conversations at once could reach."""

    name = "raw sqlite3 FULL, writer thread, group commit"

    async def open(self, home: str) -> None:
        self._threads = (ThreadPoolExecutor(1), ThreadPoolExecutor(1))
        self._waiting: list[tuple[list[tuple[int, int, str, str]], asyncio.Future[None]]] = []
        self._conversations, self._writing = 0, False
        self._path = Path(home) / "raw.db"
        loop = asyncio.get_running_loop()
        self._writes, self._reads = [await loop.run_in_executor(thread, self._connect) for thread in self._threads]

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        db.executescript(_SCHEMA.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
        return db

    async def talk(self, messages: int) -> WriterTalk:  # type: ignore[override]
        self._conversations += 1
        return WriterTalk(self, self._conversations, messages)

    async def write(self, rows: list[tuple[int, int, str, str]]) -> None:
        """Return once these rows are committed, with whatever else waited."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((rows, done))
        if not self._writing:
            self._writing = True
            self._task = asyncio.get_running_loop().create_task(self._drain())
        await done

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            group, self._waiting = self._waiting, []
            await loop.run_in_executor(self._threads[0], self._commit, [row for rows, _ in group for row in rows])
            for _, done in group:
                done.set_result(None)
        self._writing = False

    def _commit(self, rows: list[tuple[int, int, str, str]]) -> None:
        self._writes.execute("BEGIN")
        self._writes.executemany(_INSERT, rows)
        self._writes.execute("COMMIT")

    async def read(self, conversation: int) -> None:
        """Read the last 20."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads[1], self._last, conversation)

    def _last(self, conversation: int) -> None:
        self._reads.execute(_READ, (conversation, READ_LAST)).fetchall()

    async def close(self) -> None:
        for thread in self._threads:
            thread.shutdown()
        self._writes.close()
        self._reads.close()
