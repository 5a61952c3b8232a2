"""Several server processes on one store: whoever is asked, the conversation is one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx2
import pytest

from crash.journal import Frame, all_messages, created, frames_of, make_conversation
from crash.process import ServerProcess, fleet, provider_env
from crash.words import WordServer, word_server

LATER = {"Prefer": "respond-async"}
SENDS = 100
LEASE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Crew:
    """Servers, a client of each, and the model that all of them ask."""

    servers: Sequence[ServerProcess]
    clients: Sequence[httpx2.AsyncClient]
    words: WordServer

    @property
    def one(self) -> httpx2.AsyncClient:
        """The first server's client."""
        return self.clients[0]

    @property
    def other(self) -> httpx2.AsyncClient:
        """Another one's."""
        return self.clients[-1]

    async def path(self) -> str:
        """A new conversation."""
        bots = (await self.one.get("/v1/bots")).json()["data"]
        bot = bots[0] if bots else await created(self.one, "/v1/bots", {"name": "Helper", "model": "words:any"})
        return f"/v1/conversations/{await make_conversation(self.one, bot['id'])}/messages"

    async def state(self, turn: str, path: str) -> list[object]:
        """Everything that is stored of a turn."""
        frames = await _followed(self.other, turn)
        return [(await self.other.get(turn)).json(), (await self.other.get(path)).json(), frames]


@asynccontextmanager
async def crew_on(
    store_url: str, words: WordServer, *, count: int = 2, lease_seconds: float = LEASE_SECONDS
) -> AsyncIterator[Crew]:
    """Start them on one store."""
    env = {**provider_env(words.url), "PALAVER_LEASE_SECONDS": str(lease_seconds)}
    limits = httpx2.Limits(max_connections=SENDS)
    async with fleet(store_url, env, count) as servers, AsyncExitStack() as stack:
        clients = [httpx2.AsyncClient(base_url=server.url, timeout=30, limits=limits) for server in servers]
        for client in clients:
            await stack.enter_async_context(client)
        yield Crew(servers, clients, words)


@asynccontextmanager
async def two_servers(
    store_url: str, *, count: int, delay_seconds: float, lease_seconds: float = LEASE_SECONDS
) -> AsyncIterator[Crew]:
    """Start two of them, and a model that says ``count`` words."""
    async with word_server(count=count, delay_seconds=delay_seconds) as words:
        async with crew_on(store_url, words, lease_seconds=lease_seconds) as crew:
            yield crew


async def _followed(http: httpx2.AsyncClient, turn_path: str, after: int = 0) -> list[Frame]:
    async with http.stream("GET", f"{turn_path}/events", params={"after": str(after)}) as response:
        assert response.status_code == 200
        return [frame async for frame in frames_of(response)]


async def _has_spoken(words: WordServer, deltas: int) -> None:
    while not (words.calls and words.calls[0].deltas >= deltas):
        await asyncio.sleep(0.01)


async def test_a_turn_is_followed_through_the_other_server(store_url: str) -> None:
    """I8: a stream read on another process, from the begin or from its middle, is the same bytes."""
    async with two_servers(store_url, count=20, delay_seconds=0.05) as crew:
        path = await crew.path()
        turn = (await crew.one.post(path, json={"text": "a hello"}, headers=LATER)).headers["Location"]
        here, there, middle = await asyncio.gather(
            _followed(crew.one, turn), _followed(crew.other, turn), _followed(crew.other, turn, after=1)
        )
        assert there == here
        assert middle == here[1:]
        assert "".join(frame.text for frame in here) == crew.words.text


async def test_a_turn_is_stopped_through_the_other_server(store_url: str) -> None:
    """I11: a stop sent to another process reaches the model within a second and keeps the text."""
    async with two_servers(store_url, count=500, delay_seconds=0.02) as crew:
        path = await crew.path()
        turn = (await crew.one.post(path, json={"text": "a hello"}, headers=LATER)).headers["Location"]
        follower = asyncio.ensure_future(_followed(crew.one, turn))
        await asyncio.sleep(0.4)
        begun = time.monotonic()
        stopped = (await crew.other.post(f"{turn}/stop")).json()
        frames = await follower
        while not crew.words.calls[0].aborted:
            assert time.monotonic() - begun < 1, "the model was not aborted within a second"
            await asyncio.sleep(0.01)
        assert (stopped["status"], stopped["reason"]) == ("interrupted", "stopped")
        assert frames[-1].event == "turn.interrupted"
        assert (await crew.other.post(f"{turn}/stop")).json() == stopped, "a stop is idempotent"
        history = (await crew.other.get(path)).json()["data"]
        assert history[1]["text"] == "".join(frame.text for frame in frames) != ""


async def test_a_silent_turn_is_stopped_through_the_other_server(store_url: str) -> None:
    """I11: a stop sent to another process reaches a model that has stopped talking within a second, too."""
    async with two_servers(store_url, count=2, delay_seconds=25, lease_seconds=15) as crew:
        turn = (await crew.one.post(await crew.path(), json={"text": "a hello"}, headers=LATER)).headers["Location"]
        await _has_spoken(crew.words, 1)
        await asyncio.sleep(0.1)
        async with asyncio.timeout(1):
            stopped = (await crew.other.post(f"{turn}/stop")).json()
            while not crew.words.calls[0].aborted:
                await asyncio.sleep(0.01)
        assert (stopped["status"], stopped["reason"]) == ("interrupted", "stopped")


