"""``hub.conversations`` in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict
from typing import Any, Unpack

from palaver.arguments import ConversationEdits, ConversationFields, ConversationQuery, ConversationWhich
from palaver.conversation import Branch, Conversation, ConversationStatus
from palaver.exports.exporting import Exported, Exporter, Told
from palaver.hub.place import Place
from palaver.ids import new_id
from palaver.imports.incoming import Importer
from palaver.once import once
from palaver.page import Page
from palaver.results import Loaded
from palaver.stores.orders import (
    ConversationChange,
    ConversationDraft,
    ConversationFilter,
    Ending,
    EntityDraft,
    Made,
)
from palaver.wire import conversations as wire
from palaver.wire.checking import check
from palaver.wire.exports import ExportAllQuery, ExportQuery
from palaver.wire.lines import ConversationLoad, incoming


def _entity(body: wire.ConversationCreate, known: str | None) -> str | EntityDraft | None:
    if known is not None:
        return known
    if body.entity is not None:
        return EntityDraft(id=new_id("ent"), **body.entity.given())
    if body.entity_type is not None:
        return EntityDraft(id=new_id("ent"), type=body.entity_type, external_id=body.external_id)
    return None


class LocalConversations:
    """See ``surface.Conversations``."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def _known(self, conversation_id: str) -> str:
        return self._place.known("conv", conversation_id)

    async def make(
        self, idempotency_key: str | None, bot_id: str, **fields: Unpack[ConversationFields]
    ) -> Made[Conversation]:
        """Create a conversation, and say whether an earlier call with the same key did."""
        body = check(wire.ConversationCreate, {"bot_id": bot_id, **fields})
        entity_id = None if body.entity_id is None else self._place.known("ent", body.entity_id)
        draft = ConversationDraft(
            id=new_id("conv"),
            bot_id=self._place.known("bot", body.bot_id),
            kind=body.kind,
            title=body.title,
            entity=_entity(body, entity_id),
            external_id=None if body.entity_type is not None else body.external_id,
            metadata=body.metadata,
        )
        unique = once(idempotency_key, "conversations.create", "", body.given())
        return await self._place.store.create_conversation(self._place.tenant_id, draft, unique)

    async def create(
        self, bot_id: str, *, idempotency_key: str | None = None, **fields: Unpack[ConversationFields]
    ) -> Conversation:
        """See ``surface.Conversations.create``."""
        return (await self.make(idempotency_key, bot_id, **fields)).value

    async def get(self, conversation_id: str) -> Conversation:
        """See ``surface.Conversations.get``."""
        return await self._place.store.get_conversation(self._place.tenant_id, self._known(conversation_id))

    async def list(self, **query: Unpack[ConversationQuery]) -> Page[Conversation]:
        """See ``surface.Conversations.list``."""
        asked = check(wire.ConversationQuery, query)
        fields = asked.model_dump(exclude={"limit", "after", "before"})
        wanted = ConversationFilter(**fields)
        listing = self._place.listing("conversations", asdict(wanted))
        window = listing.window(limit=asked.limit, after=asked.after, before=asked.before)
        return listing.page(await self._place.store.page_conversations(self._place.tenant_id, wanted, window))

    async def update(
        self, conversation_id: str, *, if_version: int | None = None, **fields: Unpack[ConversationEdits]
    ) -> Conversation:
        """See ``surface.Conversations.update``."""
        given = check(wire.ConversationEdit, fields).given()
        if "bot_id" in given:
            self._place.known("bot", given["bot_id"])
        change = ConversationChange(**given)
        return await self._place.store.update_conversation(
            self._place.tenant_id, self._known(conversation_id), change, if_version=if_version
        )

    async def end(
        self,
        conversation_id: str,
        *,
        rating: int | None = None,
        feedback: str | None = None,
        reason: str = "user",
        if_version: int | None = None,
    ) -> Conversation:
        """See ``surface.Conversations.end``."""
        body = check(wire.ConversationEnd, {"rating": rating, "feedback": feedback, "reason": reason})
        ended = await self._place.store.end_conversation(
            self._place.tenant_id,
            self._known(conversation_id),
            Ending(reason=body.reason, rating=body.rating, feedback=body.feedback),
            if_version=if_version,
        )
        self._place.engine.forsake(conversation_id=ended.id)
        return ended

    async def archive(self, conversation_id: str, *, if_version: int | None = None) -> Conversation:
        """See ``surface.Conversations.archive``."""
        return await self._set_status(conversation_id, ConversationStatus.ARCHIVED, if_version)

    async def reopen(self, conversation_id: str, *, if_version: int | None = None) -> Conversation:
        """See ``surface.Conversations.reopen``."""
        return await self._set_status(conversation_id, ConversationStatus.ACTIVE, if_version)

    async def _set_status(
        self, conversation_id: str, status: ConversationStatus, if_version: int | None
    ) -> Conversation:
        changed = await self._place.store.set_status(
            self._place.tenant_id, self._known(conversation_id), status, if_version=if_version
        )
        if status is not ConversationStatus.ACTIVE:
            self._place.engine.forsake(conversation_id=changed.id)
        return changed

    async def delete(self, conversation_id: str, *, if_version: int | None = None) -> None:
        """See ``surface.Conversations.delete``."""
        ended = await self._place.store.delete_conversation(
            self._place.tenant_id, self._known(conversation_id), if_version=if_version
        )
        self._place.engine.forsake(turn_ids=ended)

    async def restore(self, conversation_id: str) -> Conversation:
        """See ``surface.Conversations.restore``."""
        return await self._place.store.restore_conversation(self._place.tenant_id, self._known(conversation_id))

    async def branches(self, conversation_id: str) -> Sequence[Branch]:
        """See ``surface.Conversations.branches``."""
        return await self._place.store.branches(self._place.tenant_id, self._known(conversation_id))

    async def switch(self, conversation_id: str, turn_id: str, *, if_version: int | None = None) -> Conversation:
        """See ``surface.Conversations.switch``."""
        body = check(wire.HeadSwitch, {"turn_id": turn_id})
        return await self._place.store.set_head(
            self._place.tenant_id, self._known(conversation_id), body.turn_id, if_version=if_version
        )

    async def exported(self, conversation_id: str, **how: str) -> Exported:
        """Return a conversation as a file that is made while it is read."""
        asked = check(ExportQuery, how)
        return await self._exporter().one(self._known(conversation_id), asked.format, asked.rows)

    def exported_all(self, told: Told | None = None, **query: Any) -> Exported:
        """Return all conversations that fit as a file that is made while it is read; ``told`` hears how many are written."""
        asked = check(ExportAllQuery, query)
        wanted = ConversationFilter(**asked.model_dump(exclude={"format", "rows"}))
        return self._exporter().all(wanted, asked.format, asked.rows, told)

    def _exporter(self) -> Exporter:
        return Exporter(store=self._place.store, tenant_id=self._place.tenant_id)

    async def export(self, conversation_id: str, *, format: str = "html", rows: str = "messages") -> bytes:
        """See ``surface.Conversations.export``."""
        file = await self.exported(conversation_id, format=format, rows=rows)
        async with aclosing(file.parts) as parts:
            return b"".join([part async for part in parts])

    async def export_all(
        self, *, format: str = "jsonl", rows: str = "messages", **which: Unpack[ConversationWhich]
    ) -> AsyncGenerator[bytes]:
        """See ``surface.Conversations.export_all``."""
        async with aclosing(self.exported_all(format=format, rows=rows, **which).parts) as parts:
            async for part in parts:
                yield part

    async def load(self, lines: Sequence[Mapping[str, Any]], *, bot_id: str | None = None) -> Loaded:
        """See ``surface.Conversations.load``."""
        body = check(ConversationLoad, {"lines": list(lines), **({} if bot_id is None else {"bot_id": bot_id})})
        known = None
        if body.bot_id is not None:
            known = self._place.known("bot", body.bot_id)
            await self._place.store.get_bot(self._place.tenant_id, known)
        importer = Importer(store=self._place.store, tenant_id=self._place.tenant_id)
        found: dict[bool, list[str]] = {True: [], False: []}
        for each in await asyncio.to_thread(incoming, body.lines, known):
            is_new = await importer.put(each)
            found[is_new].append(each.conversation.conversation.id)
        return Loaded(imported=tuple(found[True]), present=tuple(found[False]))
