"""The wire between the server and its database is cut, goes silent, loses what it carries."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import count, repeat
from statistics import median

import httpx2
import pytest

from crash.journal import all_messages, conversed, created, frames_of, make_conversation
from crash.process import ServerProcess, provider_env, serving
from crash.verdict import UNTOLD, check_all
from crash.words import word_server
from servers.fixtures import STORES
from servers.proxy import Proxy, proxy_to

CLIENTS = 6
CUTS = 30
ENV = {"PALAVER_DEFAULT_MODEL": "scripted:words?count=5"}


@pytest.fixture(params=[store for store in STORES if store != "sqlite"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database behind a wire."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[Proxy]:
    async with proxy_to(database_url) as proxy:
        yield proxy


async def _until_accepted(http: httpx2.AsyncClient, path: str, body: dict[str, str], key: str) -> list[httpx2.Response]:
    """Send with one key until it is taken; each refusal is a 503 that says when to come back."""
    answers = [await http.post(path, json=body, headers={"Idempotency-Key": key})]
    while answers[-1].status_code != 201:
        assert (answers[-1].status_code, answers[-1].json()["code"]) == (503, "store_unavailable")
        assert "Retry-After" in answers[-1].headers
        assert len(answers) < 20
        await asyncio.sleep(0.2)
        answers.append(await http.post(path, json=body, headers={"Idempotency-Key": key}))
    return answers


async def test_an_answer_that_is_lost_behind_a_commit_is_resolved_by_the_key(proxy: Proxy) -> None:
    """I2: wherever the connection is cut between a statement that carries the key and its answer, the send that is retried
    with that key is one turn, which is answered all the same, and a bot that is made so is one bot."""
    env = {**ENV, "PALAVER_LEASE_SECONDS": "15"}
    async with serving(proxy.url, env) as server, httpx2.AsyncClient(base_url=server.url, timeout=60) as http:
        bot = await created(http, "/v1/bots", {"name": "Helper"})
        for occurrence in count(1):
            conversation_id, key = await make_conversation(http, bot["id"]), f"lost-{occurrence}-answer"
            proxy.lose_answer(key.encode(), occurrence)
            await _until_accepted(http, f"/v1/conversations/{conversation_id}/messages", {"text": "Hello"}, key)
            history = await all_messages(http, conversation_id, 100)
            assert [message["role"] for message in history] == ["user", "assistant"]
            (turn,) = (await http.get("/v1/turns", params={"limit": "1"})).json()["data"]
            assert turn["message_id"] == history[1]["id"]
            assert turn["status"] == "completed"
            assert (await http.get(f"/v1/conversations/{conversation_id}")).json()["turn_count"] == 1
            if not proxy.lost_an_answer:
                break
        assert occurrence > 1, "an answer was lost at least once"
        for once in count(1):
            name = f"lost-{once}-bot"
            proxy.lose_answer(name.encode(), once)
            await _until_accepted(http, "/v1/bots", {"name": name}, f"{name}-key")
            if not proxy.lost_an_answer:
                break
        names = [each["name"] for each in (await http.get("/v1/bots")).json()["data"]]
        assert sorted(names) == sorted(["Helper", *(f"lost-{each}-bot" for each in range(1, once + 1))])


def _points(seed: int) -> Iterator[int | None]:
    """How much each of the next connections carries: enough for some turns, then the wire holds."""
    chance = random.Random(seed)
    yield from (chance.randrange(1_000, 30_000) for _ in range(CUTS))
    yield from repeat(None)


@pytest.mark.slow
async def test_connections_that_are_cut_anywhere_lose_and_repeat_nothing(proxy: Proxy) -> None:
    """With the store's connections cut at random bytes in either direction, I1, I2, I4, I6, I7, I8, I10 and I13 hold for
    every client's journal, and the server needs no restart."""
    async with word_server(count=40, delay_seconds=0.015) as words:
        env = {**provider_env(words.url), "PALAVER_LEASE_SECONDS": "15"}
        async with serving(proxy.url, env) as server:

            async def cut() -> None:
                proxy.cuts = _points(1)
                proxy.cut()
                deadline = time.monotonic() + 12
                while proxy.cut_count < CUTS and time.monotonic() < deadline:
                    await asyncio.sleep(0.1)

            clients = await conversed([server.url], CLIENTS, cut)
            async with httpx2.AsyncClient(base_url=server.url, timeout=30) as http:
                await check_all(http, clients, words, {"store_unavailable", UNTOLD})
    assert proxy.cut_count >= CUTS / 2
    assert sum(entry.attempts > 1 for client in clients for entry in client.journal) >= 5, "the cuts hit streams"
    assert words.max_overlap == 1


