"""OpenAI's own client, unmodified, awaited and blocking, against a real server: everything that it can call here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

import pictures
from crash.process import serving

WORDS = " ".join(f"word{number}" for number in range(20))
MODEL = {"PALAVER_DEFAULT_MODEL": "scripted:words?count=20&delay=0.003"}


class Awaited:
    """The blocking client with the calls of the other one: each in a thread, streams and pages item by item."""

    def __init__(self, thing: Any) -> None:
        self._thing = thing

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._thing, name)
        return Awaited(found) if callable(found) or "resources" in type(found).__module__ else found

    def __call__(self, *args: Any, **options: Any) -> Any:
        return _Called(asyncio.to_thread(self._thing, *args, **options))


class _Called:
    """A call that is awaited, or iterated as a list."""

    def __init__(self, called: Any) -> None:
        self._called = called

    def __await__(self) -> Iterator[Any]:
        return self._result().__await__()

    async def _result(self) -> Any:
        result = await self._called
        return each(result) if isinstance(result, openai.Stream) else result

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for item in each(await self._called):
            yield item


async def each(items: Any) -> AsyncIterator[Any]:
    iterator, end = iter(items), object()
    while (item := await asyncio.to_thread(next, iterator, end)) is not end:
        yield item


async def models(client: Any) -> None:
    """Bots as models."""
    listed = [model async for model in client.models.list()]
    assert {model.name for model in listed} == {"Helper", "Other"}
    helper = await client.models.retrieve("Helper")
    assert (await client.models.retrieve(helper.id)).id == helper.id
    with pytest.raises(openai.NotFoundError) as refused:
        await client.models.retrieve("nobody")
    assert refused.value.code == "model_not_found"


async def completions(client: Any) -> None:
    """Beside all conversations, and in one."""
    messages: list[Any] = [{"role": "system", "content": "Count."}, {"role": "user", "content": "Go."}]
    whole = await client.chat.completions.create(model="Helper", messages=messages, temperature=0)
    assert whole.choices[0].message.content == WORDS
    assert whole.usage.completion_tokens == 20
    content = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": pictures.data_url(pictures.photo())}},
    ]
    stream = await client.chat.completions.create(
        model="Helper",
        messages=[{"role": "user", "content": content}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == WORDS
    assert chunks[-1].usage.completion_tokens == 20
    conversation = await client.conversations.create(metadata={"model": "Helper"})
    bound = {"X-Conversation-Id": conversation.id}
    answer = await client.chat.completions.create(model="Helper", messages=messages, extra_headers=bound)
    assert answer.conversation_id == conversation.id
    stream = await client.chat.completions.create(
        model="Helper", messages=messages, metadata={"conversation_id": conversation.id}, stream=True
    )
    assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == WORDS
    items = [item async for item in client.conversations.items.list(conversation.id, limit=3, order="asc")]
    assert [item.role for item in items] == ["user", "assistant"] * 2
    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(model="Helper", messages=messages, n=2)
    assert refused.value.param == "n"


async def conversations(client: Any) -> None:
    """Made, answered in, read, edited, filled, emptied, deleted."""
    message = {"type": "message", "role": "user", "content": "Hello?"}
    fresh = await client.conversations.create()
    answer = await client.responses.create(model="Other", input="Go.", conversation=fresh.id)
    assert (answer.output_text, answer.conversation.id) == (WORDS, fresh.id)
    made = await client.conversations.create(items=[message], metadata={"a": "1"})
    assert (await client.conversations.retrieve(made.id)).metadata == {"a": "1"}
    assert (await client.conversations.update(made.id, metadata={"b": "2"})).metadata == {"b": "2"}
    added = await client.conversations.items.create(made.id, items=[{**message, "role": "assistant"}, message])
    item = await client.conversations.items.retrieve(added.first_id, conversation_id=made.id)
    assert item.content[0].text == "Hello?"
    await client.conversations.items.delete(added.last_id, conversation_id=made.id)
    assert len([item async for item in client.conversations.items.list(made.id)]) == 2
    assert (await client.conversations.delete(made.id)).deleted
    with pytest.raises(openai.NotFoundError):
        await client.conversations.retrieve(made.id)


async def responses(client: Any) -> None:
    """Whole, streamed, behind each other, in the background, told again, stopped, deleted."""
    first = await client.responses.create(model="Helper", input="Go.")
    assert (first.status, first.output_text) == ("completed", WORDS)
    second = await client.responses.create(model="Helper", input="Go on.", previous_response_id=first.id)
    assert second.conversation == first.conversation
    stream = await client.responses.create(
        model="Helper", input="Go on.", conversation=first.conversation.id, stream=True
    )
    events = [event async for event in stream]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == WORDS
    assert events[-1].response.previous_response_id == second.id
    again = await client.responses.retrieve(events[0].response.id, stream=True, starting_after=5)
    assert [event async for event in again] == events[6:]
    aside = await client.responses.create(model="Helper", input="Go.", store=False, instructions="Count.")
    assert (aside.output_text, aside.conversation) == (WORDS, None)
    begun = await client.responses.create(model="Slow", input="Go.", background=True)
    assert begun.status == "in_progress"
    stopped = await client.responses.cancel(begun.id)
    assert stopped.status == "cancelled"
    assert (await client.responses.retrieve(begun.id)).status == "cancelled"
    asked = [item async for item in client.responses.input_items.list(first.id)]
    assert [item.content[0].text for item in asked] == ["Go."]
    await client.responses.delete(begun.id)
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(begun.id)


async def metadata(client: Any) -> None:
    """What is given with a response comes back with it: whole, streamed, read again, stored or not. Too much is refused."""
    given = {"ticket": "17", "k" * 64: "v" * 512}
    whole = await client.responses.create(model="Helper", input="Go.", metadata=given)
    stream = await client.responses.create(
        model="Helper", input="And?", previous_response_id=whole.id, metadata={"ticket": "18"}, stream=True
    )
    events = [event async for event in stream]
    assert [events[index].response.metadata for index in (0, -1)] == [{"ticket": "18"}] * 2
    for response, kept in ((whole, given), (events[-1].response, {"ticket": "18"})):
        assert (response.metadata, (await client.responses.retrieve(response.id)).metadata) == (kept, kept)
    bare = await client.responses.create(model="Helper", input="So?", previous_response_id=whole.id)
    assert (bare.metadata, (await client.responses.retrieve(bare.id)).metadata) == ({}, {})
    aside = await client.responses.create(model="Helper", input="Go.", store=False, metadata=given)
    assert aside.metadata == given
    for wrong in ({"k" * 65: ""}, {"k": "v" * 513}, {str(number): "" for number in range(17)}):
        with pytest.raises(openai.BadRequestError) as refused:
            await client.responses.create(model="Helper", input="Go.", metadata=wrong)
        assert str(refused.value.param).startswith("metadata")


async def busy(client: Any) -> None:
    """A conflict is raised at once: the client does not repeat it."""
    begun = await client.responses.create(model="Slow", input="Go.", background=True)
    with pytest.raises(openai.ConflictError) as refused:
        await client.responses.create(model="Slow", input="And?", conversation=begun.conversation.id)
    assert refused.value.code == "turn_in_progress"
    await client.responses.cancel(begun.id)


@pytest.mark.parametrize("kind", ["awaited", "blocking"])
async def test_everything_that_the_client_calls(tmp_path: Path, kind: str) -> None:
    """Every call of the table, once a server has keys, with what the client makes of the answers."""
    async with serving(tmp_path / "chat.db", MODEL) as server:
        async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none") as v1:
            for fields in ({"name": "Helper"}, {"name": "Other"}):
                await v1.post("/bots", body=fields, cast_to=object)
            key: Any = await v1.post("/keys", body={"scope": "write"}, cast_to=object)
        secret, base_url = key["secret"], f"{server.url}/openai/v1"
        made = OpenAI if kind == "blocking" else AsyncOpenAI
        client = made(base_url=base_url, api_key=secret)
        calls = Awaited(client) if kind == "blocking" else client
        await models(calls)
        await AsyncOpenAI(base_url=f"{server.url}/v1", api_key=secret).post(
            "/bots", body={"name": "Slow", "model": "scripted:slow"}, cast_to=object
        )
        for part in (completions, conversations, responses, metadata, busy):
            await part(calls)
        with pytest.raises(openai.AuthenticationError):
            await AsyncOpenAI(base_url=base_url, api_key="wrong").models.list()


async def test_the_stream_helpers_of_the_client(tmp_path: Path) -> None:
    """``chat.completions.stream`` and ``responses.stream`` gather what they are told into what a whole answer is."""
    async with serving(tmp_path / "chat.db", MODEL) as server:
        client = AsyncOpenAI(base_url=f"{server.url}/openai/v1", api_key="none")
        bots = AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none")
        await bots.post("/bots", body={"name": "Helper"}, cast_to=object)
        async with client.chat.completions.stream(
            model="Helper", messages=[{"role": "user", "content": "Go."}]
        ) as stream:
            assert (await stream.get_final_completion()).choices[0].message.content == WORDS
        async with client.responses.stream(model="Helper", input="Go.") as told:
            async for _ in told:
                pass
            final = await told.get_final_response()
        assert final.output_text == WORDS
        assert (await client.responses.retrieve(final.id)).output_text == WORDS
