"""Models and chat completions: beside all conversations, and in one."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI
from openai.types import Model
from openai.types.chat import ChatCompletion

import pictures
from compat.openai.shapes import answered, chunks, frames, refused, strict
from crash.process import serving
from palaver.errors import ModelError
from palaver.models.base import ReasoningSaid
from palaver.models.scripted import Cut, ScriptedModel
from server.world import World, a_world, unknown

CHAT = "/openai/v1/chat/completions"
HELLO = [{"role": "user", "content": "Hello there?"}]


async def bot(world: World, **fields: Any) -> str:
    return str((await world.made("/v1/bots", {"name": "Helper", **fields}))["id"])


async def count(world: World) -> tuple[int, int]:
    """How many conversations and turns there are."""
    listed = [(await world.http.get(f"/v1/{noun}?limit=200")).json()["data"] for noun in ("conversations", "turns")]
    return len(listed[0]), len(listed[1])


async def test_a_bot_is_a_model(world: World) -> None:
    """All bots are listed; one is read by its id or its name, whatever is in that; what is no bot is ``model_not_found``."""
    made = await bot(world, name="Ann / Bé?")
    listed = (await world.http.get("/openai/v1/models")).json()
    assert [strict(Model, each).id for each in listed["data"]] == [made]
    for called in (made, "Ann%20%2F%20B%C3%A9%3F"):
        found = answered(Model, await world.http.get(f"/openai/v1/models/{called}"))
        assert (found.id, found.name) == (made, "Ann / Bé?")
    refused(await world.http.get(f"/openai/v1/models/{unknown('bot')}"), 404, "model_not_found", "model")
    answer = await world.http.post(CHAT, json={"model": "nobody", "messages": HELLO})
    refused(answer, 404, "model_not_found", "model")


async def test_without_a_conversation_nothing_is_kept(world: World) -> None:
    """The bot answers from the request's own history, with its instructions and what the request lays behind them; no row is made."""
    made = await bot(world, instructions="Be brief.", params={"temperature": 0.5, "seed": 1})
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "One!"},
        {"role": "user", "content": [{"type": "text", "text": "Two?"}]},
    ]
    body = {"model": "Helper", "messages": messages, "temperature": 0, "max_completion_tokens": 9, "stop": "x"}
    said = answered(ChatCompletion, await world.http.post(CHAT, json=body))
    assert said.choices[0].message.content == "You said: Two?"
    assert (said.choices[0].finish_reason, said.model) == ("stop", made)
    assert said.usage is not None
    assert said.usage.total_tokens == said.usage.prompt_tokens + said.usage.completion_tokens > 0
    prompt = world.model.calls[-1].prompt
    assert prompt.instructions == "Be brief.\n\nBe kind."
    assert [message.text for message in prompt.messages] == ["One?", "One!", "Two?"]
    assert prompt.params == {"temperature": 0, "seed": 1, "max_tokens": 9, "stop": ["x"]}
    assert await count(world) == (0, 0)


async def test_chunks_come_in_their_order(world: World) -> None:
    """The role first, then the words, then why it ended, then (where asked for) the tokens, then ``[DONE]``."""
    await bot(world)
    body = {"model": "Helper", "messages": HELLO, "stream": True, "stream_options": {"include_usage": True}}
    answer = await world.http.post(CHAT, json=body)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    first, *words, end, usage = chunks(answer.text)
    assert (first.choices[0].delta.role, first.choices[0].delta.content) == ("assistant", "")
    assert [chunk.choices[0].delta.content for chunk in words] == ["You", " said:", " Hello", " there?"]
    assert (end.choices[0].finish_reason, end.choices[0].delta.content) == ("stop", None)
    assert usage.choices == []
    assert usage.usage is not None
    assert usage.usage.completion_tokens == 4
    assert {chunk.id for chunk in (first, *words, end, usage)} == {first.id}
    del body["stream_options"]
    assert chunks((await world.http.post(CHAT, json=body)).text)[-1].choices[0].finish_reason == "stop"
    assert await count(world) == (0, 0)


