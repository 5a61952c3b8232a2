"""Batches, time limits, retries and doubts: the same for every embedding model.

A vector that is wrong would be found wrong for as long as the index lives, so that nothing is believed: an answer has as
many vectors as there were texts, all as long as the model's first one, finite and not zero. Whatever goes wrong is
``EmbeddingFailed``; what the provider said goes along for the log.
"""

from __future__ import annotations

import asyncio
import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from palaver.embeddings.base import EmbeddingModel, Purpose, little_endian
from palaver.errors import EmbeddingFailed, ModelError
from palaver.provider.retries import Pauses

DIMENSION_MAX = 16_384
_LENGTHS = (1e-12, 1e12)
"""Between which the length of a vector lies that can be normalised in float32."""
_SENTENCES = {
    "provider_protocol": "What the embedding model sent can't be read.",
    "provider_unreachable": "The embedding model can't be reached.",
    "provider_auth": "The embedding model does not accept the configured API key.",
    "provider_denied": "The embedding model does not allow the configured API key to do this.",
    "provider_rate_limited": "The embedding model has too much to do, or the quota is used up.",
    "provider_rejected": "The embedding model refused the texts.",
    "context_too_long": "A text is longer than the embedding model can take.",
    "model_not_found": "There is no embedding model of that name on its server.",
    "limit": "What the embedding model sent is over the limit.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingPatience:
    """How long an embedding model is waited for, how often it is asked, how much at once.

    Attributes:
        connect_seconds: For connecting to its server (enforced by the models that connect).
        batch_seconds: For one batch of texts, all tries together.
        query_seconds: For a question, all tries together: a search goes on with words alone after that.
        retries: Tries after the first one.
        texts_at_once: The most texts of one batch.
        characters_at_once: The most code points of one batch of several texts.
    """

    connect_seconds: float = 10.0
    batch_seconds: float = 120.0
    query_seconds: float = 5.0
    retries: int = 2
    texts_at_once: int = 64
    characters_at_once: int = 100_000


class PatientEmbedding:
    """An embedding model with limits, retries and doubts around it."""

    def __init__(
        self,
        model: EmbeddingModel,
        patience: EmbeddingPatience,
        pauses: Pauses | None = None,
    ) -> None:
        self.model = model
        self._patience = patience
        self._pauses = pauses or Pauses()
        self._bytes_each: int | None = None

    async def embed(self, texts: Sequence[str], *, purpose: Purpose = Purpose.DOCUMENT) -> Sequence[bytes]:
        """Return the vectors of the texts, in their order.

        Raises:
            EmbeddingFailed: Nothing is known of any of the texts.
        """
        vectors: list[bytes] = []
        for batch in self._batches(texts):
            vectors.extend(await self._in_time(batch, purpose))
        return vectors

    def _batches(self, texts: Sequence[str]) -> Iterator[Sequence[str]]:
        batch: list[str] = []
        room = self._patience.characters_at_once
        for text in texts:
            if batch and (len(batch) >= self._patience.texts_at_once or len(text) > room):
                yield batch
                batch, room = [], self._patience.characters_at_once
            batch.append(text)
            room -= len(text)
        if batch:
            yield batch

    async def _in_time(self, batch: Sequence[str], purpose: Purpose) -> Sequence[bytes]:
        is_query = purpose is Purpose.QUERY
        seconds = self._patience.query_seconds if is_query else self._patience.batch_seconds
        try:
            async with asyncio.timeout(seconds):
                return await self._tries(batch, purpose)
        except TimeoutError:
            raise EmbeddingFailed("The embedding model did not answer in time.") from None

    async def _tries(self, batch: Sequence[str], purpose: Purpose) -> Sequence[bytes]:
        failures = 0
        while True:
            try:
                vectors = await self.model.embed(batch, purpose=purpose)
                return await asyncio.to_thread(self._checked, vectors, len(batch))
            except ModelError as error:
                failures += 1
                pause = self._pauses.before_retry(error, failures, self._patience.retries)
                if pause is None:
                    raise _failed(error) from None
            await self._pauses.sleep(pause)

    def _checked(self, vectors: Sequence[bytes], count: int) -> Sequence[bytes]:
        if len(vectors) != count:
            raise EmbeddingFailed(f"The embedding model answered {count} texts with {len(vectors)} vectors.")
        for vector in vectors:
            self._check_length(vector)
            _check_numbers(vector)
        return vectors

    def _check_length(self, vector: bytes) -> None:
        expected = self._bytes_each or len(vector)
        if len(vector) != expected or len(vector) % 4 or not 4 <= len(vector) <= DIMENSION_MAX * 4:
            raise EmbeddingFailed(
                f"The embedding model answered with a vector of {len(vector) / 4:g} numbers,"
                f" where {expected / 4:g} were due (at most {DIMENSION_MAX:,})."
            )
        self._bytes_each = expected


def _check_numbers(vector: bytes) -> None:
    shortest, longest = _LENGTHS
    if not shortest <= math.hypot(*little_endian(array("f", vector))) <= longest:  # NaN is in no range
        raise EmbeddingFailed("The embedding model answered with a vector that is zero, infinite or no number.")


def _failed(error: ModelError) -> EmbeddingFailed:
    if isinstance(error, EmbeddingFailed):
        return error
    if error.code == "provider_not_configured":
        return EmbeddingFailed(error.message)
    sentence = _SENTENCES.get(error.code, "The embedding model failed.")
    return EmbeddingFailed(sentence, provider_text=f"{error.code}: {error.provider_text}")
