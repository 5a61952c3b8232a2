"""LangGraph: a graph of one node over its savers."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, MessagesState, StateGraph

from bench.peers.base import ANSWER, QUESTION, READ_LAST
from palaver.stores.open import Engine


def _answer(state: MessagesState) -> dict[str, Any]:
    state["messages"][-READ_LAST:]
    return {"messages": [AIMessage(ANSWER)]}


class ThreadTalk:
    """A thread of the graph."""

    def __init__(self, graph: Any, config: Any) -> None:
        self._graph, self._config = graph, config

    async def turn(self) -> None:
        await self._graph.ainvoke({"messages": [HumanMessage(QUESTION)]}, self._config)


class Graph:
    """``AsyncSqliteSaver`` writes the whole state of a thread at each step."""

    name = "LangGraph AsyncSqliteSaver"
    engine = Engine.SQLITE

    async def _saver(self, home: str) -> BaseCheckpointSaver[Any]:
        return await self._stack.enter_async_context(
            AsyncSqliteSaver.from_conn_string(str(Path(home) / "langgraph.db"))
        )

    async def open(self, home: str) -> None:
        self._stack, self._threads = AsyncExitStack(), 0
        saver = await self._saver(home)
        builder = StateGraph(MessagesState)
        builder.add_node("answer", _answer)
        builder.add_edge(START, "answer")
        self._graph = builder.compile(checkpointer=saver)

    async def talk(self, messages: int) -> ThreadTalk:
        self._threads += 1
        config: Any = {"configurable": {"thread_id": f"t{self._threads}"}}
        if messages:
            await self._graph.aupdate_state(config, {"messages": [HumanMessage(QUESTION) for _ in range(messages)]})
        return ThreadTalk(self._graph, config)

    async def close(self) -> None:
        await self._stack.aclose()


class GraphOnPostgres(Graph):
    """``AsyncPostgresSaver``, the same on PostgreSQL."""

    name = "LangGraph AsyncPostgresSaver"
    engine = Engine.POSTGRES

    async def _saver(self, home: str) -> BaseCheckpointSaver[Any]:
        saver = await self._stack.enter_async_context(AsyncPostgresSaver.from_conn_string(home))
        await saver.setup()
        return saver
