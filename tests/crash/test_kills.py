"""SIGKILL in mid-stream, again and again; then the clients' journals against the store."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import httpx2
import pytest

from crash.journal import conversed, created, frames_of, make_conversation
from crash.process import ServerProcess, fleet, provider_env, serving
from crash.verdict import check_all
from crash.words import word_server

CLIENTS = 6
LEASE_SECONDS = 1.0


async def _killed_again_and_again(servers: Sequence[ServerProcess], kills: int) -> None:
    moments = random.Random(kills)
    for _ in range(kills):
        await asyncio.sleep(moments.uniform(0.15, 0.7))
        server = moments.choice(servers)
        await server.kill()
        await server.start()


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 4])
async def test_kills_lose_nothing_that_was_acknowledged_or_seen(store_url: str, count: int, kills: int) -> None:
    """After any number of SIGKILLs in mid-stream, I1, I2, I4, I6, I7, I8, I10 and I13 hold for every client's journal,
    with one server and (half as often) with four that share the store and the clients."""
    kills = kills if count == 1 else kills // 2
    async with word_server(count=40, delay_seconds=0.015) as words:
        async with fleet(store_url, provider_env(words.url), count) as servers:
            clients = await conversed(
                [server.url for server in servers], CLIENTS, lambda: _killed_again_and_again(servers, kills)
            )
            async with httpx2.AsyncClient(base_url=servers[0].url, timeout=30) as http:
                await check_all(http, clients, words, {"server_restart"})
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
