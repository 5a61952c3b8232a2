"""The contract of an embedding model: texts in, one vector of the same length for each out.

A model raises ``ModelError`` and nothing else. It does not retry, has no time limits and does not doubt what it was
given: ``embeddings.patience`` does all of it, the same for every model, and makes one error of whatever goes wrong,
``EmbeddingFailed``. A catalog hands out patient models only.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Protocol

from palaver.provider.refusals import refusal


class Purpose(StrEnum):
    """What a text is: some models embed a question in another way than what answers it."""

    DOCUMENT = "document"
    QUERY = "query"


class EmbeddingModel(Protocol):
    """Something that embeds."""

    async def embed(self, texts: Sequence[str], *, purpose: Purpose = Purpose.DOCUMENT) -> Sequence[bytes]:
        """Return the vectors of the texts, in their order: little-endian float32, all of one length.

        Raises:
            ModelError: Nothing was embedded.
        """
        ...


class EmbeddingCatalog(Protocol):
    """Finds the embedding that a bot names."""

    def find(self, name: str) -> EmbeddingModel:
        """Return the embedding ``provider:name``, or one given in process by its bare name.

        Raises:
            ModelError: ``provider_not_configured``, with what to set.
        """
        ...

    def default_name(self) -> str | None:
        """The embedding of a bot that names none; None: words alone."""
        ...


def packed(numbers: Iterable[float]) -> bytes:
    """Return numbers as a vector. What is too large for a float32 becomes infinite.

    Raises:
        ModelError: ``provider_protocol``: they are no numbers.
    """
    try:
        vector = array("f", numbers)
    except (TypeError, ValueError, OverflowError):
        raise refusal("provider_protocol", "an embedding that is no list of numbers") from None
    return little_endian(vector).tobytes()


def little_endian(vector: array[float]) -> array[float]:
    """Return the numbers of a vector with the bytes of each turned round where this machine has them the other way."""
    if sys.byteorder == "big":
        vector.byteswap()
    return vector
