"""LangChain: chat histories in a SQL table (SQLite) and in a JSON file."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from langchain_community.chat_message_histories import FileChatMessageHistory, SQLChatMessageHistory
from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, messages_to_dict
from sqlalchemy import create_engine

from bench.peers.base import ANSWER, QUESTION, READ_LAST


class HistoryTalk:
    """A history: it has no way to read less than all of it."""

    def __init__(self, history: BaseChatMessageHistory) -> None:
        self._history = history

    async def turn(self) -> None:
        self._history.add_messages([HumanMessage(QUESTION), AIMessage(ANSWER)])
        self._history.messages[-READ_LAST:]


def _questions(count: int) -> list[BaseMessage]:
    return [HumanMessage(QUESTION) for _ in range(count)]


class Sql:
    """``SQLChatMessageHistory`` on SQLite."""

    name = "LangChain SQLChatMessageHistory"

    async def open(self, folder: Path) -> None:
        self._engine, self._talks = create_engine(f"sqlite:///{folder / 'langchain.db'}"), 0

    async def talk(self, messages: int) -> HistoryTalk:
        self._talks += 1
        history = SQLChatMessageHistory(session_id=f"s{self._talks}", connection=self._engine)
        history.add_messages(_questions(messages))
        return HistoryTalk(history)

    async def close(self) -> None:
        self._engine.dispose()


class File:
    """``FileChatMessageHistory``: one JSON file a conversation."""

    name = "LangChain FileChatMessageHistory"

    async def open(self, folder: Path) -> None:
        self._folder, self._talks = folder, 0

    async def talk(self, messages: int) -> HistoryTalk:
        self._talks += 1
        path = self._folder / f"{self._talks}.json"
        dumped: list[Any] = messages_to_dict(_questions(messages))
        path.write_text(json.dumps(dumped))
        return HistoryTalk(FileChatMessageHistory(str(path)))

    async def close(self) -> None:
        pass
