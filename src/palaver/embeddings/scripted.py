"""An embedding that needs no model: the public test double. Texts that share words are near, others are not.

What a configuration can name, for a server in another process, is ``scripted:<dimension>``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from palaver.embeddings.base import Purpose, packed
from palaver.errors import ModelError

_WORD = re.compile(r"\w+")


class ScriptedEmbedding:
    """Each word adds to one of ``dimension`` numbers, by its hash. It is the same in every process.

    Args:
        dimension: How many numbers a vector has.
        failure: Raised by every call while it is set.

    Attributes:
        calls: The texts of each call, oldest first.
    """

    def __init__(self, dimension: int = 64, *, failure: ModelError | None = None) -> None:
        self.dimension = dimension
        self.failure = failure
        self.calls: list[tuple[str, ...]] = []

    async def embed(self, texts: Sequence[str], *, purpose: Purpose = Purpose.DOCUMENT) -> Sequence[bytes]:  # noqa: ARG002
        """See ``EmbeddingModel.embed``."""
        self.calls.append(tuple(texts))
        if self.failure is not None:
            raise self.failure
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> bytes:
        numbers = [0.0] * self.dimension
        for word in _WORD.findall(text.casefold()) or [text]:
            digest = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
            numbers[digest % self.dimension] += 1.0
        return packed(numbers)
