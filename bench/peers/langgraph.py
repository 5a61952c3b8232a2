"""LangGraph: a graph of one node over its AsyncSqliteSaver."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, MessagesState, StateGraph

from bench.peers.base import ANSWER, QUESTION, READ_LAST


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

    async def open(self, folder: Path) -> None:
        self._stack, self._threads = AsyncExitStack(), 0
        saver = await self._stack.enter_async_context(AsyncSqliteSaver.from_conn_string(str(folder / "langgraph.db")))
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
