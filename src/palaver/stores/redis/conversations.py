"""Conversations: create, read, edit, end, archive, delete, restore."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from palaver.clock import from_micros
from palaver.conversation import Branch, Conversation, ConversationStatus, InterruptReason
from palaver.entity import Entity
from palaver.errors import Conflict, NotFound
from palaver.page import Slice, Window
from palaver.stores.changes import changed_conversation, check_version
from palaver.stores.orders import ConversationChange, ConversationDraft, ConversationFilter, Ending, Made, Once
from palaver.stores.records import ConversationRecord
from palaver.stores.redis.access import Access
from palaver.stores.redis.entities import entity_of_draft
from palaver.stores.redis.idling import end_idle, idle_conversations
from palaver.stores.redis.kept import KeptConversation
from palaver.stores.redis.listing import page_conversations
from palaver.stores.redis.living import live_bot, live_conversation, own_conversation
from palaver.stores.redis.once import claim, claim_of
from palaver.stores.redis.paths import branches, set_head
from palaver.stores.redis.session import Operation, Session
from palaver.stores.redis.turn_ends import interrupt_all, open_turn_ids
from palaver.stores.rows import to_json

_Place = tuple[str, str]
_Change = Operation[KeptConversation]


class RedisConversations(Access):
    """``stores.base.ConversationRows``, but for the purge"""

    async def create_conversation(
        self, tenant_id: str, draft: ConversationDraft, once: Once | None = None
    ) -> Made[Conversation]:
        ground = partial(_ground, tenant_id=tenant_id, draft=draft, once=once)
        conversation_id, entity = await self._write(ground, tenant_id)
        make = partial(_make, tenant_id=tenant_id, draft=replace(draft, id=conversation_id), entity=entity, once=once)
        made = await self._write(make, conversation_id)
        if made is None:
            return Made(value=await self.get_conversation(tenant_id, conversation_id), replayed=True)
        return Made(value=made)

    async def get_conversation(self, tenant_id: str, conversation_id: str) -> Conversation:
        return await self._read(partial(_get, tenant_id=tenant_id, conversation_id=conversation_id))

    async def page_conversations(
        self, tenant_id: str, wanted: ConversationFilter, window: Window
    ) -> Slice[Conversation]:
        page, strays = await self._read(partial(page_conversations, tenant_id=tenant_id, wanted=wanted, window=window))
        for stray in strays:
            await self._lists.drop(stray.kept, [stray.where], await self._now())
        return page

    async def update_conversation(
        self, tenant_id: str, conversation_id: str, change: ConversationChange, *, if_version: int | None = None
    ) -> Conversation:
        place = (tenant_id, conversation_id)
        return await self._changed(place, lambda db: _update(db, place, change, if_version))

    async def end_conversation(
        self, tenant_id: str, conversation_id: str, ending: Ending, *, if_version: int | None = None
    ) -> Conversation:
        place = (tenant_id, conversation_id)
        return await self._changed(place, lambda db: _end(db, place, ending, if_version))

    async def set_status(
        self, tenant_id: str, conversation_id: str, status: ConversationStatus, *, if_version: int | None = None
    ) -> Conversation:
        place = (tenant_id, conversation_id)
        return await self._changed(place, lambda db: _set_status(db, place, status, if_version))

    async def delete_conversation(
        self, tenant_id: str, conversation_id: str, *, if_version: int | None = None
    ) -> Sequence[str]:
        return await self._write(lambda db: _delete(db, (tenant_id, conversation_id), if_version), conversation_id)

    async def restore_conversation(self, tenant_id: str, conversation_id: str) -> Conversation:
        place = (tenant_id, conversation_id)
        return await self._changed(place, partial(_restore, place=place))

    async def set_head(
        self, tenant_id: str, conversation_id: str, turn_id: str, *, if_version: int | None = None
    ) -> Conversation:
        place = (tenant_id, conversation_id)
        return await self._changed(place, lambda db: set_head(db, tenant_id, conversation_id, turn_id, if_version))

    async def branches(self, tenant_id: str, conversation_id: str) -> Sequence[Branch]:
        return await self._read(partial(branches, tenant_id=tenant_id, conversation_id=conversation_id))

    async def end_idle(self, limit: int) -> int:
        idle = await self._read(partial(idle_conversations, limit=limit))
        return sum([await self._write(partial(end_idle, conversation_id=each), each) for each in idle])

    async def _changed(self, place: _Place, operation: _Change) -> Conversation:
        kept = await self._write(operation, place[1])
        return await self._read(partial(_whole, kept=kept))


async def _whole(db: Session, kept: KeptConversation) -> Conversation:
    """Return a conversation with its entity."""
    entity = None if kept.entity_id is None else await db.one(db.entity(kept.tenant_id, kept.entity_id))
    return replace(kept.value, entity=None if entity is None else entity.entity)


async def _get(db: Session, tenant_id: str, conversation_id: str) -> Conversation:
    return await _whole(db, await live_conversation(db, tenant_id, conversation_id))


async def _ground(
    db: Session, tenant_id: str, draft: ConversationDraft, once: Once | None
) -> tuple[str, Entity | None]:
    """Claim the key, and find or make the entity. Returns the id to make, and the entity."""
    known = await db.one(claim_of(db, tenant_id, "conversation", once))
    if known is None or await db.one(db.conversation(known)) is None:
        await live_bot(db, tenant_id, draft.bot_id)
        entity = await entity_of_draft(db, tenant_id, draft.entity)
        if known is None:
            claim(db, tenant_id, "conversation", once, draft.id)
        return known or draft.id, entity
    return known, None


async def _make(
    db: Session, tenant_id: str, draft: ConversationDraft, entity: Entity | None, once: Once | None
) -> Conversation | None:
    """Make a conversation; None if somebody with the same key was faster."""
    if await db.one(db.conversation(draft.id)) is not None:
        if once is None:
            raise Conflict("A conversation with this id exists already.")
        return None
    now = from_micros(db.now)
    conversation = Conversation(
        id=draft.id,
        bot_id=draft.bot_id,
        kind=draft.kind,
        title=draft.title,
        external_id=draft.external_id,
        metadata=draft.metadata,
        started_at=now,
        last_activity_at=now,
    )
    kept = KeptConversation(
        tenant_id=tenant_id,
        record=ConversationRecord(conversation=conversation, last_seq=0, last_index=0, once=once, place=0),
        entity_id=None if entity is None else entity.id,
        place=db.place("conversations"),
        metadata=to_json(draft.metadata),
    )
    db.put(kept)
    return replace(conversation, entity=entity)


async def _to_change(db: Session, place: _Place, if_version: int | None) -> KeptConversation:
    kept = await live_conversation(db, *place)
    check_version("conversation", kept.value.version, if_version)
    return kept


async def _update(db: Session, place: _Place, change: ConversationChange, if_version: int | None) -> KeptConversation:
    kept = await _to_change(db, place, if_version)
    changed = changed_conversation(kept.value, change)
    record = replace(kept.record, conversation=changed)
    kept = replace(kept, record=record, metadata=to_json(changed.metadata))
    db.put(kept)
    return kept


async def _end(db: Session, place: _Place, ending: Ending, if_version: int | None) -> KeptConversation:
    kept = await _to_change(db, place, if_version)
    value = kept.value
    rated = {
        "rating": value.rating if ending.rating is None else ending.rating,
        "feedback": value.feedback if ending.feedback is None else ending.feedback,
        "version": value.version + 1,
    }
    if value.status is ConversationStatus.ACTIVE:
        kept = await interrupt_all(db, kept, InterruptReason.ENDED)
        ended = {"status": ConversationStatus.ENDED, "end_reason": ending.reason, "ended_at": from_micros(db.now)}
        kept = kept.with_value(**ended, **rated)
    elif (ending.rating, ending.feedback) != (None, None):
        kept = kept.with_value(**rated)
    db.put(kept)
    return kept


async def _set_status(
    db: Session, place: _Place, status: ConversationStatus, if_version: int | None
) -> KeptConversation:
    kept = await _to_change(db, place, if_version)
    if kept.value.status is status:
        return kept
    version = kept.value.version + 1
    match status:
        case ConversationStatus.ACTIVE:
            now = from_micros(db.now)
            kept = kept.with_value(status=status, end_reason=None, ended_at=None, last_activity_at=now, version=version)
        case ConversationStatus.ARCHIVED:
            kept = await interrupt_all(db, kept, InterruptReason.ENDED)
            kept = kept.with_value(status=status, version=version)
        case ConversationStatus.ENDED:
            return await _end(db, place, Ending(), if_version)
    db.put(kept)
    return kept


async def _delete(db: Session, place: _Place, if_version: int | None) -> Sequence[str]:
    kept = await _to_change(db, place, if_version)
    turn_ids = open_turn_ids(kept)
    kept = await interrupt_all(db, kept, InterruptReason.DELETED)
    kept = kept.with_value(deleted_at=from_micros(db.now))
    db.put(replace(kept, record=replace(kept.record, deletion=kept.id)))
    return turn_ids


async def _restore(db: Session, place: _Place) -> KeptConversation:
    kept = await own_conversation(db, *place)
    if kept.is_given_up:
        raise NotFound
    await live_bot(db, place[0], kept.value.bot_id)
    if kept.value.deleted_at is not None:
        kept = kept.with_value(deleted_at=None)
        kept = replace(kept, record=replace(kept.record, deletion=None))
        db.put(kept)
    return kept
