"""What training works with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from palaver.bot import Bot
from palaver.document import Chunk
from palaver.given import Redact
from palaver.stores.base import Store
from palaver.stores.knowledge_orders import Embedded


class Embeds(Protocol):
    """Makes the vectors that go with chunks."""

    async def embed(self, bot: Bot, chunks: Sequence[Chunk]) -> Embedded | None:
        """Return the vectors of chunks of a bot, None where words alone find them.

        Raises:
            EmbeddingFailed: There are none.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Where conversations are, what embeds, and what takes out of them what no bot shall learn."""

    store: Store
    embeds: Embeds
    redact: Redact | None = None
