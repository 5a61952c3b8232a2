"""What goes over the wire, byte by byte: written down by hand from what the clients send and read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest_asyncio

from compat.golden import golden, transcript
from palaver.models.scripted import ScriptedModel
from server.world import World, a_world

API = "/knowrithm/api/v1"
OLD = {"X-API-Key": "any", "X-API-Secret": "any", "Content-Type": "application/json"}
"""What the releases up to 0.1.4, and the guide, send with every request."""


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path, ScriptedModel(["Caf\u00e9\u2028 \U0001f389"])) as made:
        yield made


class Asked:
    """Asks, and remembers what was answered."""

    def __init__(self, world: World, headers: dict[str, str]) -> None:
        self._world = world
        self._headers = headers
        self.answers: list[httpx2.Response] = []

    async def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> httpx2.Response:
        headers = {**self._headers, **more.pop("headers", {})}
        self.answers.append(await self._world.http.request(method, path, json=body, headers=headers, **more))
        return self.answers[-1]


async def test_what_the_guide_sends_is_answered_so(world: World) -> None:
    """A conversation from its begin to its end, with a rating, a stream of ``data:`` lines and bare lists."""
    ask = Asked(world, OLD)
    agent = (await ask("POST", f"{API}/agent", {"name": "bot"})).json()["id"]
    begin = {"agent_id": agent, "entity_type": "USER", "metadata": {"source": "website_widget"}}
    conversation = (await ask("POST", f"{API}/conversation", begin)).json()["id"]
    path = f"{API}/conversation/{conversation}"
    reply = (await ask("POST", f"{path}/chat", {"content": "Hello?", "role": "user"})).json()["id"]
    await ask("POST", f"{API}/messages/{reply}/rate", {"rating": 5, "feedback": "clear"})
    again = {"content": "Again?", "role": "user", "stream": True}
    await ask("POST", path.replace("/api", "") + "/chat", again, headers={"Accept": "text/stream"})
    await ask("GET", f"{path}/messages?limit=1&offset=2")
    await ask("POST", f"{path}/end")
    await ask(
        "GET", f"{API}/conversation?agent_id={agent}&status=active&sort_by=started_at&sort_order=desc&per_page=10"
    )
    assert transcript(*ask.answers) == golden(__file__, "guide.txt")


async def test_the_stream_of_the_newer_releases_is_read_so(world: World) -> None:
    """The message first, then its events, also of a conversation in which nothing was said yet; then pages and the task."""
    ask = Asked(world, {})
    agent = (await ask("POST", "/knowrithm//api//v1/sdk/agent", {"name": "bot"})).json()["id"]
    conversation = (await ask("POST", f"{API}/conversation", {"agent_id": agent})).json()["id"]
    path = f"{API}/conversation/{conversation}"
    await ask("GET", f"{path}/messages/stream", headers={"Accept": "text/event-stream"})
    reply = (await ask("POST", f"{path}/chat", {"message": "Hello?"})).json()
    await ask("GET", f"{path}/messages/stream", headers={"Accept": "text/event-stream"})
    await ask("GET", f"{path}/messages?page=2&per_page=1")
    await ask("GET", f"{API}/tasks/{reply['metadata']['turn_id']}/status")
    assert transcript(*ask.answers) == golden(__file__, "stream.txt")


async def test_errors_are_told_so(world: World) -> None:
    """Each in the one envelope that every release reads."""
    ask = Asked(world, {"Content-Type": "application/json"})
    await ask("GET", f"{API}/conversation/conv_unknown")
    await ask("GET", f"{API}/nothing")
    await ask("POST", f"{API}/conversation", {"agent_id": 7})
    await ask("POST", f"{API}/conversation", content=b'{"agent_id":')
    await ask("PUT", f"{API}/health")
    await ask("POST", f"{API}/auth/login", {"email": "a@example.org", "password": "x"})
    await ask("GET", f"{API}/health")
    assert transcript(*ask.answers) == golden(__file__, "errors.txt")
