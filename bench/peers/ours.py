"""Palaver in this process: the hub, with every promise kept, and fast ways to fill its store."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from bench.peers.base import ANSWER, QUESTION, READ_LAST
from palaver.config import Settings
from palaver.conversation import Role, TextPart, TurnStatus
from palaver.events import text_delta
from palaver.hub import HubRoot
from palaver.ids import child_id, new_id
from palaver.models.base import Ended, TokensCounted
from palaver.models.scripted import ScriptedModel
from palaver.stores.open import Engine
from palaver.stores.orders import (
    AppendedMessage,
    BotDraft,
    Continue,
    ConversationDraft,
    Delta,
    Once,
    Outcome,
    Question,
    TurnOrder,
)
from palaver.stores.sqlite import SqliteStore
from palaver.surface import Hub
from palaver.tenant import DEFAULT_TENANT

_MESSAGE_TOKENS = 130
_CONTEXT_TOKENS = (READ_LAST + 1) * _MESSAGE_TOKENS - 1
"""What 20 such messages and the question take, less one: the read of 20 fills the budget."""
_BATCH = 500


class HubTalk:
    """A conversation of the hub."""

    def __init__(self, hub: Hub, conversation_id: str) -> None:
        self._hub, self._conversation_id = hub, conversation_id

    async def turn(self) -> None:
        """One send: accepted, the history read, the model called, the answer stored, the reply returned."""
        await self._hub.messages.send(self._conversation_id, QUESTION)


class Ours:
    """The engine and the store as ``palaver.open`` runs them, with a model that answers at once: here on a SQLite file."""

    name = "Palaver"
    engine = Engine.SQLITE

    def _store(self, home: str) -> str:
        return str(Path(home) / "palaver.db")

    async def open(self, home: str) -> None:
        self._stack = AsyncExitStack()
        settings = Settings(store=self._store(home))
        model = ScriptedModel(
            [ANSWER, TokensCounted(1, 1), Ended()], remember=1
        )  # it counts no words: that is not our turn
        self._root = await self._stack.enter_async_context(HubRoot.open(settings, models={"bench": model}))
        self.hub = self._root.for_tenant(DEFAULT_TENANT)
        bot = await self.hub.bots.create(name=new_id("bot"), model="bench", params={"context_tokens": _CONTEXT_TOKENS})
        self.bot_id = bot.id

    async def talk(self, messages: int) -> HubTalk:
        return HubTalk(self.hub, await self.filled(messages))

    async def filled(self, messages: int) -> str:
        """Return a new conversation with that many messages."""
        conversation = await self.hub.conversations.create(self.bot_id)
        for start in range(0, messages, _BATCH):
            size = min(_BATCH, messages - start)
            await self._root.store.append_messages(DEFAULT_TENANT, conversation.id, _pairs(conversation.id, size))
        return conversation.id

    async def fill_conversations(self, count: int) -> None:
        """Create that many conversations, many to a commit."""
        store, made = self._root.store, range(0, count, _BATCH)
        for start in made:
            drafts = [
                ConversationDraft(id=new_id("conv"), bot_id=self.bot_id, title=f"Conversation {start + number}")
                for number in range(min(_BATCH, count - start))
            ]
            await asyncio.gather(*[store.create_conversation(DEFAULT_TENANT, draft) for draft in drafts])

    async def cursor_at(self, conversation_id: str, messages: int) -> str | None:
        """Return the cursor behind that many messages."""
        cursor: str | None = None
        for _ in range(max(1, messages // 200)):
            page = await (
                self.hub.messages.list(conversation_id, limit=200, after=cursor)
                if cursor
                else self.hub.messages.list(conversation_id, limit=200)
            )
            cursor = page.next
        return cursor

    async def close(self) -> None:
        await self._stack.aclose()


class OursOnPostgres(Ours):
    """The same on PostgreSQL."""

    name = "Palaver on PostgreSQL"
    engine = Engine.POSTGRES

    def _store(self, home: str) -> str:
        return home


class OursOnRedis(Ours):
    """The same on Redis."""

    name = "Palaver on Redis"
    engine = Engine.REDIS

    def _store(self, home: str) -> str:
        return home


def _pairs(conversation_id: str, messages: int) -> list[AppendedMessage]:
    made = []
    for number in range(messages):
        if number % 2 == 0:
            turn_id = child_id("turn", conversation_id)
        role, text = (Role.USER, QUESTION) if number % 2 == 0 else (Role.ASSISTANT, ANSWER)
        message_id = child_id("msg", conversation_id)
        made.append(AppendedMessage(message_id=message_id, turn_id=turn_id, role=role, parts=(TextPart(text=text),)))
    return made


async def store_with_long_turn(path: Path, events: int) -> str:
    """Make a store that holds one finished turn of that many deltas; return the turn's id."""
    store = SqliteStore(path)
    await store.open()
    bot = (await store.create_bot(DEFAULT_TENANT, BotDraft(id=new_id("bot"), name="bench", model="offline"))).value
    draft = ConversationDraft(id=new_id("conv"), bot_id=bot.id)
    conversation_id = (await store.create_conversation(DEFAULT_TENANT, draft)).value.id
    question = Question(message_id=child_id("msg", conversation_id), parts=(TextPart(text=QUESTION),))
    order = TurnOrder(
        conversation_id=conversation_id,
        turn_id=child_id("turn", conversation_id),
        answer_id=child_id("msg", conversation_id),
        opening=Continue(question=question),
        once=Once(key="bench", fingerprint=b"bench"),
        owner="bench",
    )
    claim = (await store.begin_turn(DEFAULT_TENANT, order)).claim
    assert claim is not None
    words = [f" word{number}" for number in range(events)]
    log = [text_delta(claim.next_seq + number, word) for number, word in enumerate(words)]
    await store.append_deltas([Delta(tenant_id=DEFAULT_TENANT, turn_id=claim.turn.id, fence=claim.fence, events=log)])
    outcome = Outcome(status=TurnStatus.COMPLETED, parts=(TextPart(text="".join(words)),))
    await store.finish_turn(claim, outcome, promote=None)
    await store.close()
    return claim.turn.id
