"""The bytes of each kind of answer, as they are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from compat.golden import golden, transcript
from palaver.models.base import ReasoningSaid
from palaver.models.scripted import ScriptedModel
from server.world import World, a_world

V1 = "/openai/v1"
HELLO = [{"role": "user", "content": "Hello?"}]


async def completions(world: World, conversation: str) -> list[httpx2.Response]:
    bound = {"X-Conversation-Id": conversation}
    body: dict[str, Any] = {"model": "Helper", "messages": HELLO}
    streamed = {**body, "stream": True, "stream_options": {"include_usage": True}}
    return [
        await world.http.post(f"{V1}/chat/completions", json=body),
        await world.http.post(f"{V1}/chat/completions", json=body, headers=bound),
        await world.http.post(f"{V1}/chat/completions", json=streamed, headers=bound),
    ]


async def responses(world: World, conversation: str) -> list[httpx2.Response]:
    body = {"model": "Helper", "input": "Hello?", "conversation": conversation}
    return [
        await world.http.post(f"{V1}/responses", json=body),
        await world.http.post(f"{V1}/responses", json={**body, "stream": True}),
        await world.http.post(f"{V1}/responses", json={"model": "Helper", "input": "Hello?", "store": False}),
        await world.http.post(f"{V1}/responses", json={**body, "tools": [{"type": "web_search"}]}),
    ]


async def conversations(world: World, conversation: str) -> list[httpx2.Response]:
    path = f"{V1}/conversations/{conversation}"
    items = [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Hi!"}]
    return [
        await world.http.get(f"{V1}/models"),
        await world.http.get(path),
        await world.http.post(f"{path}/items", json={"items": items}),
        await world.http.get(f"{path}/items?limit=1&order=asc"),
        await world.http.delete(path),
        await world.http.get(path),
    ]


@pytest.mark.parametrize("said", [completions, responses, conversations], ids=lambda said: said.__name__)
async def test_the_bytes_are_those_that_are_kept(tmp_path: Path, said: Any) -> None:
    """Each answer is its transcript, ids and times apart."""
    async with a_world(tmp_path, ScriptedModel([ReasoningSaid("Hm."), "Hi you."])) as world:
        bot = (await world.made("/v1/bots", {"name": "Helper"}))["id"]
        conversation = (await world.made("/v1/conversations", {"bot_id": bot, "metadata": {"a": "1"}}))["id"]
        found = transcript(*await said(world, conversation))
    assert found == golden(__file__, f"{said.__name__}.txt")
