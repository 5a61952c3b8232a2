"""Conversations: create, read, edit, end, archive, delete, restore."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from palaver.conversation import Branch, Conversation, ConversationStatus, InterruptReason
from palaver.errors import NotFound
from palaver.page import Slice, Window
from palaver.stores.changes import bot_after, changed_conversation, check_version
from palaver.stores.orders import ConversationChange, ConversationDraft, ConversationFilter, Ending, Made, Once
from palaver.stores.postgres.access import Access
from palaver.stores.postgres.bots import get_bot
from palaver.stores.postgres.entities import entity_id_of
from palaver.stores.postgres.figures import count_conversation
from palaver.stores.postgres.listing import folded, page_conversations
from palaver.stores.postgres.once import made_before
from palaver.stores.postgres.paths import branches, set_head
from palaver.stores.postgres.purge import purge
from palaver.stores.postgres.session import Session
from palaver.stores.postgres.turn_ends import Place, interrupt
from palaver.stores.rows import conversation_of, to_json


class PostgresConversations(Access):
    """``stores.base.ConversationRows``"""

    async def create_conversation(
        self, tenant_id: str, draft: ConversationDraft, once: Once | None = None
    ) -> Made[Conversation]:
        return await self._write(partial(_create, tenant_id=tenant_id, draft=draft, once=once))

    async def get_conversation(self, tenant_id: str, conversation_id: str) -> Conversation:
        return await self._read(partial(_get, place=(tenant_id, conversation_id)))

    async def page_conversations(
        self, tenant_id: str, wanted: ConversationFilter, window: Window
    ) -> Slice[Conversation]:
        return await self._read(partial(page_conversations, tenant_id=tenant_id, wanted=wanted, window=window))

    async def update_conversation(
        self, tenant_id: str, conversation_id: str, change: ConversationChange, *, if_version: int | None = None
    ) -> Conversation:
        return await self._write(lambda db: _update(db, (tenant_id, conversation_id), change, if_version))

    async def title_conversation(self, tenant_id: str, conversation_id: str, title: str) -> Conversation:
        return await self._write(partial(_title, place=(tenant_id, conversation_id), title=title))

    async def end_conversation(
        self, tenant_id: str, conversation_id: str, ending: Ending, *, if_version: int | None = None
    ) -> Conversation:
        return await self._write(lambda db: _end(db, (tenant_id, conversation_id), ending, if_version))

    async def set_status(
        self, tenant_id: str, conversation_id: str, status: ConversationStatus, *, if_version: int | None = None
    ) -> Conversation:
        return await self._write(lambda db: _set_status(db, (tenant_id, conversation_id), status, if_version))

    async def delete_conversation(
        self, tenant_id: str, conversation_id: str, *, if_version: int | None = None
    ) -> Sequence[str]:
        return await self._write(lambda db: _delete(db, (tenant_id, conversation_id), if_version))

    async def restore_conversation(self, tenant_id: str, conversation_id: str) -> Conversation:
        return await self._write(partial(_restore, place=(tenant_id, conversation_id)))

    async def set_head(
        self, tenant_id: str, conversation_id: str, turn_id: str, *, if_version: int | None = None
    ) -> Conversation:
        return await self._write(lambda db: set_head(db, (tenant_id, conversation_id), turn_id, if_version))

    async def branches(self, tenant_id: str, conversation_id: str) -> Sequence[Branch]:
        return await self._read(partial(branches, tenant_id=tenant_id, conversation_id=conversation_id))

    async def end_idle(self, limit: int) -> int:
        idle = await self._read(lambda db: db.rows("idle_conversations", now=db.now, limit=limit))
        return sum([await self._step(partial(_end_idle, place=(row[0], row[1]))) for row in idle])

    async def purge(self, *, deleted_before_seconds: float, limit: int) -> int:
        operation = partial(purge, deleted_before_seconds=deleted_before_seconds, limit=limit)
        removed, gone = await self._write(operation)
        for tenant_id, conversation_id in gone:
            await self._write(partial(count_conversation, tenant_id=tenant_id, conversation_id=conversation_id))
        return removed


async def _get(db: Session, place: Place) -> Conversation:
    row = await db.row("conversation", tenant_id=place[0], id=place[1])
    if row is None:
        raise NotFound
    return conversation_of(row)


async def _status_to_change(db: Session, place: Place, if_version: int | None) -> ConversationStatus:
    """Return the status of a conversation that nobody else changes until the commit."""
    row = await db.row("conversation_to_change", tenant_id=place[0], id=place[1])
    if row is None:
        raise NotFound
    check_version("conversation", row[1], if_version)
    return ConversationStatus(row[0])


async def _create(db: Session, tenant_id: str, draft: ConversationDraft, once: Once | None) -> Made[Conversation]:
    known = await made_before(db, tenant_id, "conversation", once, draft.id)
    if known is not None:
        return Made(value=await _get(db, (tenant_id, known)), replayed=True)
    await get_bot(db, tenant_id, draft.bot_id)
    await db.run(
        "insert_conversation",
        id=draft.id,
        tenant_id=tenant_id,
        bot_id=draft.bot_id,
        entity_id=await entity_id_of(db, tenant_id, draft.entity),
        kind=draft.kind.value,
        title=draft.title,
        title_folded=folded(draft.title),
        external_id=draft.external_id,
        metadata=to_json(draft.metadata),
        now=db.now,
    )
    return Made(value=await _get(db, (tenant_id, draft.id)))


async def _update(db: Session, place: Place, change: ConversationChange, if_version: int | None) -> Conversation:
    await _status_to_change(db, place, if_version)
    before = await _get(db, place)
    await get_bot(db, place[0], bot_after(before.bot_id, change))
    changed = changed_conversation(before, change)
    await db.run(
        "update_conversation",
        tenant_id=place[0],
        id=place[1],
        bot_id=changed.bot_id,
        title=changed.title,
        title_folded=folded(changed.title),
        external_id=changed.external_id,
        metadata=to_json(changed.metadata),
    )
    return await _get(db, place)


async def _title(db: Session, place: Place, title: str) -> Conversation:
    await _status_to_change(db, place, None)
    await db.run("title_conversation", tenant_id=place[0], id=place[1], title=title, title_folded=folded(title))
    return await _get(db, place)


async def _end_open_turns(db: Session, place: Place, reason: InterruptReason) -> Sequence[str]:
    open_turns = await db.rows("open_turns_of_conversation", tenant_id=place[0], id=place[1])
    return tuple([await interrupt(db, place, row[0], reason) for row in open_turns])


async def _end(db: Session, place: Place, ending: Ending, if_version: int | None) -> Conversation:
    status = await _status_to_change(db, place, if_version)
    where = {"tenant_id": place[0], "id": place[1]}
    rating = {"rating": ending.rating, "feedback": ending.feedback}
    if status is ConversationStatus.ACTIVE:
        await _end_open_turns(db, place, InterruptReason.ENDED)
        await db.run("end_conversation", **where, reason=ending.reason.value, now=db.now, **rating)
    elif (ending.rating, ending.feedback) != (None, None):
        await db.run("rate_conversation", **where, **rating)
    return await _get(db, place)


async def _set_status(db: Session, place: Place, status: ConversationStatus, if_version: int | None) -> Conversation:
    where = {"tenant_id": place[0], "id": place[1]}
    if await _status_to_change(db, place, if_version) is not status:
        match status:
            case ConversationStatus.ACTIVE:
                await db.run("reopen_conversation", **where, now=db.now)
            case ConversationStatus.ARCHIVED:
                await _end_open_turns(db, place, InterruptReason.ENDED)
                await db.run("archive_conversation", **where)
            case ConversationStatus.ENDED:
                return await _end(db, place, Ending(), if_version)
    return await _get(db, place)


async def _delete(db: Session, place: Place, if_version: int | None) -> Sequence[str]:
    await _status_to_change(db, place, if_version)
    turns = await _end_open_turns(db, place, InterruptReason.DELETED)
    await db.run("delete_conversation", tenant_id=place[0], id=place[1], now=db.now)
    return turns


async def _restore(db: Session, place: Place) -> Conversation:
    row = await db.row("deleted_conversation", tenant_id=place[0], id=place[1])
    if row is not None:
        if row[0] is not None:
            raise NotFound
        await db.run("restore_conversation", tenant_id=place[0], id=place[1])
    return await _get(db, place)


async def _end_idle(db: Session, place: Place) -> int:
    return await db.run("end_idle_conversation", tenant_id=place[0], id=place[1], now=db.now)
