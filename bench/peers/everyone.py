"""Who is measured."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

from bench.peers.agents import RedisSessions, Run, Session, SqlAlchemySessions
from bench.peers.base import Peer
from bench.peers.langchain import File, PostgresHistories, RedisHistories, Sql, SqlOnPostgres
from bench.peers.langgraph import Graph, GraphOnPostgres
from bench.peers.ours import Ours, OursOnPostgres, OursOnRedis
from bench.peers.raw import Raw
from bench.peers.raw_servers import RawPostgres, RawRedis

EVERYONE: Sequence[type[Peer]] = (Raw, Ours, Session, Run, Sql, File, Graph)
ON_SERVERS: Sequence[type[Peer]] = (
    RawPostgres,
    OursOnPostgres,
    SqlAlchemySessions,
    PostgresHistories,
    SqlOnPostgres,
    GraphOnPostgres,
    RawRedis,
    OursOnRedis,
    RedisSessions,
    RedisHistories,
)

P = TypeVar("P", bound=Peer)
Homes = Callable[[type[Peer]], AbstractContextManager[str]]
"""Gives each peer an empty home of its own."""


def folders(folder: Path) -> Homes:
    """Homes in this folder, which has none yet."""

    @contextmanager
    def home(kind: type[Peer]) -> Iterator[str]:
        place = folder / kind.__name__
        place.mkdir(parents=True)
        yield str(place)

    return home


@asynccontextmanager
async def opened(kinds: Sequence[type[P]], homes: Homes) -> AsyncIterator[list[P]]:
    """Open each in a home of its own, and close them again."""
    async with AsyncExitStack() as stack:
        peers = []
        for kind in kinds:
            peer = kind()
            await peer.open(stack.enter_context(homes(kind)))
            stack.push_async_callback(peer.close)
            peers.append(peer)
        yield peers
