"""Who is measured."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from bench.peers.agents import Run, Session
from bench.peers.base import Peer
from bench.peers.langchain import File, Sql
from bench.peers.langgraph import Graph
from bench.peers.ours import Ours
from bench.peers.raw import Raw

EVERYONE: Sequence[type[Peer]] = (Raw, Ours, Session, Run, Sql, File, Graph)


@asynccontextmanager
async def opened(kinds: Sequence[type[Peer]], folder: Path) -> AsyncIterator[list[Peer]]:
    """Open each in a folder of its own, and close them again."""
    async with AsyncExitStack() as stack:
        peers = []
        for kind in kinds:
            home = folder / kind.__name__
            home.mkdir(parents=True)
            peer = kind()
            await peer.open(home)
            stack.push_async_callback(peer.close)
            peers.append(peer)
        yield peers
