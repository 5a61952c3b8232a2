"""A stream of a response goes on where it was cut, also on another process and after a crash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from crash.process import ServerProcess, fleet, serving

MODEL = {"PALAVER_DEFAULT_MODEL": "scripted:words?count=30&delay=0.03"}


def client_of(url: str) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{url}/openai/v1", api_key="none", max_retries=0)


async def made(url: str) -> None:
    await AsyncOpenAI(base_url=f"{url}/v1", api_key="none").post("/bots", body={"name": "Helper"}, cast_to=object)


async def read_and_kill(stream: Any, seen: list[Any], server: ServerProcess) -> None:
    async for event in stream:
        seen.append(event)
        if len(seen) == 12:
            await server.kill()


async def test_another_process_goes_on_with_it(postgres_url: str) -> None:
    """What one server told and what another one tells behind it is what is told at once."""
    async with fleet(postgres_url, MODEL, 2) as servers:
        await made(servers[0].url)
        one, two = (client_of(server.url) for server in servers)
        stream = await one.responses.create(model="Helper", input="Go.", stream=True)
        seen: list[Any] = [await anext(aiter(stream)) for _ in range(8)]
        await stream.close()
        rest = await two.responses.retrieve(seen[0].response.id, stream=True, starting_after=7)
        told = [*seen, *[event async for event in rest]]
        whole = await two.responses.retrieve(seen[0].response.id, stream=True)
        assert told == [event async for event in whole]
        assert told[-1].response.status == "completed"


async def test_after_a_crash_it_ends_with_what_was_told(tmp_path: Path) -> None:
    """The server is killed in mid-answer: the response is ``incomplete``, begins with all that was seen, and is told from there."""
    seen: list[Any] = []
    async with serving(tmp_path / "chat.db", MODEL) as server:
        await made(server.url)
        stream = await client_of(server.url).responses.create(model="Helper", input="Go.", stream=True)
        with pytest.raises(openai.APIConnectionError):
            await read_and_kill(stream, seen, server)
    async with serving(tmp_path / "chat.db", MODEL, port=server.port) as server:
        client = client_of(server.url)
        rest = await client.responses.retrieve(seen[0].response.id, stream=True, starting_after=len(seen) - 1)
        told = [*seen, *[event async for event in rest]]
        assert [event.sequence_number for event in told] == list(range(len(told)))
        last = told[-1].response
        assert (last.status, told[-1].type) == ("incomplete", "response.incomplete")
        assert last.output_text == "".join(event.delta for event in told if event.type == "response.output_text.delta")
        assert last == await client.responses.retrieve(last.id)
