"""OpenAI-compatible models against llama.cpp's own server."""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from palaver.conversation import Role
from palaver.models.base import Ended, ImageData, Prompt, PromptMessage, TextSaid, TokensCounted
from palaver.models.catalog import Catalog
from palaver.models.patience import Patience
from palaver.provider.addresses import Providers
from palaver.testing.models import failure_of, listen, question, text_of
from peers.gguf_files import SENTENCE
from peers.llama import Llama

pytestmark = pytest.mark.xdist_group("llama")


@pytest.fixture
async def catalog(reciter: Llama, babbler: Llama) -> AsyncIterator[Catalog]:
    named = {"reciter": reciter.base_url, "babbler": babbler.base_url}
    catalog = Catalog(Providers(named=named), patience=Patience(first_byte_seconds=20, idle_seconds=20))
    yield catalog
    await catalog.aclose()


def with_params(prompt: Prompt, **params: object) -> Prompt:
    return replace(prompt, params={"temperature": 0, **params})


async def until_idle(server: Llama) -> None:
    async with asyncio.timeout(10):
        while await asyncio.to_thread(server.busy_slots):
            await asyncio.sleep(0.01)


def image(red: int, green: int, blue: int, *, side: int = 56) -> ImageData:
    """A PNG of one colour."""

    def block(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\x00" + bytes((red, green, blue)) * side) * side
    size = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + block(b"IHDR", size) + block(b"IDAT", zlib.compress(rows)) + block(b"IEND", b"")
    return ImageData(content=content, media_type="image/png")


async def test_the_text_of_the_stream_is_the_models(catalog: Catalog) -> None:
    """The pieces join to the sentence that the model recites, in more than one piece, and the end is its own."""
    said = await listen(catalog.find("reciter:tiny"), with_params(question("Hello?", instructions="Recite.")))
    assert text_of(said) == SENTENCE
    assert sum(isinstance(item, TextSaid) for item in said) > 10
    assert Ended("stop") in said


async def test_tokens_are_counted_by_the_server(catalog: Catalog) -> None:
    """A stream says how many tokens went in and came out: one for each word, and the end of text."""
    said = await listen(catalog.find("reciter:tiny"), with_params(question("Hello?")))
    [count] = [item for item in said if isinstance(item, TokensCounted)]
    assert count.input_tokens > 5
    assert count.output_tokens == len(SENTENCE.split()) + 1


async def test_a_limit_of_tokens_is_the_servers_to_keep(catalog: Catalog) -> None:
    """``max_tokens`` reaches the server, and its end marker says that it was the limit."""
    said = await listen(catalog.find("reciter:tiny"), with_params(question("Hello?"), max_tokens=3))
    assert text_of(said) == " Hello there I"
    assert Ended("length") in said


async def test_leaving_frees_the_slot(catalog: Catalog, babbler: Llama) -> None:
    """A server that makes an endless answer stops making it when its reader leaves."""
    async with catalog.find("babbler:tiny").stream(with_params(question("Go on."), max_tokens=30_000)) as said:
        async for _ in said:
            break
        assert await asyncio.to_thread(babbler.busy_slots) == 1
    await until_idle(babbler)


async def test_calls_in_a_row_and_at_once(catalog: Catalog) -> None:
    """All of them get their whole answer from one pool of connections."""
    model = catalog.find("reciter:tiny")
    for _ in range(3):
        assert text_of(await listen(model, with_params(question("Hello?")))) == SENTENCE
    answers = await asyncio.gather(*(listen(model, with_params(question("Hello?"))) for _ in range(8)))
    assert [text_of(said) for said in answers] == [SENTENCE] * 8


async def test_the_answer_depends_on_the_image(catalog: Catalog) -> None:
    """Images reach the model: two of them give two answers, and the same one the same answer."""

    async def describe(*images: ImageData) -> str:
        messages: Sequence[PromptMessage] = (PromptMessage(role=Role.USER, text="What is it?", images=images),)
        prompt = Prompt(instructions="", messages=messages, params={"temperature": 0, "max_tokens": 24})
        return text_of(await listen(catalog.find("babbler:tiny"), prompt))

    red, blue, red_again = (
        await describe(image(255, 0, 0)),
        await describe(image(0, 0, 255)),
        await describe(image(255, 0, 0)),
    )
    assert red == red_again
    assert red != blue


async def test_too_long_a_context_has_its_own_code(catalog: Catalog) -> None:
    """More than the model can take is ``context_too_long``: not retried, and the server's words are not shown."""
    error = await failure_of(catalog.find("reciter:tiny"), question("hello " * 3000))
    assert (error.code, error.retryable, error.interrupts) == ("context_too_long", False, False)
    assert "exceed" in error.provider_text
    assert "exceed" not in error.message