async def test_two_servers_run_one_turn_at_a_time(store_url: str) -> None:
    """I5: whatever both are sent at once, the model sees one call of a conversation at a time; the queue keeps its order."""
    async with two_servers(store_url, count=5, delay_seconds=0.02) as crew:
        path = await crew.path()
        sends = [
            http.post(path, json={"text": f"a {number}", "policy": "queue"})
            for number in range(4)
            for http in crew.clients
        ]
        answers = await asyncio.gather(*sends)
        assert {answer.status_code for answer in answers} == {201}
        assert {answer.json()["turn"]["status"] for answer in answers} == {"completed"}
        assert crew.words.max_overlap == 1
        in_order = sorted((answer.json() for answer in answers), key=lambda body: body["turn"]["index"])
        assert [call.question for call in crew.words.calls] == [body["user_message"]["text"] for body in in_order]


@pytest.mark.parametrize("count", [2, 4])
async def test_of_a_hundred_sends_through_several_servers_one_is_accepted(store_url: str, count: int) -> None:
    """I5: of 100 sends into one conversation, spread over two or four processes, one is accepted; 99 are told which."""
    async with word_server(count=20, delay_seconds=0.1) as words:
        async with crew_on(store_url, words, count=count) as crew:
            path = await crew.path()
            answers = await asyncio.gather(
                *[crew.clients[each % count].post(path, json={"text": f"a {each}"}) for each in range(SENDS)]
            )
            history = await all_messages(crew.other, path.split("/")[3], 100)
    accepted = [answer.json() for answer in answers if answer.status_code == 201]
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert (len(accepted), len(refused)) == (1, SENDS - 1)
    assert {body["turn_id"] for body in refused} == {accepted[0]["turn"]["id"]}
    assert [message["text"] for message in history] == [accepted[0]["user_message"]["text"], words.text]
    assert len(words.calls) == 1


async def test_one_key_through_four_servers_is_one_turn(store_url: str) -> None:
    """I2: 100 parallel sends with one key, spread over four processes, are one turn and the same answer 100 times."""
    async with word_server(count=10, delay_seconds=0.02) as words:
        async with crew_on(store_url, words, count=4) as crew:
            path, key = await crew.path(), {"Idempotency-Key": "one-key"}
            answers = await asyncio.gather(
                *[crew.clients[each % 4].post(path, json={"text": "a hello"}, headers=key) for each in range(SENDS)]
            )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert [(call.question, call.ended) for call in words.calls] == [("a hello", True)]


async def test_the_other_server_takes_over_what_a_dead_one_left(store_url: str) -> None:
    """I6: when one server is killed, the other ends its turn once the lease is over and runs what was queued behind it."""
    async with two_servers(store_url, count=40, delay_seconds=0.05) as crew:
        path = await crew.path()
        running = (await crew.one.post(path, json={"text": "a one"}, headers=LATER)).headers["Location"]
        queued = await crew.one.post(path, json={"text": "a two", "policy": "queue"}, headers=LATER)
        await asyncio.sleep(0.3)
        await crew.servers[0].kill()
        async with asyncio.timeout(LEASE_SECONDS + 5):
            frames = await _followed(crew.other, running)
        assert frames[-1].event == "turn.interrupted"
        assert (await crew.other.get(running)).json()["reason"] == "server_restart"
        taken = await _followed(crew.other, queued.headers["Location"])
        assert taken[-1].event == "turn.completed"
        assert "".join(frame.text for frame in taken) == crew.words.text


async def test_a_server_that_slept_past_its_lease_writes_nothing(store_url: str) -> None:
    """The fence: a server that stood still (SIGSTOP) past its lease finds its turn ended by another, changes nothing of
    it when it wakes up, leaves the model, tells its own readers how the turn ended, and goes on serving."""
    async with two_servers(store_url, count=400, delay_seconds=0.02) as crew:
        sleeper, path = crew.servers[0], await crew.path()
        turn = (await crew.one.post(path, json={"text": "a one"}, headers=LATER)).headers["Location"]
        reader = asyncio.ensure_future(_followed(crew.one, turn))
        await _has_spoken(crew.words, 10)
        sleeper.pause()
        try:
            async with asyncio.timeout(LEASE_SECONDS + 5):
                frames = await _followed(crew.other, turn)
            before = await crew.state(turn, path)
        finally:
            sleeper.resume()
        assert await reader == frames
        assert frames[-1].event == "turn.interrupted"
        async with asyncio.timeout(5):
            while not crew.words.calls[0].aborted:
                await asyncio.sleep(0.01)
        assert await crew.state(turn, path) == before
        again = (await crew.one.post(path, json={"text": "a two"}, headers=LATER)).headers["Location"]
        async with asyncio.timeout(5):
            while not crew.words.calls_of("a two"):
                await asyncio.sleep(0.01)
        assert (await crew.one.post(f"{again}/stop")).json()["status"] == "interrupted"
