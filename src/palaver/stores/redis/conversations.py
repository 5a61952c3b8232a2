"""Conversations: create, read, edit, end, archive, delete, restore."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from palaver.conversation import Branch, Conversation, ConversationStatus, InterruptReason
from palaver.errors import InvalidInput, NotFound
from palaver.page import Slice, Window
from palaver.stores.changes import bot_after, changed_conversation, check_version
from palaver.stores.orders import ConversationChange, ConversationDraft, ConversationFilter, Ending, Made, Once
from palaver.stores.redis.access import Access
from palaver.stores.redis.bots import live_bot
from palaver.stores.redis.claims import made_before
from palaver.stores.redis.entities import entity_of_draft
from palaver.stores.redis.idle import end_idle, idle_conversations
from palaver.stores.redis.listing import page_conversations
from palaver.stores.redis.paths import Marks, branches, refuse_while_open
from palaver.stores.redis.places import take_place
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredConversation, StoredEntity, StoredTurn, over
from palaver.stores.redis.turn_ends import end_open_turns
from palaver.stores.redis.values import conversation, once_columns
from palaver.stores.rows import to_json


class RedisConversations(Access):
    """``stores.base.ConversationRows``"""

    async def create_conversation(
        self, tenant_id: str, draft: ConversationDraft, once: Once | None = None
    ) -> Made[Conversation]:
        about = once.key if once else draft.id
        return await self._run(partial(_create, tenant_id=tenant_id, draft=draft, once=once), about)

    async def get_conversation(self, tenant_id: str, conversation_id: str) -> Conversation:
        return await self._run(lambda db: _get(db, tenant_id, conversation_id))

    async def page_conversations(
        self, tenant_id: str, wanted: ConversationFilter, window: Window
    ) -> Slice[Conversation]:
        return await self._run(partial(page_conversations, tenant_id=tenant_id, wanted=wanted, window=window))

    async def update_conversation(
        self, tenant_id: str, conversation_id: str, change: ConversationChange, *, if_version: int | None = None
    ) -> Conversation:
        return await self._run(lambda db: _update(db, tenant_id, conversation_id, change, if_version), conversation_id)

    async def title_conversation(self, tenant_id: str, conversation_id: str, title: str) -> Conversation:
        return await self._run(lambda db: _title(db, tenant_id, conversation_id, title), conversation_id)

    async def end_conversation(
        self, tenant_id: str, conversation_id: str, ending: Ending, *, if_version: int | None = None
    ) -> Conversation:
        return await self._run(lambda db: _end(db, tenant_id, conversation_id, ending, if_version), conversation_id)

    async def set_status(
        self, tenant_id: str, conversation_id: str, status: ConversationStatus, *, if_version: int | None = None
    ) -> Conversation:
        operation = partial(_set_status, status=status, if_version=if_version)
        return await self._run(lambda db: operation(db, tenant_id, conversation_id), conversation_id)

    async def delete_conversation(
        self, tenant_id: str, conversation_id: str, *, if_version: int | None = None
    ) -> Sequence[str]:
        return await self._run(lambda db: _delete(db, tenant_id, conversation_id, if_version), conversation_id)

    async def restore_conversation(self, tenant_id: str, conversation_id: str) -> Conversation:
        return await self._run(lambda db: _restore(db, tenant_id, conversation_id), conversation_id)

    async def set_head(
        self, tenant_id: str, conversation_id: str, turn_id: str, *, if_version: int | None = None
    ) -> Conversation:
        operation = partial(_set_head, turn_id=turn_id, if_version=if_version)
        return await self._run(lambda db: operation(db, tenant_id, conversation_id), conversation_id)

    async def branches(self, tenant_id: str, conversation_id: str) -> Sequence[Branch]:
        return await self._run(partial(branches, tenant_id=tenant_id, conversation_id=conversation_id))

    async def end_idle(self, limit: int) -> int:
        ended = 0
        for conversation_id in await self._run(partial(idle_conversations, limit=limit)):
            ended += await self._run(partial(end_idle, conversation_id=conversation_id), conversation_id)
        return ended


async def _value(db: Session, kept: StoredConversation) -> Conversation:
    return conversation(kept, await db.find(StoredEntity, kept.entity_id))


async def _get(db: Session, tenant_id: str, conversation_id: str) -> Conversation:
    kept, _ = await db.live(tenant_id, conversation_id)
    return await _value(db, kept)


async def _to_change(db: Session, tenant_id: str, conversation_id: str, if_version: int | None) -> StoredConversation:
    kept, _ = await db.live(tenant_id, conversation_id)
    check_version("conversation", kept.version, if_version)
    return kept


async def _create(db: Session, tenant_id: str, draft: ConversationDraft, once: Once | None) -> Made[Conversation]:
    known = await made_before(db, tenant_id, StoredConversation, once, draft.id)
    if known is not None:
        return Made(value=await _get(db, tenant_id, known.id), replayed=True)
    bot = await live_bot(db, tenant_id, draft.bot_id)
    entity = await entity_of_draft(db, tenant_id, draft.entity)
    kept = StoredConversation(
        tenant_id=tenant_id,
        id=draft.id,
        n=await take_place(db, StoredConversation),
        bot_id=bot.id,
        entity_id=None if entity is None else entity.id,
        kind=draft.kind.value,
        title=draft.title,
        status=ConversationStatus.ACTIVE.value,
        end_reason=None,
        external_id=draft.external_id,
        metadata=to_json(draft.metadata),
        rating=None,
        feedback=None,
        message_count=0,
        turn_count=0,
        last_seq=0,
        last_index=0,
        head_id=None,
        running_id=None,
        queued=(),
        started_at=db.now,
        last_activity_at=db.now,
        ended_at=None,
        deleted_at=None,
        version=1,
        **once_columns(once),
    )
    db.learn_revision(kept.id, None)
    db.put(kept)
    return Made(value=conversation(kept, entity))


async def _update(
    db: Session, tenant_id: str, conversation_id: str, change: ConversationChange, if_version: int | None
) -> Conversation:
    kept = await _to_change(db, tenant_id, conversation_id, if_version)
    await live_bot(db, tenant_id, bot_after(kept.bot_id, change))
    changed = changed_conversation(await _value(db, kept), change)
    about = {"bot_id": changed.bot_id, "title": changed.title, "external_id": changed.external_id}
    about["metadata"] = to_json(changed.metadata)
    db.put(replace(kept, **about, version=changed.version))  # type: ignore[arg-type]  # each field has its own type
    return changed


async def _title(db: Session, tenant_id: str, conversation_id: str, title: str) -> Conversation:
    kept, _ = await db.live(tenant_id, conversation_id)
    if kept.title is None:
        kept = replace(kept, title=title)
        db.put(kept)
    return await _value(db, kept)


async def _end(
    db: Session, tenant_id: str, conversation_id: str, ending: Ending, if_version: int | None
) -> Conversation:
    kept = await _to_change(db, tenant_id, conversation_id, if_version)
    if kept.status == ConversationStatus.ACTIVE:
        await end_open_turns(db, kept, InterruptReason.ENDED)
        kept = over(await db.get(StoredConversation, tenant_id, kept.id), ending.reason, db.now)
        db.put(_rated(kept, ending, db.now))
    elif (ending.rating, ending.feedback) != (None, None):
        db.put(replace(_rated(kept, ending, db.now), version=kept.version + 1))
    return await _value(db, await db.get(StoredConversation, tenant_id, kept.id))


def _rated(kept: StoredConversation, ending: Ending, now: int) -> StoredConversation:
    rating = kept.rating if ending.rating is None else ending.rating
    feedback = kept.feedback if ending.feedback is None else ending.feedback
    return replace(kept, rating=rating, feedback=feedback, changed_at=now)


async def _set_status(
    db: Session, tenant_id: str, conversation_id: str, *, status: ConversationStatus, if_version: int | None
) -> Conversation:
    kept = await _to_change(db, tenant_id, conversation_id, if_version)
    if kept.status != status:
        match status:
            case ConversationStatus.ACTIVE:
                reopened = replace(kept, end_reason=None, ended_at=None, last_activity_at=db.now)
                db.put(replace(reopened, status=status.value, changed_at=db.now, version=kept.version + 1))
            case ConversationStatus.ARCHIVED:
                await end_open_turns(db, kept, InterruptReason.ENDED)
                kept = await db.get(StoredConversation, tenant_id, kept.id)
                db.put(replace(kept, status=status.value, changed_at=db.now, version=kept.version + 1))
            case ConversationStatus.ENDED:
                return await _end(db, tenant_id, conversation_id, Ending(), if_version)
    return await _value(db, await db.get(StoredConversation, tenant_id, kept.id))


async def _delete(db: Session, tenant_id: str, conversation_id: str, if_version: int | None) -> Sequence[str]:
    kept = await _to_change(db, tenant_id, conversation_id, if_version)
    turns = await end_open_turns(db, kept, InterruptReason.DELETED)
    db.put(replace(await db.get(StoredConversation, tenant_id, kept.id), deleted_at=db.now))
    return turns


async def _restore(db: Session, tenant_id: str, conversation_id: str) -> Conversation:
    kept = await db.conversation(tenant_id, conversation_id)
    await live_bot(db, tenant_id, kept.bot_id)
    if kept.doomed:
        raise NotFound
    if kept.deleted_at is not None:  # restoring what is there changes nothing
        kept = replace(kept, deleted_at=None)
        db.put(kept)
    return await _value(db, kept)


async def _set_head(
    db: Session, tenant_id: str, conversation_id: str, *, turn_id: str, if_version: int | None
) -> Conversation:
    kept, _ = await db.live(tenant_id, conversation_id)
    turn = await db.find(StoredTurn, turn_id)
    if turn is None or turn.conversation_id != conversation_id or turn.deleted_at is not None:
        raise InvalidInput("This is no turn of this conversation.", code="invalid_parent")
    check_version("conversation", kept.version, if_version)
    refuse_while_open(kept)
    if turn.id != kept.head_id:
        old = await db.find(StoredTurn, kept.head_id)
        await Marks(db, conversation_id).move(old, turn)
        kept = replace(kept, head_id=turn.id, lost_head_id=None, version=kept.version + 1)
        db.put(kept)
    return await _value(db, kept)
