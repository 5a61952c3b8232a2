"""SIGKILL of the database in mid-stream, again and again, while the server lives; then the journals against the store."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import httpx2
import pytest

from crash.journal import Entry, all_messages, conversed
from crash.process import provider_env, serving
from crash.verdict import check_history
from crash.words import WordServer, word_server
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


async def _check_entry(http: httpx2.AsyncClient, entry: Entry, words: WordServer) -> None:
    turn = (await http.get(f"/v1/turns/{entry.turn_id}")).json()
    history = await all_messages(http, entry.conversation_id, 200)
    answer = next(message for message in history if message["id"] == turn["message_id"])
    assert turn["status"] in ("completed", "interrupted"), f"I6: {turn}"
    assert turn["reason"] in (None, "store_unavailable")
    assert words.text.startswith(answer["text"])
    for seen in (*entry.gone, entry.seen):
        assert len(answer["text"]) >= len(seen), "the end carries the whole text"


async def test_kills_of_the_database_lose_nothing_that_was_acknowledged(database: DatabaseServer) -> None:
    """After ten SIGKILLs of the database under a server that lives, I1 to I6 hold, every answer carries all that the model
    had said when the store was lost, and the server healed each time without a restart."""
    async with word_server(count=100, delay_seconds=0.01) as words:
        env = {**provider_env(words.url), "PALAVER_LEASE_SECONDS": "15"}
        async with serving(database.url(), env) as server:
            clients = await conversed(
                [server.url], CLIENTS, lambda: _killed_again_and_again(database), may_be_gone=True
            )
            assert [client.unexpected for client in clients] == [[]] * CLIENTS
            async with httpx2.AsyncClient(base_url=server.url, timeout=30) as http:
                running = (await http.get("/v1/turns", params={"status": "running"})).json()
                assert running["data"] == [], "I6: nothing runs on"
                for client in clients:
                    await check_history(http, client, words)
                    for entry in client.journal:
                        await _check_entry(http, entry, words)
    assert sum(entry.attempts > 1 for client in clients for entry in client.journal) >= KILLS, "the kills hit streams"
    assert words.max_overlap == 1, "I5"
