"""What an embedding server does wrong, and that it is one error which says nothing of the provider's own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from palaver.embeddings.base import EmbeddingModel, Purpose
from palaver.embeddings.catalog import KnownEmbeddings
from palaver.embeddings.patience import EmbeddingPatience
from palaver.errors import EmbeddingFailed
from palaver.provider.addresses import Providers
from palaver.testing.embeddings import numbers_of
from peers.faulty import HANG, RESET, Answer, FaultyServer, faulty, head, refuses, unused_port

KEY = "sk-canary-77aa"
FAST = EmbeddingPatience(batch_seconds=5, query_seconds=0.3)
TEXTS = ("one", "two")
GOOD = ([1.0, 2.0], [2.0, 1.0])


def answers(vectors: Sequence[object], **more: Any) -> Answer:
    """A whole response with these vectors."""
    data = [{"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(vectors)]
    return [head(kind="application/json"), json.dumps({"object": "list", "data": data, **more}).encode()]


def shuffled() -> Answer:
    """The vectors, in another order than that of the texts."""
    data = [{"index": 1 - index, "embedding": each} for index, each in enumerate(GOOD)]
    return [head(kind="application/json"), json.dumps({"data": data}).encode()]


def raw(body: bytes) -> Answer:
    """A success with this body."""
    return [head(kind="application/json"), body]


@asynccontextmanager
async def embedding(*script: Answer) -> AsyncIterator[tuple[EmbeddingModel, FaultyServer]]:
    """An embedding whose server answers like this."""
    async with faulty(*script) as seen:
        providers = Providers(named={"peer": seen.base_url}, named_keys={"peer": KEY})
        known = KnownEmbeddings(providers, patience=FAST)
        yield known.find("peer:tiny"), seen
        await known.aclose()


WRONG: dict[str, Answer] = {
    "too few vectors": answers(GOOD[:1]),
    "too many vectors": answers([*GOOD, [1.0, 1.0]]),
    "no vectors": answers([]),
    "another order": shuffled(),
    "two lengths": answers([[1.0, 2.0], [1.0, 2.0, 3.0]]),
    "an empty vector": answers([[], []]),
    "too long a vector": answers([[1.0] * 16_385] * 2),
    "NaN": raw(b'{"data": [{"index": 0, "embedding": [NaN, 1]}, {"index": 1, "embedding": [1, 1]}]}'),
    "infinity": raw(b'{"data": [{"index": 0, "embedding": [1e400, 1]}, {"index": 1, "embedding": [1, 1]}]}'),
    "too large for a float32": answers([[1e300, 1.0], [1.0, 1.0]]),
    "zero": answers([[0.0, 0.0], [1.0, 1.0]]),
    "words": answers([["a", "b"], ["c", "d"]]),
    "a string": answers(["AACAPwAAAEA=", "AACAPwAAAEA="]),
    "null": answers([None, None]),
    "no list": raw(b'{"data": {"index": 0}}'),
    "entries that are none": raw(b'{"data": [1, 2]}'),
    "HTML": [head(kind="text/html"), b"<h1>It works</h1>"],
    "no JSON": raw(b"{"),
    "deep JSON": raw(b"[" * 100_000),
    "an error object": raw(b'{"error": {"code": 400, "message": "the provider\'s own words"}}'),
    "a redirect": [head(302, location="http://127.0.0.1:9/steal"), b""],
    "a wrong key": refuses(401, f"the key {KEY} is wrong"),
    "no such model": refuses(404),
    "too long a text": refuses(400, {"error": {"message": "input exceeds the context length"}}),
    "half an answer": [head(kind="application/json", content_length="1000"), b'{"data": ['],
    "a reset in mid-answer": [head(kind="application/json"), b'{"data": [', RESET],
    "no end": [head(kind="application/json"), *[b"x" * 1024 * 1024] * 33],
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG.keys())
async def test_a_wrong_answer_is_one_error(answer: Answer) -> None:
    """It is ``embedding_failed`` with a sentence of ours, asked for once; the log's text never holds the key."""
    async with embedding(answer) as (model, seen):
        with pytest.raises(EmbeddingFailed) as failure:
            await model.embed(TEXTS)
        assert len(seen.requests) == 1
    error = failure.value
    assert error.code == "embedding_failed"
    assert error.message.endswith(".")
    assert "own words" not in error.message
    assert KEY not in error.message + error.provider_text
    assert error.__cause__ is None


@pytest.mark.parametrize("trouble", [refuses(429), refuses(503), refuses(500, "x", retry_after="0"), [RESET]])
async def test_what_may_help_is_tried_again(trouble: Answer) -> None:
    """Too many requests, a server's failure or a lost connection: two more tries, and the vectors are there."""
    async with embedding(trouble, trouble, answers(GOOD)) as (model, seen):
        vectors = await model.embed(TEXTS)
        assert [list(numbers_of(vector)) for vector in vectors] == [list(each) for each in GOOD]
        assert len(seen.requests) == 3


async def test_it_is_tried_three_times_at_most() -> None:
    """A server that keeps failing is asked three times."""
    async with embedding(refuses(503)) as (model, seen):
        with pytest.raises(EmbeddingFailed):
            await model.embed(TEXTS)
        assert len(seen.requests) == 3


async def test_a_question_does_not_wait_for_long() -> None:
    """A server that is silent holds a question up no longer than ``query_seconds``."""
    async with embedding([HANG]) as (model, seen):
        with pytest.raises(EmbeddingFailed, match="in time"):
            await model.embed(["?"], purpose=Purpose.QUERY)
        await seen.until_left()


async def test_nobody_there_is_the_same_error() -> None:
    """A refused connection is ``embedding_failed``."""
    known = KnownEmbeddings(Providers(named={"peer": f"http://127.0.0.1:{unused_port()}/v1"}), patience=FAST)
    with pytest.raises(EmbeddingFailed, match="reached"):
        await known.find("peer:tiny").embed(TEXTS)
    await known.aclose()


async def test_a_changed_dimension_is_refused() -> None:
    """A server that answers with longer vectors than before has another model by now."""
    async with embedding(answers(GOOD), answers([[1.0, 2.0, 3.0]] * 2)) as (model, _):
        await model.embed(TEXTS)
        with pytest.raises(EmbeddingFailed, match="3 numbers"):
            await model.embed(TEXTS)


async def test_the_request_is_openais() -> None:
    """It goes to ``/v1/embeddings`` with the key and the model's name."""
    async with embedding(answers(GOOD)) as (model, seen):
        await model.embed(TEXTS)
        assert seen.requests[0].startswith(b"POST /v1/embeddings ")
        assert f"Authorization: Bearer {KEY}".encode() in seen.requests[0]
        assert seen.bodies == [{"model": "tiny", "input": ["one", "two"], "encoding_format": "float"}]


async def test_a_missing_index_is_the_place() -> None:
    """Servers that leave ``index`` out are believed to answer in order."""
    body = json.dumps({"data": [{"embedding": each} for each in GOOD]}).encode()
    async with embedding(raw(body)) as (model, _):
        assert len(await model.embed(TEXTS)) == 2
