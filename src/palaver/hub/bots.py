"""``hub.bots`` and ``hub.entities`` in this process."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Unpack

from palaver.arguments import BotFields, BotTrial, EntityFields, PageQuery
from palaver.bot import Bot
from palaver.conversation import Role
from palaver.entity import Entity
from palaver.events import Event
from palaver.hub.asides import Aside, LocalAsides
from palaver.hub.place import Place
from palaver.ids import new_id
from palaver.once import once
from palaver.page import Page
from palaver.stores.orders import BotChange, BotDraft, EntityChange, EntityDraft, Made
from palaver.wire import bots as wire
from palaver.wire.checking import check
from palaver.wire.entities import EntityCreate, EntityEdit
from palaver.wire.messages import AppendedMessage
from palaver.wire.pages import BotQuery
from palaver.wire.pages import PageQuery as WirePageQuery


class LocalBots:
    """See ``surface.Bots``."""

    def __init__(self, place: Place, asides: LocalAsides) -> None:
        self._place = place
        self._asides = asides

    async def make(self, idempotency_key: str | None, **fields: Unpack[BotFields]) -> Made[Bot]:
        """Create a bot, and say whether an earlier call with the same key did."""
        given = check(wire.BotCreate, fields).given()
        self._place.retrieval.check(given.get("retrieval", {}))
        unique = once(idempotency_key, "bots.create", "", given)
        draft = BotDraft(id=new_id("bot"), **{"model": self._place.models.default_name(), **given})
        return await self._place.store.create_bot(self._place.tenant_id, draft, unique)

    async def create(self, *, idempotency_key: str | None = None, **fields: Unpack[BotFields]) -> Bot:
        """See ``surface.Bots.create``."""
        return (await self.make(idempotency_key, **fields)).value

    async def get(self, bot_id: str) -> Bot:
        """See ``surface.Bots.get``."""
        return await self._place.store.get_bot(self._place.tenant_id, self._place.known("bot", bot_id))

    async def find(self, name: str) -> Bot | None:
        """Return the bot of that name, if there is one."""
        return await self._place.store.find_bot(self._place.tenant_id, name)

    async def list(self, *, deleted: bool = False, **page: Unpack[PageQuery]) -> Page[Bot]:
        """See ``surface.Bots.list``."""
        query = check(BotQuery, {"deleted": deleted, **page})
        listing = self._place.listing("bots", {"deleted": query.deleted})
        window = listing.window(limit=query.limit, after=query.after, before=query.before)
        part = await self._place.store.page_bots(self._place.tenant_id, window, deleted=query.deleted)
        return listing.page(part)

    async def update(self, bot_id: str, *, if_version: int | None = None, **fields: Unpack[BotFields]) -> Bot:
        """See ``surface.Bots.update``."""
        given = check(wire.BotEdit, fields).given()
        self._place.retrieval.check(given.get("retrieval", {}))
        known = self._place.known("bot", bot_id)
        bot = await self._place.store.update_bot(
            self._place.tenant_id, known, BotChange(**given), if_version=if_version
        )
        if "retrieval" in fields:
            self._place.reembedding.wake(self._place.tenant_id, bot.id)
        return bot

    async def delete(self, bot_id: str, *, if_version: int | None = None) -> None:
        """See ``surface.Bots.delete``."""
        known = self._place.known("bot", bot_id)
        ended = await self._place.store.delete_bot(self._place.tenant_id, known, if_version=if_version)
        self._place.engine.forsake(turn_ids=ended)

    async def restore(self, bot_id: str) -> Bot:
        """See ``surface.Bots.restore``."""
        return await self._place.store.restore_bot(self._place.tenant_id, self._place.known("bot", bot_id))

    async def prepare(self, bot_id: str, text: str, **trial: Unpack[BotTrial]) -> Aside:
        """Check all that is asked of a bot, before anything is answered."""
        given = check(wire.BotAsk, {"text": text, **trial}).given()
        question = AppendedMessage(role=Role.USER, text=given.pop("text"))
        self._place.retrieval.check(given.get("retrieval", {}))
        return await self._asides.prepare(replace(await self.get(bot_id), **given), [question])

    async def ask(self, bot_id: str, text: str, **trial: Unpack[BotTrial]) -> AsyncGenerator[Event, None]:
        """See ``surface.Bots.ask``."""
        async with aclosing(self._asides.events(await self.prepare(bot_id, text, **trial))) as events:
            async for event in events:
                yield event


class LocalEntities:
    """See ``surface.Entities``."""

    def __init__(self, place: Place) -> None:
        self._place = place

    async def make(self, idempotency_key: str | None, **fields: Unpack[EntityFields]) -> Made[Entity]:
        """Create an entity, and say whether an earlier call with the same key did."""
        given = check(EntityCreate, fields).given()
        unique = once(idempotency_key, "entities.create", "", given)
        draft = EntityDraft(id=new_id("ent"), **given)
        return await self._place.store.create_entity(self._place.tenant_id, draft, unique)

    async def create(self, *, idempotency_key: str | None = None, **fields: Unpack[EntityFields]) -> Entity:
        """See ``surface.Entities.create``."""
        return (await self.make(idempotency_key, **fields)).value

    async def get(self, entity_id: str) -> Entity:
        """See ``surface.Entities.get``."""
        return await self._place.store.get_entity(self._place.tenant_id, self._place.known("ent", entity_id))

    async def list(self, **page: Unpack[PageQuery]) -> Page[Entity]:
        """See ``surface.Entities.list``."""
        query = check(WirePageQuery, page)
        listing = self._place.listing("entities")
        window = listing.window(limit=query.limit, after=query.after, before=query.before)
        return listing.page(await self._place.store.page_entities(self._place.tenant_id, window))

    async def update(self, entity_id: str, *, if_version: int | None = None, **fields: Unpack[EntityFields]) -> Entity:
        """See ``surface.Entities.update``."""
        change = EntityChange(**check(EntityEdit, fields).given())
        known = self._place.known("ent", entity_id)
        return await self._place.store.update_entity(self._place.tenant_id, known, change, if_version=if_version)

    async def delete(self, entity_id: str, *, if_version: int | None = None) -> None:
        """See ``surface.Entities.delete``."""
        known = self._place.known("ent", entity_id)
        await self._place.store.delete_entity(self._place.tenant_id, known, if_version=if_version)
