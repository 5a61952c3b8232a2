"""What the tests of training say in one line: people talked, a bot was trained, this is what it knows."""

from __future__ import annotations

import csv
import io
from typing import Any

from palaver.bot import Bot
from palaver.conversation import Conversation, Turn
from palaver.document import Chunk, Document, DocumentSource
from palaver.given import Redact
from palaver.page import Window
from palaver.stores.base import Store
from palaver.stores.knowledge_orders import ChunkQuery, DocumentFilter, Embedded, TrainingFilter
from palaver.testing.clock import FakeClock
from palaver.testing.stores.making import LEASE_SECONDS, OWNER, TENANT, exchange, make_conversation
from palaver.training.means import Means
from palaver.training.sheet import training_csv
from palaver.training.trainer import Trainer


class NoVectors:
    """Words alone."""

    async def embed(self, bot: Bot, chunks: object) -> Embedded | None:
        return None


class School:
    """A bot, its conversations and its training."""

    def __init__(self, store: Store, bot: Bot, clock: FakeClock) -> None:
        self.store = store
        self.bot = bot
        self.clock = clock

    def trainer(self, *, redact: Redact | None = None, embeds: Any = None, owner: str = OWNER) -> Trainer:
        """One process that trains."""
        means = Means(store=self.store, embeds=embeds or NoVectors(), redact=redact)
        return Trainer(means, owner=owner, lease_seconds=LEASE_SECONDS, clock=self.clock)

    def wanted(self, **fields: Any) -> TrainingFilter:
        return TrainingFilter(bot_id=self.bot.id, **fields)

    async def talk(self, *said: tuple[str, str], **fields: Any) -> tuple[Conversation, list[Turn]]:
        """A conversation of questions and answers."""
        conversation = await make_conversation(self.store, bot=self.bot, **fields)
        return conversation, [(await exchange(self.store, conversation, *each)).turn for each in said]

    async def train(self, *, trainer: Trainer | None = None, **fields: Any) -> Document | None:
        """Do a run to its end, and return the document as it is then."""
        at_work = trainer or self.trainer()
        self.clock.advance(1)
        begun = await at_work.start(TENANT, self.wanted(**fields))
        if begun is None:
            return None
        await at_work.step()
        self.clock.advance(1)
        return await self.store.get_document(TENANT, begun.id)

    async def trained(self, **fields: Any) -> Document:
        """Do a run that has something to do."""
        document = await self.train(**fields)
        assert document is not None
        return document

    async def documents(self) -> list[Document]:
        """All training documents of the bot, oldest first."""
        wanted = DocumentFilter(bot_id=self.bot.id, source=DocumentSource.TRAINING)
        return list(reversed((await self.store.page_documents(TENANT, wanted, Window())).data))

    async def chunks(self, document: Document) -> list[Chunk]:
        """What answers come from."""
        return list((await self.store.page_chunks(TENANT, document.id, Window(limit=200))).data)

    async def found(self, words: str) -> list[str]:
        """What a search finds."""
        hits = await self.store.search_chunks(TENANT, ChunkQuery(bot_id=self.bot.id, text=words, k=20))
        return [hit.chunk.text for hit in hits]

    async def rows(self, document: Document) -> list[dict[str, str]]:
        """The CSV of a run."""
        written = b"".join([part async for part in training_csv(self.store, TENANT, document.id)])
        csv.field_size_limit(10_000_000)
        return list(csv.DictReader(io.StringIO(written.decode(), newline="")))
