"""Embeds a bot's chunks anew, in the background, while the vectors that it has serve on.

A bot is brought to the embedding that it wants in steps which any process may do: chunks without a vector are listed,
embedded and written, until none is left; then the new vectors serve, in one step of the store. What is done is in the
rows, so that a cut costs a batch. A lease keeps two processes from doing the same work, and nothing more: the same
vectors written twice change nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

import structlog

from palaver.document import Chunk
from palaver.embeddings.base import EmbeddingCatalog
from palaver.errors import ModelError, NotFound
from palaver.page import Window
from palaver.retrieval.passages import embedded
from palaver.retrieval.settings import retrieval_settings
from palaver.stores.base import Store
from palaver.stores.knowledge_orders import CHUNKS_AT_ONCE, Vector

LEASE_SECONDS = 180.0
"""Longer than a batch may take; it is renewed before each."""
PAUSE_SECONDS = 30.0
"""How long a bot is left alone whose embedding failed, or which another process works on."""
_log = structlog.get_logger("palaver.reembedding")


class Reembedding:
    """Brings bots to the embedding they want, one at a time.

    Args:
        owner: The name of this process.
        pause_seconds: See ``PAUSE_SECONDS``.
    """

    def __init__(
        self, store: Store, embeddings: EmbeddingCatalog, *, owner: str, pause_seconds: float = PAUSE_SECONDS
    ) -> None:
        self._store = store
        self._embeddings = embeddings
        self._owner = owner
        self._pause_seconds = pause_seconds
        self._waiting: dict[tuple[str, str], None] = {}
        self._resting: dict[tuple[str, str], float] = {}
        self._woken = asyncio.Event()

    def wake(self, tenant_id: str, bot_id: str) -> None:
        """Look at this bot soon: it was edited, or a search saw that what serves is not what is wanted."""
        name = (tenant_id, bot_id)
        if self._resting.get(name, 0) > time.monotonic():
            return
        self._resting.pop(name, None)
        self._waiting[name] = None
        self._woken.set()

    async def step(self) -> None:
        """Wait for a bot to look at, and bring it to where it should be. For a loop that goes on for ever."""
        await self._woken.wait()
        name = next(iter(self._waiting), None)
        if name is None:
            self._woken.clear()
            return
        self._resting[name] = time.monotonic() + self._pause_seconds
        del self._waiting[name]
        try:
            if await self.bring(*name):
                self._resting.pop(name, None)
        except NotFound:
            self._resting.pop(name, None)
        except ModelError as error:
            _log.warning("reembedding_failed", bot_id=name[1], code=error.code, provider_text=error.provider_text)

    async def bring(self, tenant_id: str, bot_id: str) -> bool:
        """Embed what lacks a vector by the embedding that a bot wants, and let it serve. Return whether it does now.

        Raises:
            ModelError: ``embedding_failed`` or ``provider_not_configured``; what was done stays.
            NotFound: There is no such bot.
        """
        bot = await self._store.get_bot(tenant_id, bot_id)
        wanted = retrieval_settings(bot.retrieval).wanted_embedding(self._embeddings)
        serving = (await self._store.bot_index(tenant_id, bot_id)).embedding
        if wanted is None:
            return serving is None or await self._store.serve_embedding(tenant_id, bot_id, None)
        filled = False
        window = Window(limit=CHUNKS_AT_ONCE)
        while await self._store.claim_embedding(tenant_id, bot_id, self._owner, LEASE_SECONDS):
            bare = await self._store.unembedded_chunks(tenant_id, bot_id, wanted, window)
            if bare.data:
                await self._embed(tenant_id, wanted, bare.data)
                filled = True
            elif window.after is None:
                # Gaps that were filled are served like a new embedding: that tells the mirrors to read again.
                is_served = serving == wanted and not filled
                return is_served or await self._store.serve_embedding(tenant_id, bot_id, wanted)
            window = replace(window, after=bare.next)  # behind the end from the beginning again: there may be new ones
        return False

    async def _embed(self, tenant_id: str, name: str, chunks: Sequence[Chunk]) -> None:
        made = await embedded(self._embeddings, name, chunks)
        vectors = [Vector(chunk.key, vector) for chunk, vector in zip(chunks, made.vectors, strict=True)]
        await self._store.put_vectors(tenant_id, name, vectors)
