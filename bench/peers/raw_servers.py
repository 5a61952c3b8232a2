"""The floors on servers: the drivers themselves, a question committed before its answer is."""

from __future__ import annotations

import asyncio
import os

import asyncpg
from redis.asyncio import Redis

from bench.peers.base import ANSWER, QUESTION, READ_LAST
from palaver.stores.open import Engine

_SCHEMA = "CREATE TABLE message (conversation bigint, seq int, role text, text text, UNIQUE (conversation, seq))"
_INSERT = "INSERT INTO message VALUES ($1, $2, $3, $4)"
_READ = "SELECT role, text FROM message WHERE conversation = $1 ORDER BY seq DESC LIMIT $2"
_CONNECTIONS = 5


class RowsTalk:
    """Rows under one number."""

    def __init__(self, idle: asyncio.LifoQueue[asyncpg.Connection], conversation: int, filled: int) -> None:
        self._idle, self._conversation, self._seq = idle, conversation, filled

    async def turn(self) -> None:
        """A row and its commit, another and its commit, then the last 20."""
        db = await self._idle.get()
        await db.execute(_INSERT, self._conversation, self._seq + 1, "user", QUESTION)
        await db.execute(_INSERT, self._conversation, self._seq + 2, "assistant", ANSWER)
        await db.fetch(_READ, self._conversation, READ_LAST)
        self._seq += 2
        self._idle.put_nowait(db)


class RawPostgres:
    """asyncpg: as many connections as our pool has, autocommit."""

    name = "raw asyncpg"
    engine = Engine.POSTGRES

    async def open(self, home: str) -> None:
        self._all = [await asyncpg.connect(home) for _ in range(_CONNECTIONS)]
        self._idle: asyncio.LifoQueue[asyncpg.Connection] = asyncio.LifoQueue()
        for db in self._all:
            self._idle.put_nowait(db)
        await self._all[0].execute(_SCHEMA.replace("TABLE", "TABLE IF NOT EXISTS"))
        self._conversations = os.getpid() * 1_000  # several processes write into one table

    async def talk(self, messages: int) -> RowsTalk:
        self._conversations += 1
        rows = [(self._conversations, seq, "user", QUESTION) for seq in range(1, messages + 1)]
        await self._all[0].copy_records_to_table("message", records=rows)
        return RowsTalk(self._idle, self._conversations, messages)

    async def close(self) -> None:
        for db in self._all:
            await db.close()


class ListTalk:
    """A list."""

    def __init__(self, db: Redis, key: str) -> None:
        self._db, self._key = db, key

    async def turn(self) -> None:
        """A push, another, then the last 20."""
        await self._db.rpush(self._key, QUESTION)  # type: ignore[misc]
        await self._db.rpush(self._key, ANSWER)  # type: ignore[misc]
        await self._db.lrange(self._key, -READ_LAST, -1)  # type: ignore[misc]


class RawRedis:
    """redis-py: a list a conversation."""

    name = "raw redis-py"
    engine = Engine.REDIS

    async def open(self, home: str) -> None:
        self._db, self._conversations = Redis.from_url(home), 0

    async def talk(self, messages: int) -> ListTalk:
        self._conversations += 1
        key = f"{os.getpid()}:{self._conversations}"
        if messages:
            await self._db.rpush(key, *[QUESTION] * messages)  # type: ignore[misc]
        return ListTalk(self._db, key)

    async def close(self) -> None:
        await self._db.aclose()
