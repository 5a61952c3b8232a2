"""SIGKILL of the database in mid-stream, again and again, while the server lives; then the journals against the store."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import httpx2
import pytest

from crash.journal import conversed
from crash.process import provider_env, serving
from crash.verdict import UNTOLD, check_all
from crash.words import word_server
from servers.fixtures import SERVERS
from servers.process import DatabaseServer

CLIENTS = 6
KILLS = 10


@pytest.fixture(params=SERVERS)
def database(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    """A database server that this test may kill."""
    with request.param() as server:
        yield server


async def _killed_again_and_again(database: DatabaseServer) -> None:
    moments = random.Random(KILLS)
    for _ in range(KILLS):
        await asyncio.sleep(moments.uniform(0.5, 1.5))
        await asyncio.to_thread(database.kill)
        await asyncio.sleep(moments.uniform(0, 0.5))
        await asyncio.to_thread(database.start)


@pytest.mark.slow
async def test_kills_of_the_database_lose_nothing_that_was_acknowledged(database: DatabaseServer) -> None:
    """After ten SIGKILLs of the database under a server that lives, I1, I2, I4, I6, I10 and I13 hold, every answer carries
    all that was seen of it, streams are whole, and the server healed each time without a restart."""
    async with word_server(count=100, delay_seconds=0.01) as words:
        env = {**provider_env(words.url), "PALAVER_LEASE_SECONDS": "15"}  # longer than any restart takes
        async with serving(database.url(), env) as server:
            clients = await conversed(
                [server.url], CLIENTS, lambda: _killed_again_and_again(database), may_be_gone=True
            )
            assert [client.unexpected for client in clients] == [[]] * CLIENTS
            async with httpx2.AsyncClient(base_url=server.url, timeout=30) as http:
                await check_all(http, clients, words, {"store_unavailable", UNTOLD})
    assert sum(entry.attempts > 1 for client in clients for entry in client.journal) >= KILLS, "the kills hit streams"
    assert words.max_overlap == 1, "I5"
