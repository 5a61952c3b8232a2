"""Two server processes on one SQLite file: whoever is asked, the conversation is one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from crash.journal import Frame, created, frames_of, make_conversation
from crash.process import ServerProcess, provider_env, serving
from crash.words import WordServer, word_server

LATER = {"Prefer": "respond-async"}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two clients of two servers, and the model that both ask."""

    one: httpx2.AsyncClient
    other: httpx2.AsyncClient
    words: WordServer
    first: ServerProcess

    async def path(self) -> str:
        """A new conversation."""
        bots = (await self.one.get("/v1/bots")).json()["data"]
        bot = bots[0] if bots else await created(self.one, "/v1/bots", {"name": "Helper", "model": "words:any"})
        return f"/v1/conversations/{await make_conversation(self.one, bot['id'])}/messages"


@asynccontextmanager
async def two_servers(
    folder: Path, *, count: int, delay_seconds: float, lease_seconds: float = 1
) -> AsyncIterator[Pair]:
    """Start both on one file."""
    async with word_server(count=count, delay_seconds=delay_seconds) as words:
        env = {**provider_env(words.url), "PALAVER_LEASE_SECONDS": str(lease_seconds)}
        async with serving(folder / "chat.db", env) as first, serving(folder / "chat.db", env) as second:
            async with (
                httpx2.AsyncClient(base_url=first.url, timeout=30) as one,
                httpx2.AsyncClient(base_url=second.url, timeout=30) as other,
            ):
                yield Pair(one, other, words, first)


async def _followed(http: httpx2.AsyncClient, turn_path: str, after: int = 0) -> list[Frame]:
    async with http.stream("GET", f"{turn_path}/events", params={"after": str(after)}) as response:
        assert response.status_code == 200
        return [frame async for frame in frames_of(response)]


async def test_a_turn_is_followed_through_the_other_server(tmp_path: Path) -> None:
    """I8: a stream read on another process, from the begin or from its middle, is the same bytes."""
    async with two_servers(tmp_path, count=20, delay_seconds=0.05) as pair:
        path = await pair.path()
        turn = (await pair.one.post(path, json={"text": "a hello"}, headers=LATER)).headers["Location"]
        here, there, middle = await asyncio.gather(
            _followed(pair.one, turn), _followed(pair.other, turn), _followed(pair.other, turn, after=1)
        )
        assert there == here
        assert middle == here[1:]
        assert "".join(frame.text for frame in here) == pair.words.text


async def test_a_turn_is_stopped_through_the_other_server(tmp_path: Path) -> None:
    """I11: a stop sent to another process reaches the model within a second and keeps the text."""
    async with two_servers(tmp_path, count=500, delay_seconds=0.02) as pair:
        path = await pair.path()
        turn = (await pair.one.post(path, json={"text": "a hello"}, headers=LATER)).headers["Location"]
        follower = asyncio.ensure_future(_followed(pair.one, turn))
        await asyncio.sleep(0.4)
        begun = time.monotonic()
        stopped = (await pair.other.post(f"{turn}/stop")).json()
        frames = await follower
        while not pair.words.calls[0].aborted:
            assert time.monotonic() - begun < 1, "the model was not aborted within a second"
            await asyncio.sleep(0.01)
        assert (stopped["status"], stopped["reason"]) == ("interrupted", "stopped")
        assert frames[-1].event == "turn.interrupted"
        assert (await pair.other.post(f"{turn}/stop")).json() == stopped, "a stop is idempotent"
        history = (await pair.other.get(path)).json()["data"]
        assert history[1]["text"] == "".join(frame.text for frame in frames) != ""


async def test_a_silent_turn_is_stopped_through_the_other_server(tmp_path: Path) -> None:
    """I11: a stop sent to another process reaches a model that has stopped talking within a second, too."""
    async with two_servers(tmp_path, count=2, delay_seconds=25, lease_seconds=15) as pair:
        turn = (await pair.one.post(await pair.path(), json={"text": "a hello"}, headers=LATER)).headers["Location"]
        while not (pair.words.calls and pair.words.calls[0].deltas):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        async with asyncio.timeout(1):
            stopped = (await pair.other.post(f"{turn}/stop")).json()
            while not pair.words.calls[0].aborted:
                await asyncio.sleep(0.01)
        assert (stopped["status"], stopped["reason"]) == ("interrupted", "stopped")


async def test_two_servers_run_one_turn_at_a_time(tmp_path: Path) -> None:
    """I5: whatever both are sent at once, the model sees one call of a conversation at a time; the queue keeps its order."""
    async with two_servers(tmp_path, count=5, delay_seconds=0.02) as pair:
        path = await pair.path()
        sends = [
            http.post(path, json={"text": f"a {number}", "policy": "queue"})
            for number in range(4)
            for http in (pair.one, pair.other)
        ]
        answers = await asyncio.gather(*sends)
        assert {answer.status_code for answer in answers} == {201}
        assert {answer.json()["turn"]["status"] for answer in answers} == {"completed"}
        assert pair.words.max_overlap == 1
        in_order = sorted((answer.json() for answer in answers), key=lambda body: body["turn"]["index"])
        assert [call.question for call in pair.words.calls] == [body["user_message"]["text"] for body in in_order]


async def test_the_other_server_takes_over_what_a_dead_one_left(tmp_path: Path) -> None:
    """I6: when one server is killed, the other ends its turn once the lease is over and runs what was queued behind it."""
    async with two_servers(tmp_path, count=40, delay_seconds=0.05) as pair:
        path = await pair.path()
        running = (await pair.one.post(path, json={"text": "a one"}, headers=LATER)).headers["Location"]
        queued = await pair.one.post(path, json={"text": "a two", "policy": "queue"}, headers=LATER)
        await asyncio.sleep(0.3)
        await pair.first.kill()
        async with asyncio.timeout(1 + 5):
            frames = await _followed(pair.other, running)
        assert frames[-1].event == "turn.interrupted"
        assert (await pair.other.get(running)).json()["reason"] == "server_restart"
        taken = await _followed(pair.other, queued.headers["Location"])
        assert taken[-1].event == "turn.completed"
        assert "".join(frame.text for frame in taken) == pair.words.text
