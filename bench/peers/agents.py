"""OpenAI Agents: its sessions alone, and SQLiteSession under its Runner with a limit of 20 and a model in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from agents import (
    Agent,
    ModelResponse,
    RunConfig,
    Runner,
    SessionABC,
    SessionSettings,
    SQLiteSession,
    Usage,
    set_tracing_disabled,
)
from agents.extensions.memory import RedisSession, SQLAlchemySession
from agents.models.interface import Model
from openai.types.responses import ResponseOutputMessage, ResponseOutputText
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import create_async_engine

from bench.peers.base import ANSWER, QUESTION, READ_LAST
from palaver.stores.open import Engine


class AnswersAtOnce(Model):
    """Says the answer, knows no tools, asks nobody."""

    async def get_response(self, *args: Any, **kwargs: Any) -> ModelResponse:
        text = ResponseOutputText(text=ANSWER, type="output_text", annotations=[])
        message = ResponseOutputMessage(id="m", content=[text], role="assistant", status="completed", type="message")
        return ModelResponse(output=[message], usage=Usage(), response_id=None)

    def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        raise NotImplementedError


class SessionTalk:
    """The session, used by hand."""

    def __init__(self, session: SessionABC) -> None:
        self._session = session

    async def turn(self) -> None:
        await self._session.add_items([_item("user", QUESTION), _item("assistant", ANSWER)])
        await self._session.get_items(READ_LAST)


class RunnerTalk:
    """The session under a run of an agent."""

    def __init__(self, session: SessionABC, agent: Agent[None], config: RunConfig) -> None:
        self._session, self._agent, self._config = session, agent, config

    async def turn(self) -> None:
        await Runner.run(self._agent, QUESTION, session=self._session, run_config=self._config)


def _item(role: str, text: str) -> Any:
    return {"role": role, "content": text}


async def _filled(session: SessionABC, messages: int) -> SessionABC:
    if messages:
        await session.add_items([_item("user", QUESTION)] * messages)
    return session


class Session:
    """``SQLiteSession``: WAL, synchronous=FULL by default."""

    name = "OpenAI Agents SQLiteSession"
    engine = Engine.SQLITE

    async def open(self, home: str) -> None:
        self._path, self._sessions = Path(home) / "agents.db", list[SQLiteSession]()
        set_tracing_disabled(True)

    async def _session(self, messages: int) -> SessionABC:
        session = SQLiteSession(f"s{len(self._sessions)}", self._path)
        self._sessions.append(session)
        return await _filled(session, messages)

    async def talk(self, messages: int) -> Any:
        return SessionTalk(await self._session(messages))

    async def close(self) -> None:
        for session in self._sessions:
            session.close()


class Run(Session):
    """``Runner.run`` over the same session."""

    name = "OpenAI Agents Runner, limit=20"

    async def talk(self, messages: int) -> Any:
        agent: Agent[None] = Agent(name="Helper", instructions="Answer from the handbook.", model=AnswersAtOnce())
        config = RunConfig(tracing_disabled=True, session_settings=SessionSettings(limit=READ_LAST))
        return RunnerTalk(await self._session(messages), agent, config)


class SqlAlchemySessions:
    """``SQLAlchemySession`` on PostgreSQL through asyncpg, one engine for all."""

    name = "OpenAI Agents SQLAlchemySession"
    engine = Engine.POSTGRES

    async def open(self, home: str) -> None:
        self._db, self._talks = create_async_engine(home.replace("postgresql", "postgresql+asyncpg", 1)), 0

    async def talk(self, messages: int) -> SessionTalk:
        self._talks += 1
        session = SQLAlchemySession(f"s{self._talks}", engine=self._db, create_tables=True)
        return SessionTalk(await _filled(session, messages))

    async def close(self) -> None:
        await self._db.dispose()


class RedisSessions:
    """``RedisSession``, one client for all."""

    name = "OpenAI Agents RedisSession"
    engine = Engine.REDIS

    async def open(self, home: str) -> None:
        self._db, self._talks = Redis.from_url(home), 0

    async def talk(self, messages: int) -> SessionTalk:
        self._talks += 1
        return SessionTalk(await _filled(RedisSession(f"s{self._talks}", redis_client=self._db), messages))

    async def close(self) -> None:
        await self._db.aclose()
