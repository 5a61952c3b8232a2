"""SIGKILL in mid-stream, again and again; then the clients' journals against the store."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import httpx2
import pytest

from crash.journal import Entry, JournalClient, all_messages, created, frames_of, make_conversation
from crash.process import ServerProcess, fleet, provider_env, serving
from crash.words import WordServer, word_server
from palaver.events import Event
from palaver.fold import fold
from palaver.jsonable import encode

CLIENTS = 6
LEASE_SECONDS = 1.0


async def _killed_again_and_again(servers: Sequence[ServerProcess], kills: int) -> None:
    moments = random.Random(kills)
    for _ in range(kills):
        await asyncio.sleep(moments.uniform(0.15, 0.7))
        server = moments.choice(servers)
        await server.kill()
        await server.start()


async def _conversed(servers: Sequence[ServerProcess], kills: int) -> Sequence[JournalClient]:
    async with httpx2.AsyncClient(base_url=servers[0].url) as http:
        bot = await created(http, "/v1/bots", {"name": "Helper", "model": "words:any"})
        ids = [await make_conversation(http, bot["id"]) for _ in range(CLIENTS)]
    urls = [server.url for server in servers]
    clients = [JournalClient(urls, id_, f"client{number}") for number, id_ in enumerate(ids)]
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(client.talk(stop))
        await _killed_again_and_again(servers, kills)
        stop.set()
    return clients


async def _check_history(http: httpx2.AsyncClient, client: JournalClient, words: WordServer) -> None:
    conversation_id = client.journal[0].conversation_id
    history = await all_messages(http, conversation_id, 100)
    for limit in (1, 7):
        assert await all_messages(http, conversation_id, limit) == history, "I4: a page size changes nothing"
    assert [message["seq"] for message in history] == list(range(1, len(history) + 1)), "I4: no gap, no reuse"
    questions = [message["text"] for message in history if message["role"] == "user"]
    assert questions == [entry.text for entry in client.journal], "I1, I2: each send once, in order, none lost"
    for entry in client.journal:
        deltas = [call.deltas for call in words.calls_of(entry.text)]
        assert len(deltas) <= 3, "I2: at most three calls"
        assert sum(1 for count in deltas if count) <= 1, "I13: never called again once a delta was shown"


async def _check_entry(http: httpx2.AsyncClient, entry: Entry, words: WordServer) -> None:
    turn = (await http.get(f"/v1/turns/{entry.turn_id}")).json()
    answer = await _answer(http, entry, turn)
    assert turn["status"] in ("completed", "interrupted"), f"I6: {turn}"
    if turn["status"] == "interrupted":
        assert turn["reason"] == "server_restart"
    assert words.text.startswith(answer["text"]), "I7: a prefix of what the model said"
    assert answer["text"].startswith(entry.seen), "I7: all that was seen"
    async with http.stream("GET", f"/v1/turns/{entry.turn_id}/events", params={"after": "0"}) as response:
        whole = [frame async for frame in frames_of(response)]
    assert entry.frames == whole, "I8: what was missed and nothing else, byte for byte"
    told, message = fold(Event(frame.seq, frame.event, frame.data) for frame in whole)
    assert (encode(told), encode(message)) == (turn, answer), "I10: the stream tells what is stored"


async def _answer(http: httpx2.AsyncClient, entry: Entry, turn: dict[str, Any]) -> dict[str, Any]:
    history = await all_messages(http, entry.conversation_id, 200)
    return next(message for message in history if message["id"] == turn["message_id"])


@pytest.mark.parametrize("count", [1, 4])
async def test_kills_lose_nothing_that_was_acknowledged_or_seen(store_url: str, count: int, kills: int) -> None:
    """After any number of SIGKILLs in mid-stream, I1, I2, I4, I6, I7, I8, I10 and I13 hold for every client's journal,
    with one server and with four that share the store and the clients."""
    async with word_server(count=40, delay_seconds=0.015) as words:
        async with fleet(store_url, provider_env(words.url), count) as servers:
            clients = await _conversed(servers, kills)
            assert [client.unexpected for client in clients] == [[]] * CLIENTS
            async with httpx2.AsyncClient(base_url=servers[0].url, timeout=30) as http:
                running = (await http.get("/v1/turns", params={"status": "running"})).json()
                assert running["data"] == [], "I6: nothing runs on"
                for client in clients:
                    await _check_history(http, client, words)
                    for entry in client.journal:
                        await _check_entry(http, entry, words)
    interrupted = sum(entry.attempts > 1 for client in clients for entry in client.journal)
    assert interrupted >= kills / 2 / count, "the kills did not hit the streams"
    assert words.max_overlap <= 2, "a killed server's call and its successor's, never two of one server"


@pytest.mark.parametrize("moment", ["before the first word", "in the middle", "at the end"])
async def test_a_killed_turn_ends_within_its_lease(store_url: str, moment: str) -> None:
    """I6: a turn whose server was killed is ``interrupted(server_restart)`` lease + 5 s after, and the conversation goes on."""
    delay = 0.03
    async with word_server(count=30, delay_seconds=delay) as words:
        async with serving(store_url, provider_env(words.url)) as server:
            async with httpx2.AsyncClient(base_url=server.url, timeout=30) as http:
                bot = await created(http, "/v1/bots", {"name": "Helper", "model": "words:any"})
                path = f"/v1/conversations/{await make_conversation(http, bot['id'])}/messages"
                sent = await http.post(path, json={"text": "a one"}, headers={"Prefer": "respond-async"})
                await asyncio.sleep({"before the first word": 0, "in the middle": 0.4, "at the end": 0.85}[moment])
            await server.kill()
            await server.start()
            async with httpx2.AsyncClient(base_url=server.url, timeout=30) as http:
                async with asyncio.timeout(LEASE_SECONDS + 5):
                    async with http.stream("GET", sent.headers["Location"] + "/events") as response:
                        frames = [frame async for frame in frames_of(response)]
                assert frames[-1].event in ("turn.interrupted", "turn.completed")
                again = await http.post(path, json={"text": "a two"})
                assert again.status_code == 201
                assert again.json()["turn"]["status"] == "completed"