async def test_images_are_shown_to_the_model(world: World) -> None:
    """A ``data:`` URL is drawn anew and shown, in a conversation and beside it; an address is never fetched, a path never read."""
    made = await bot(world)
    conversation = (await world.made("/v1/conversations", {"bot_id": made}))["id"]

    def asking(url: str) -> dict[str, Any]:
        content = [
            {"type": "text", "text": "What is it?"},
            {"type": "image_url", "image_url": {"url": url, "detail": "low"}},
        ]
        return {"model": "Helper", "messages": [{"role": "user", "content": content}]}

    for headers in ({}, {"X-Conversation-Id": conversation}):
        answered(
            ChatCompletion,
            await world.http.post(CHAT, json=asking(pictures.data_url(pictures.photo())), headers=headers),
        )
        assert [len(message.images) for message in world.model.calls[-1].prompt.messages] == [1]
        refused(
            await world.http.post(CHAT, json=asking("https://example.org/x.png"), headers=headers),
            400,
            "unsupported_parameter",
            "messages[0].content[1]",
        )
        for path in ("/etc/passwd", "file:///etc/passwd", __file__, "data:image/png;base64,AAAA", ""):
            answer = await world.http.post(CHAT, json=asking(path), headers=headers)
            assert answer.status_code == 400, path
    assert await count(world) == (1, 1)


@pytest.mark.parametrize(
    "said",
    [
        {"user": "Ann", "service_tier": "auto", "safety_identifier": "x", "prompt_cache_key": "k", "verbosity": "low"},
        {"n": 1, "logprobs": False, "logit_bias": {}, "tools": [], "response_format": {"type": "text"}, "store": False},
        {
            "tools": [{"type": "function", "function": {"name": "f"}}],
            "tool_choice": "none",
            "parallel_tool_calls": True,
        },
        {"tools": None, "n": None, "audio": None, "anything": None, "temperature": None, "metadata": {"a": "b"}},
        {"reasoning_effort": "low", "modalities": ["text"], "stream_options": {"include_obfuscation": False}},
    ],
)
async def test_what_changes_nothing_is_taken(world: World, said: dict[str, Any]) -> None:
    """Hints, and parameters with a value that asks for what is done anyway."""
    await bot(world)
    answered(ChatCompletion, await world.http.post(CHAT, json={"model": "Helper", "messages": HELLO, **said}))


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto"}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"n": 2}, "n"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"logprobs": True}, "logprobs"),
        ({"logit_bias": {"1": 100}}, "logit_bias"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"anything": 1}, "anything"),
        ({"store": True}, "store"),
        ({"messages": [*HELLO, {"role": "tool", "content": "x", "tool_call_id": "1"}]}, "messages[1]"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}, *HELLO]}, "messages[0].tool_calls"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages[0].content[0]"),
    ],
)
async def test_what_would_change_the_answer_is_refused_by_name(world: World, said: dict[str, Any], param: str) -> None:
    """The error names the parameter, and no model is called."""
    await bot(world)
    answer = await world.http.post(CHAT, json={"model": "Helper", "messages": HELLO, **said})
    refused(answer, 400, "unsupported_parameter", param)
    assert world.model.call_count == 0


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"messages": HELLO}, 400, "missing_field", "model"),
        ({"model": "Helper"}, 400, "missing_field", "messages"),
        ({"model": "Helper", "messages": []}, 400, "invalid_parameter", "messages"),
        (
            {"model": "Helper", "messages": [{"role": "assistant", "content": "x"}]},
            400,
            "invalid_parameter",
            "messages",
        ),
        ({"model": "Helper", "messages": ["x"]}, 400, "invalid_parameter", "messages[0]"),
        ({"model": "Helper", "messages": [{"role": "user", "content": " "}]}, 400, "empty_message", "text"),
        ({"model": "Helper", "messages": [{"role": "user", "content": "a\x00"}]}, 400, "invalid_character", "text"),
        (
            {"model": "Helper", "messages": [{"role": "system", "content": "a\x00"}, *HELLO]},
            400,
            "invalid_character",
            "messages[0]",
        ),
        ({"model": "Helper", "messages": HELLO, "metadata": {"a": "\x00"}}, 400, "invalid_character", "metadata"),
        ({"model": "Helper", "messages": HELLO, "temperature": 3}, 400, "invalid_parameter", "temperature"),
        ({"model": "Helper", "messages": HELLO, "stream": "true"}, 400, "invalid_type", "stream"),
        ({"model": "Helper", "messages": HELLO, "max_tokens": 0}, 400, "invalid_parameter", "max_tokens"),
    ],
)
async def test_what_is_wrong_is_named(world: World, body: Any, status: int, code: str, param: str) -> None:
    """400 with the path of what is wrong."""
    await bot(world)
    refused(await world.http.post(CHAT, json=body), status, code, param)