@pytest.mark.slow
async def test_a_silent_database_is_told_and_heals(proxy: Proxy) -> None:
    """I17: when the database says nothing any more, a send is refused within 30 s, and once it speaks again the same key is
    taken, as one turn."""
    async with serving(proxy.url, ENV) as server, httpx2.AsyncClient(base_url=server.url, timeout=60) as http:
        bot = await created(http, "/v1/bots", {"name": "Helper"})
        path = f"/v1/conversations/{await make_conversation(http, bot['id'])}/messages"
        proxy.swallow()
        async with asyncio.timeout(30):
            refused = await http.post(path, json={"text": "Hello"}, headers={"Idempotency-Key": "patient"})
        assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")
        proxy.speak()
        await _until_accepted(http, path, {"text": "Hello"}, "patient")
        assert len((await http.get(path)).json()["data"]) == 2


async def _arrivals(server: ServerProcess, turn: str) -> list[tuple[int, float]]:
    """When each event of a turn came, by the clock of this process."""
    async with httpx2.AsyncClient(base_url=server.url, timeout=60) as http:
        async with http.stream("GET", f"{turn}/events") as response:
            return [(frame.seq, time.monotonic()) async for frame in frames_of(response)]


def _is_notification(piece: bytes) -> bool:
    """Of PostgreSQL (NotificationResponse on the channel) or of Redis (a message, and no confirmation)."""
    return (piece[:1] == b"A" and b"palaver" in piece) or (b"message" in piece and b"palaver:wake" in piece)


async def _delays(near: ServerProcess, far: ServerProcess) -> Sequence[float]:
    """How much later each event came to a reader of another process than to one of its own."""
    async with httpx2.AsyncClient(base_url=near.url, timeout=60) as http:
        bot = await created(http, "/v1/bots", {"name": "Slow", "model": "words:any"})
        path = f"/v1/conversations/{await make_conversation(http, bot['id'])}/messages"
        sent = await http.post(path, json={"text": "a one"}, headers={"Prefer": "respond-async"})
        turn = sent.headers["Location"]
        here, there = await asyncio.gather(_arrivals(near, turn), _arrivals(far, turn))
    assert [seq for seq, _ in there] == [seq for seq, _ in here]
    return [late - soon for (_, soon), (_, late) in zip(here, there, strict=True)]


@pytest.mark.parametrize("dropped", [False, True])
async def test_a_reader_elsewhere_sees_the_next_event_soon(database_url: str, proxy: Proxy, dropped: bool) -> None:
    """A reader of another process sees each event when it is told of it, mostly within 100 ms; when all that it is told
    gets lost, still within 1 s."""
    drops = list[bytes]()

    def lost(piece: bytes) -> bool:
        if dropped and _is_notification(piece):
            drops.append(piece)
            return True
        return False

    proxy.drops = lost
    async with word_server(count=15, delay_seconds=0.3) as words:
        env = provider_env(words.url)
        async with serving(database_url, env) as near, serving(proxy.url, env) as far:
            delays = await _delays(near, far)
    assert max(delays) < 1
    assert bool(drops) == dropped
    assert dropped or median(delays) < 0.1
