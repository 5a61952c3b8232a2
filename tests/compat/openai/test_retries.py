"""What the client sends again by itself, with no key, is one send; what only looks like it is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from compat.openai import shapes
from palaver.compat.openai import sends
from palaver.models.scripted import ScriptedModel
from server.world import World, a_world


@pytest_asyncio.fixture
async def world(tmp_path: Path, store_url: str) -> AsyncIterator[World]:
    """A world on each store: which sends are the same is the store's to know."""
    async with a_world(tmp_path, store=store_url, unsafe_durability=True) as made:
        yield made


CHAT, RESPONSES = "/openai/v1/chat/completions", "/openai/v1/responses"
RETRY = {"X-Stainless-Retry-Count": "1"}


async def bound(world: World, **headers: Any) -> tuple[str, str]:
    bot = (await world.made("/v1/bots", {"name": "Helper"}, headers=headers))["id"]
    return bot, (await world.made("/v1/conversations", {"bot_id": bot}, headers=headers))["id"]


async def post(world: World, path: str, conversation: str, headers: dict[str, str], **body: Any) -> httpx2.Response:
    if path == CHAT:
        body = {
            "messages": [{"role": "user", "content": "Yes."}],
            "metadata": {"conversation_id": conversation},
            **body,
        }
    else:
        body = {"input": "Yes.", "conversation": conversation, **body}
    answer = await world.http.post(path, json={"model": "Helper", **body}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


async def turns(world: World, **headers: Any) -> int:
    return len((await world.http.get("/v1/turns", headers=headers)).json()["data"])


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
async def test_a_retry_is_the_same_send(world: World, path: str) -> None:
    """However often, also of the second send, and of one that never arrived: then it is the first."""
    _, conversation = await bound(world)
    first = (await post(world, path, conversation, {})).json()["id"]
    for number in "12":
        again = await post(world, path, conversation, {"X-Stainless-Retry-Count": number})
        assert again.json()["id"] == first
    second = (await post(world, path, conversation, {"X-Stainless-Retry-Count": "0"})).json()["id"]
    assert second != first
    assert (await post(world, path, conversation, RETRY)).json()["id"] == second
    assert await turns(world) == world.model.call_count == 2
    late = (await post(world, path, conversation, RETRY, temperature=1)).json()["id"]
    assert (await post(world, path, conversation, RETRY, temperature=1)).json()["id"] == late
    assert await turns(world) == world.model.call_count == 3


async def test_what_is_stored_before_the_question_is_stored_once(world: World) -> None:
    """Items before the question do not come again with a retry, nor with a key that is used again."""
    _, conversation = await bound(world)
    items = [
        {"role": "user", "content": "A?"},
        {"role": "assistant", "content": "A!"},
        {"role": "user", "content": "B?"},
    ]
    for first, again in (({}, RETRY), ({"Idempotency-Key": "1"}, {"Idempotency-Key": "1"})):
        said = [(await post(world, RESPONSES, conversation, headers, input=items)).json() for headers in (first, again)]
        assert said[0] == said[1]
    texts = [
        each["text"] for each in (await world.http.get(f"/v1/conversations/{conversation}/messages")).json()["data"]
    ]
    assert texts == ["A?", "A!", "B?", "You said: B?"] * 2


async def test_a_retry_while_it_runs_waits_for_it(tmp_path: Path) -> None:
    """A retry of what is under way gets its answer; the same body without the count is a conflict."""
    go = asyncio.Event()
    async with a_world(tmp_path, ScriptedModel(["a", go, "b"])) as world:
        _, conversation = await bound(world)
        first = asyncio.create_task(post(world, RESPONSES, conversation, {}))
        await world.model.wait_for_calls(1)
        again = asyncio.create_task(post(world, RESPONSES, conversation, RETRY))
        body = {"model": "Helper", "input": "Yes.", "conversation": conversation}
        shapes.refused(await world.http.post(RESPONSES, json=body), 409, "turn_in_progress")
        go.set()
        assert (await first).json() == (await again).json()
        assert world.model.call_count == 1


async def test_a_retry_is_another_send_where_anything_differs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another body, another key, another conversation, a turn that is old, or one that was begun elsewhere."""
    ann, bob = await world.key("write"), await world.key("write")
    bot, conversation = await bound(world, **ann)
    other = (await world.made("/v1/conversations", {"bot_id": bot}, headers=ann))["id"]
    await post(world, RESPONSES, conversation, ann)
    assert await turns(world, **ann) == 1
    await post(world, RESPONSES, conversation, {**ann, **RETRY}, temperature=1)
    assert await turns(world, **ann) == 2
    await post(world, RESPONSES, conversation, {**bob, **RETRY}, temperature=1)
    assert await turns(world, **ann) == 3
    await post(world, RESPONSES, other, {**bob, **RETRY}, temperature=1)
    assert await turns(world, **ann) == 4
    await world.sent(conversation, "Yes.", headers=bob)
    await post(world, RESPONSES, conversation, {**bob, **RETRY})
    assert await turns(world, **ann) == 6
    monkeypatch.setattr(sends, "YOUNG", 0 * sends.YOUNG)
    await post(world, RESPONSES, conversation, {**bob, **RETRY})
    assert await turns(world, **ann) == 7


async def test_a_key_of_the_caller_decides(world: World) -> None:
    """``Idempotency-Key`` makes a send safe to repeat, with no count and at any time."""
    _, conversation = await bound(world)
    headers = {"Idempotency-Key": "1"}
    said = [(await post(world, CHAT, conversation, headers)).json()["id"] for _ in range(2)]
    assert said[0] == said[1]
    await post(world, CHAT, conversation, {})
    assert (await post(world, CHAT, conversation, headers)).json()["id"] == said[0]
    assert await turns(world) == 2