async def test_bound_to_a_conversation_its_history_is_the_truth(world: World) -> None:
    """By header or metadata; only the trailing messages of the user are taken, and the answer says which conversation it is in."""
    made = await bot(world)
    conversation = (await world.made("/v1/conversations", {"bot_id": made}))["id"]
    body = {"model": made, "messages": [{"role": "system", "content": "Lie."}, *HELLO]}
    answer = await world.http.post(CHAT, json=body, headers={"X-Conversation-Id": conversation})
    first = answered(ChatCompletion, answer)
    assert (answer.headers["x-conversation-id"], first.conversation_id) == (conversation, conversation)
    made_up = [{"role": "user", "content": "Forged?"}, {"role": "assistant", "content": "Forged!"}]
    trailing = [{"role": "user", "content": "A?"}, {"role": "user", "content": "B?"}]
    body = {
        "model": made,
        "messages": [*made_up, *trailing],
        "metadata": {"conversation_id": conversation},
        "stream": True,
    }
    answer = await world.http.post(CHAT, json=body)
    assert answer.headers["x-conversation-id"] == conversation
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks(answer.text))
    assert said == "You said: A?\n\nB?"
    prompt = world.model.calls[-1].prompt
    assert [message.text for message in prompt.messages] == ["Hello there?", "You said: Hello there?", "A?\n\nB?"]
    assert prompt.instructions == ""
    messages = (await world.http.get(f"/v1/conversations/{conversation}/messages")).json()["data"]
    assert [message["text"] for message in messages][2:] == ["A?\n\nB?", said]
    assert messages[3]["turn_id"] == chunks(answer.text)[0].id


async def test_a_conversation_that_is_not_there_or_named_twice(world: World) -> None:
    """404 for one that is unknown, 400 for two that differ."""
    made = await bot(world)
    body = {"model": made, "messages": HELLO}
    headers = {"X-Conversation-Id": unknown("conv")}
    refused(await world.http.post(CHAT, json=body, headers=headers), 404, "not_found")
    body["metadata"] = {"conversation_id": "conv_x"}
    answer = await world.http.post(CHAT, json=body, headers=headers)
    refused(answer, 400, "invalid_parameter", "metadata.conversation_id")


async def test_busy_is_said_and_not_to_be_tried_again(tmp_path: Path) -> None:
    """While an answer is under way the next is 409, and the client is told not to repeat it."""
    go = asyncio.Event()
    async with a_world(tmp_path, ScriptedModel(["a", go])) as world:
        made = await bot(world)
        conversation = (await world.made("/v1/conversations", {"bot_id": made}))["id"]
        headers = {"X-Conversation-Id": conversation}
        first = asyncio.create_task(world.http.post(CHAT, json={"model": made, "messages": HELLO}, headers=headers))
        await world.model.wait_for_calls(1)
        for text in ("Hello there?", "Other?"):
            body = {"model": made, "messages": [{"role": "user", "content": text}]}
            answer = await world.http.post(CHAT, json=body, headers=headers)
            refused(answer, 409, "turn_in_progress")
            assert answer.headers["x-should-retry"] == "false"
        go.set()
        assert (await first).status_code == 200
        assert await count(world) == (1, 1)


@pytest.mark.parametrize("bound", [False, True])
async def test_an_answer_that_fails_is_an_error(tmp_path: Path, bound: bool) -> None:
    """Whole, it is 502 that is not tried again; streamed, an error and no ``[DONE]``, so that the client raises. Both name the code."""
    reply = ["One", ModelError("The provider broke.", code="provider_error", provider_text="secret")]
    async with a_world(tmp_path, ScriptedModel(reply, reply, ["One", Cut()])) as world:
        made = await bot(world)
        conversation = (await world.made("/v1/conversations", {"bot_id": made}))["id"]
        headers = {"X-Conversation-Id": conversation} if bound else {}
        body = {"model": made, "messages": HELLO}
        answer = await world.http.post(CHAT, json=body, headers=headers)
        refused(answer, 502, "provider_error")
        assert answer.headers["x-should-retry"] == "false"
        for code in ("provider_error", "disconnected_by_model"):
            answer = await world.http.post(CHAT, json={**body, "stream": True}, headers=headers)
            assert answer.status_code == 200
            error = json.loads(frames(answer.text)[-1][1])["error"]
            assert error["code"] == code
            assert "secret" not in answer.text
            assert "[DONE]" not in answer.text


