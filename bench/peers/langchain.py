"""LangChain: chat histories in a SQL table (SQLite, PostgreSQL), in Redis and in a JSON file."""

from __future__ import annotations

import json
import uuid
import warnings
from pathlib import Path
from typing import Any

import psycopg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from langchain_community.chat_message_histories import (
        FileChatMessageHistory,
        RedisChatMessageHistory,
        SQLChatMessageHistory,
    )
from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, messages_to_dict
from langchain_postgres import PostgresChatMessageHistory
from sqlalchemy import create_engine

from bench.peers.base import ANSWER, QUESTION, READ_LAST
from palaver.stores.open import Engine


class HistoryTalk:
    """A history: it has no way to read less than all of it."""

    def __init__(self, history: BaseChatMessageHistory) -> None:
        self._history = history

    async def turn(self) -> None:
        self._history.add_messages([HumanMessage(QUESTION), AIMessage(ANSWER)])
        self._history.messages[-READ_LAST:]


class AsyncHistoryTalk:
    """The same where the history has a driver that waits without blocking."""

    def __init__(self, history: BaseChatMessageHistory) -> None:
        self._history = history

    async def turn(self) -> None:
        await self._history.aadd_messages([HumanMessage(QUESTION), AIMessage(ANSWER)])
        (await self._history.aget_messages())[-READ_LAST:]


def _questions(count: int) -> list[BaseMessage]:
    return [HumanMessage(QUESTION) for _ in range(count)]


class Sql:
    """``SQLChatMessageHistory`` on SQLite."""

    name = "LangChain SQLChatMessageHistory"
    engine = Engine.SQLITE

    def _url(self, home: str) -> str:
        return f"sqlite:///{Path(home) / 'langchain.db'}"

    async def open(self, home: str) -> None:
        self._db, self._talks = create_engine(self._url(home)), 0

    async def talk(self, messages: int) -> HistoryTalk:
        self._talks += 1
        history = SQLChatMessageHistory(session_id=f"s{self._talks}", connection=self._db)
        history.add_messages(_questions(messages))
        return HistoryTalk(history)

    async def close(self) -> None:
        self._db.dispose()


class SqlOnPostgres(Sql):
    """``SQLChatMessageHistory`` on PostgreSQL through psycopg."""

    name = "LangChain SQLChatMessageHistory on PostgreSQL"
    engine = Engine.POSTGRES

    def _url(self, home: str) -> str:
        return home.replace("postgresql", "postgresql+psycopg", 1)


class PostgresHistories:
    """``PostgresChatMessageHistory`` of langchain-postgres, one connection for all."""

    name = "LangChain PostgresChatMessageHistory"
    engine = Engine.POSTGRES

    async def open(self, home: str) -> None:
        self._db = await psycopg.AsyncConnection.connect(home)
        await PostgresChatMessageHistory.acreate_tables(self._db, "history")

    async def talk(self, messages: int) -> AsyncHistoryTalk:
        history = PostgresChatMessageHistory("history", str(uuid.uuid4()), async_connection=self._db)
        await history.aadd_messages(_questions(messages))
        return AsyncHistoryTalk(history)

    async def close(self) -> None:
        await self._db.close()


class RedisHistories:
    """``RedisChatMessageHistory`` of langchain-community. (That of langchain-redis needs a Redis with its search module.)"""

    name = "LangChain RedisChatMessageHistory"
    engine = Engine.REDIS

    async def open(self, home: str) -> None:
        self._home, self._histories = home, list[RedisChatMessageHistory]()

    async def talk(self, messages: int) -> HistoryTalk:
        history = RedisChatMessageHistory(session_id=f"s{len(self._histories)}", url=self._home)
        self._histories.append(history)
        history.add_messages(_questions(messages))
        return HistoryTalk(history)

    async def close(self) -> None:
        for history in self._histories:
            history.redis_client.close()


class File:
    """``FileChatMessageHistory``: one JSON file a conversation."""

    name = "LangChain FileChatMessageHistory"
    engine = Engine.SQLITE

    async def open(self, home: str) -> None:
        self._folder, self._talks = Path(home), 0

    async def talk(self, messages: int) -> HistoryTalk:
        self._talks += 1
        path = self._folder / f"{self._talks}.json"
        dumped: list[Any] = messages_to_dict(_questions(messages))
        path.write_text(json.dumps(dumped))
        return HistoryTalk(FileChatMessageHistory(str(path)))

    async def close(self) -> None:
        pass
