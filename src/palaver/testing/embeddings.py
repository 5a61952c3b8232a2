"""The contract of an embedding model as tests, for everyone who writes one.

Subclass ``EmbeddingConformance`` in a test module and give it two pytest fixtures: ``embedding`` (one that embeds) and
``failing`` (one that fails). The tests are coroutines: run them with pytest-asyncio or anyio.
"""

from __future__ import annotations

import asyncio
import math
from array import array

from palaver.embeddings.base import EmbeddingModel, Purpose, little_endian
from palaver.errors import ModelError

TEXTS = ("Refunds take 14 days.", "The office is closed on Sundays.", "Grüße, 世界 🌍", "Refunds take 14 days.")


def numbers_of(vector: bytes) -> array[float]:
    """Return the numbers of a vector."""
    return little_endian(array("f", vector))


def cosine(one: bytes, other: bytes) -> float:
    """Return the cosine of two vectors."""
    first, second = numbers_of(one), numbers_of(other)
    dot = sum(a * b for a, b in zip(first, second, strict=True))
    return dot / (math.hypot(*first) * math.hypot(*second))


async def failure_of(embedding: EmbeddingModel) -> ModelError:
    """Return the error with which the embedding fails.

    Raises:
        AssertionError: It does not fail.
    """
    try:
        await embedding.embed(TEXTS)
    except ModelError as error:
        return error
    raise AssertionError("the embedding did not fail")


class EmbeddingConformance:
    """What holds for every embedding model."""

    async def test_each_text_has_a_vector(self, embedding: EmbeddingModel) -> None:
        """There are as many vectors as texts, all of one length, finite and not zero."""
        vectors = await embedding.embed(TEXTS)
        assert len(vectors) == len(TEXTS)
        assert len({len(vector) for vector in vectors}) == 1
        assert all(0 < math.hypot(*numbers_of(vector)) < math.inf for vector in vectors)

    async def test_vectors_are_in_the_order_of_the_texts(self, embedding: EmbeddingModel) -> None:
        """A text has the vector that it has alone, at any place among others, but for rounding."""
        vectors = await embedding.embed(TEXTS)
        for text, vector in zip(TEXTS, vectors, strict=True):
            [alone] = await embedding.embed([text])
            assert cosine(vector, alone) > 0.999

    async def test_different_texts_have_different_vectors(self, embedding: EmbeddingModel) -> None:
        """Equal texts are nearest to each other."""
        first, second, _, again = await embedding.embed(TEXTS)
        assert cosine(first, again) > 0.999
        assert cosine(first, second) < cosine(first, again)

    async def test_a_question_can_be_compared(self, embedding: EmbeddingModel) -> None:
        """A question's vector is as long as a document's."""
        [asked] = await embedding.embed(["When are refunds paid?"], purpose=Purpose.QUERY)
        [told] = await embedding.embed(TEXTS[:1])
        assert len(asked) == len(told)

    async def test_no_texts_have_no_vectors(self, embedding: EmbeddingModel) -> None:
        """Nothing in, nothing out."""
        assert list(await embedding.embed([])) == []

    async def test_two_calls_at_once_do_not_mix(self, embedding: EmbeddingModel) -> None:
        """Each gets the vectors of its own texts."""
        together = await asyncio.gather(*(embedding.embed([text]) for text in TEXTS))
        alone = [await embedding.embed([text]) for text in TEXTS]
        assert all(cosine(one[0], other[0]) > 0.999 for one, other in zip(together, alone, strict=True))

    async def test_a_failure_is_a_model_error(self, failing: EmbeddingModel) -> None:
        """Nothing but ``ModelError`` is raised; it has a code, and a sentence that does not quote the provider."""
        error = await failure_of(failing)
        assert error.code
        assert error.message
        assert not error.provider_text or error.provider_text not in error.message
