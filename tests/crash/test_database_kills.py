"""SIGKILL of the database in mid-stream, again and again, while the server lives; then the journals against the store."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence

import httpx2
import pytest

from crash.journal import Entry, JournalClient, all_messages, created, make_conversation
from crash.process import ServerProcess, provider_env, serving
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


async def _conversed(server: ServerProcess, database: DatabaseServer) -> Sequence[JournalClient]:
    async with httpx2.AsyncClient(base_url=server.url) as http:
        bot = await created(http, "/v1/bots", {"name": "Helper", "model": "words:any"})
        ids = [await make_conversation(http, bot["id"]) for _ in range(CLIENTS)]
    clients = [JournalClient([server.url], id_, f"client{number}", may_be_gone=True) for number, id_ in enumerate(ids)]
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(client.talk(stop))
        await _killed_again_and_again(database)
        stop.set()
    return clients


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
            clients = await _conversed(server, database)
            assert [client.unexpected for client in clients] == [[]] * CLIENTS
            async with httpx2.AsyncClient(base_url=server.url, timeout=30) as http:
                running = (await http.get("/v1/turns", params={"status": "running"})).json()
                assert running["data"] == [], "I6: nothing runs on"
                for client in clients:
                    history = await all_messages(http, client.journal[0].conversation_id, 100)
                    assert [message["seq"] for message in history] == list(range(1, len(history) + 1)), "I4"
                    questions = [message["text"] for message in history if message["role"] == "user"]
                    assert questions == [entry.text for entry in client.journal], "I1, I2: each send once, none lost"
                    for entry in client.journal:
                        await _check_entry(http, entry, words)
    for entry in (entry for client in clients for entry in client.journal):
        assert sum(1 for call in words.calls_of(entry.text) if call.deltas) <= 1, "I2, I13"
    assert sum(entry.attempts > 1 for client in clients for entry in client.journal) >= KILLS, "the kills hit streams"
    assert words.max_overlap == 1, "I5"