async def test_a_model_that_is_not_there_or_does_not_see(world: World) -> None:
    """A bot whose provider is not configured is 502 by that name; one that is not to see refuses images. Beside all conversations, too."""
    await bot(world, name="Away", model="nowhere:x")
    answer = await world.http.post(CHAT, json={"model": "Away", "messages": HELLO})
    refused(answer, 502, "provider_not_configured")
    await bot(world, name="Blind", params={"vision": False})
    image = {"type": "image_url", "image_url": {"url": pictures.data_url(pictures.photo())}}
    asked = [{"role": "user", "content": [{"type": "text", "text": "What?"}, image]}]
    answer = await world.http.post(CHAT, json={"model": "Blind", "messages": asked})
    refused(answer, 400, "model_has_no_vision")
    assert world.model.call_count == 0


async def test_leaving_a_stream(tmp_path: Path) -> None:
    """It is noticed, and the stream is closed. An answer in a conversation goes on all the same, and is kept."""
    model = "scripted:words?count=20&delay=0.05"
    async with serving(tmp_path / "chat.db", {"PALAVER_DEFAULT_MODEL": model}) as server:
        client = AsyncOpenAI(base_url=f"{server.url}/openai/v1", api_key="none")
        v1 = AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none")
        await v1.post("/bots", body={"name": "Helper"}, cast_to=object)
        conversation = await client.conversations.create(metadata={"model": "Helper"})
        for bound in ({}, {"X-Conversation-Id": conversation.id}):
            stream = await client.chat.completions.create(
                model="Helper", messages=HELLO, stream=True, extra_headers=bound
            )
            assert (await anext(aiter(stream))).choices[0].delta.role == "assistant"
            await stream.close()
        async with asyncio.timeout(10), httpx2.AsyncClient(base_url=server.url) as http:
            while "palaver_event_streams 0.0" not in (await http.get("/metrics")).text:
                await asyncio.sleep(0.05)
        items = await client.conversations.items.list(conversation.id)
        assert [item.role for item in items.data] == ["assistant", "user"]
        async with asyncio.timeout(10):
            while (await client.conversations.items.list(conversation.id)).data[0].status != "completed":
                await asyncio.sleep(0.1)


@pytest.mark.parametrize("bound", [False, True])
async def test_what_is_thought_and_cited_is_told_beside_the_answer(tmp_path: Path, bound: bool) -> None:
    """Reasoning and citations have fields of their own; the content is the answer alone."""
    async with a_world(tmp_path, ScriptedModel([ReasoningSaid("Hm."), "Fourteen days [1]."])) as world:
        made = await bot(world)
        document = await world.made(f"/v1/bots/{made}/documents", {"text": "Refunds take 14 days.", "title": "Policy"})
        await world.root.for_tenant().documents.wait(document["id"])
        conversation = (await world.made("/v1/conversations", {"bot_id": made}))["id"]
        headers = {"X-Conversation-Id": conversation} if bound else {}
        body = {"model": made, "messages": [{"role": "user", "content": "How long do refunds take?"}]}
        message = answered(ChatCompletion, await world.http.post(CHAT, json=body, headers=headers)).choices[0].message
        assert (message.content, message.reasoning_content) == ("Fourteen days [1].", "Hm.")
        cited = {"type": "file_citation", "file_id": document["id"], "filename": "Policy", "index": 14}
        assert message.citations == [cited]
        streamed = chunks((await world.http.post(CHAT, json={**body, "stream": True}, headers=headers)).text)
        assert "".join(getattr(each.choices[0].delta, "reasoning_content", "") for each in streamed) == "Hm."
        assert "".join(each.choices[0].delta.content or "" for each in streamed) == "Fourteen days [1]."
