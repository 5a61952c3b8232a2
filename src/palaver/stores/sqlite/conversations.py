"""Conversations: create, read, edit, end, archive, delete, restore."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from palaver.conversation import Branch, Conversation, ConversationStatus, InterruptReason
from palaver.errors import NotFound
from palaver.page import Slice, Window
from palaver.stores.changes import bot_after, changed_conversation, check_version
from palaver.stores.orders import (
    ConversationChange,
    ConversationDraft,
    ConversationFilter,
    Ending,
    EntityDraft,
    Made,
    Once,
)
from palaver.stores.rows import conversation_of, to_json
from palaver.stores.sqlite.access import Access
from palaver.stores.sqlite.bots import bot_with_key
from palaver.stores.sqlite.entities import entity_with_key, insert_entity
from palaver.stores.sqlite.listing import page_conversations
from palaver.stores.sqlite.once import made_before, note_made
from palaver.stores.sqlite.paths import branches, set_head
from palaver.stores.sqlite.purge import purge_step, truncate_log
from palaver.stores.sqlite.transaction import Transaction
from palaver.stores.sqlite.turn_ends import interrupt


class SqliteConversations(Access):
    """``stores.base.ConversationRows``"""

    async def create_conversation(
        self, tenant_id: str, draft: ConversationDraft, once: Once | None = None
    ) -> Made[Conversation]:
        return await self._write(partial(_create, tenant_id=tenant_id, draft=draft, once=once))

    async def get_conversation(self, tenant_id: str, conversation_id: str) -> Conversation:
        return await self._read(partial(_get, tenant_id=tenant_id, conversation_id=conversation_id))

    async def page_conversations(
        self, tenant_id: str, wanted: ConversationFilter, window: Window
    ) -> Slice[Conversation]:
        return await self._read(
            partial(page_conversations, tenant_id=tenant_id, wanted=wanted, window=window), snapshot=True
        )

    async def update_conversation(
        self, tenant_id: str, conversation_id: str, change: ConversationChange, *, if_version: int | None = None
    ) -> Conversation:
        return await self._write(lambda tx: _update(tx, tenant_id, conversation_id, change, if_version))

    async def title_conversation(self, tenant_id: str, conversation_id: str, title: str) -> Conversation:
        return await self._write(lambda tx: _title(tx, tenant_id, conversation_id, title))

    async def end_conversation(
        self, tenant_id: str, conversation_id: str, ending: Ending, *, if_version: int | None = None
    ) -> Conversation:
        return await self._write(lambda tx: _end(tx, tenant_id, conversation_id, ending, if_version))

    async def set_status(
        self, tenant_id: str, conversation_id: str, status: ConversationStatus, *, if_version: int | None = None
    ) -> Conversation:
        return await self._write(lambda tx: _set_status(tx, tenant_id, conversation_id, status, if_version))

    async def delete_conversation(
        self, tenant_id: str, conversation_id: str, *, if_version: int | None = None
    ) -> Sequence[str]:
        return await self._write(lambda tx: _delete(tx, tenant_id, conversation_id, if_version))

    async def restore_conversation(self, tenant_id: str, conversation_id: str) -> Conversation:
        return await self._write(partial(_restore, tenant_id=tenant_id, conversation_id=conversation_id))

    async def set_head(
        self, tenant_id: str, conversation_id: str, turn_id: str, *, if_version: int | None = None
    ) -> Conversation:
        return await self._write(lambda tx: set_head(tx, tenant_id, conversation_id, turn_id, if_version))

    async def branches(self, tenant_id: str, conversation_id: str) -> Sequence[Branch]:
        return await self._read(partial(branches, tenant_id=tenant_id, conversation_id=conversation_id), snapshot=True)

    async def end_idle(self, limit: int) -> int:
        if not await self._read(partial(_idle, limit=1), snapshot=True):
            return 0
        return await self._write(partial(_end_idle, limit=limit))

    async def purge(self, *, deleted_before_seconds: float, limit: int) -> int:
        step = await self._write(
            partial(purge_step, deleted_before_seconds=deleted_before_seconds, limit=limit, in_memory=self._in_memory)
        )
        if step.only_log_left:
            return await self._writer.alone(truncate_log)
        return step.removed


class State(NamedTuple):
    """``{conversation_state_columns}``"""

    n: int
    bot_n: int
    status: str
    version: int
    head_n: int | None
    running_n: int | None
    last_seq: int
    last_index: int
    end_reason: str | None
    rating: int | None
    feedback: str | None
    origin_n: int | None


def _get(tx: Transaction, tenant_id: str, conversation_id: str) -> Conversation:
    row = tx.row("conversation", id=conversation_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    return conversation_of(row)


def _state(tx: Transaction, tenant_id: str, conversation_id: str, if_version: int | None) -> State:
    row = tx.row("conversation_state", id=conversation_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    state = State(*row)
    check_version("conversation", state.version, if_version)
    return state


def _entity_n(tx: Transaction, tenant_id: str, entity: str | EntityDraft | None) -> int | None:
    """Return the key of the entity that a draft names, found by its external id or made."""
    if entity is None:
        return None
    if isinstance(entity, str):
        return entity_with_key(tx, tenant_id, entity)[1]
    if entity.external_id is not None:
        known = tx.row(
            "entity_by_external_id", tenant_id=tenant_id, type=entity.type.value, external_id=entity.external_id
        )
        if known is not None:
            return int(known[-1])
    return insert_entity(tx, tenant_id, entity)


def _create(tx: Transaction, tenant_id: str, draft: ConversationDraft, once: Once | None) -> Made[Conversation]:
    known = made_before(tx, tenant_id, "conversation", once)
    if known is not None:
        return Made(value=_get(tx, tenant_id, known), replayed=True)
    bot, bot_n = bot_with_key(tx, tenant_id, draft.bot_id)
    tx.insert(
        "insert_conversation",
        id=draft.id,
        tenant_id=tenant_id,
        bot_n=bot_n,
        entity_n=_entity_n(tx, tenant_id, draft.entity),
        kind=draft.kind.value,
        title=draft.title,
        external_id=draft.external_id,
        metadata=to_json(draft.metadata),
        idles=bot.idle_timeout_minutes is not None,
        now=tx.now,
    )
    note_made(tx, tenant_id, "conversation", once, draft.id)
    return Made(value=_get(tx, tenant_id, draft.id))


def _update(
    tx: Transaction, tenant_id: str, conversation_id: str, change: ConversationChange, if_version: int | None
) -> Conversation:
    state = _state(tx, tenant_id, conversation_id, if_version)
    before = _get(tx, tenant_id, conversation_id)
    bot, bot_n = bot_with_key(tx, tenant_id, bot_after(before.bot_id, change))
    changed = changed_conversation(before, change)
    tx.run(
        "update_conversation",
        n=state.n,
        bot_n=bot_n,
        idles=bot.idle_timeout_minutes is not None,
        title=changed.title,
        external_id=changed.external_id,
        metadata=to_json(changed.metadata),
    )
    return _get(tx, tenant_id, conversation_id)


def _title(tx: Transaction, tenant_id: str, conversation_id: str, title: str) -> Conversation:
    tx.run("title_conversation", n=_state(tx, tenant_id, conversation_id, None).n, title=title)
    return _get(tx, tenant_id, conversation_id)


def _end_open_turns(tx: Transaction, n: int, reason: InterruptReason) -> Sequence[str]:
    return tuple(interrupt(tx, row[0], reason) for row in tx.rows("open_turns_of_conversation", n=n))


def _end(tx: Transaction, tenant_id: str, conversation_id: str, ending: Ending, if_version: int | None) -> Conversation:
    state = _state(tx, tenant_id, conversation_id, if_version)
    rating = {"rating": ending.rating, "feedback": ending.feedback}
    if state.status == ConversationStatus.ACTIVE:
        _end_open_turns(tx, state.n, InterruptReason.ENDED)
        tx.run("end_conversation", n=state.n, reason=ending.reason.value, now=tx.now, **rating)
        tx.run("take_mark_back", n=state.n)
    elif (ending.rating, ending.feedback) != (None, None):
        tx.run("rate_conversation", n=state.n, **rating)
        tx.run("take_mark_back", n=state.n)
    return _get(tx, tenant_id, conversation_id)


def _set_status(
    tx: Transaction, tenant_id: str, conversation_id: str, status: ConversationStatus, if_version: int | None
) -> Conversation:
    state = _state(tx, tenant_id, conversation_id, if_version)
    if state.status != status:
        tx.run("take_mark_back", n=state.n)
        match status:
            case ConversationStatus.ACTIVE:
                tx.run("reopen_conversation", n=state.n, now=tx.now)
            case ConversationStatus.ARCHIVED:
                _end_open_turns(tx, state.n, InterruptReason.ENDED)
                tx.run("archive_conversation", n=state.n)
            case ConversationStatus.ENDED:
                return _end(tx, tenant_id, conversation_id, Ending(), if_version)
    return _get(tx, tenant_id, conversation_id)


def _delete(tx: Transaction, tenant_id: str, conversation_id: str, if_version: int | None) -> Sequence[str]:
    state = _state(tx, tenant_id, conversation_id, if_version)
    turns = _end_open_turns(tx, state.n, InterruptReason.DELETED)
    tx.run("delete_conversation", n=state.n, now=tx.now)
    return turns


def _restore(tx: Transaction, tenant_id: str, conversation_id: str) -> Conversation:
    row = tx.row("deleted_conversation", id=conversation_id, tenant_id=tenant_id)
    if row is not None:
        n, _, bot_deleted_at = row
        if bot_deleted_at is not None:
            raise NotFound
        tx.run("restore_conversation", n=n)
    return _get(tx, tenant_id, conversation_id)


def _idle(tx: Transaction, limit: int) -> list[int]:
    found: list[int] = []
    for bot_n, minutes in tx.rows("bots_with_timeout"):
        if len(found) == limit:
            break
        idle_since = tx.now - minutes * 60_000_000
        rows = tx.rows("idle_conversations", bot_n=bot_n, idle_since=idle_since, limit=limit - len(found))
        found += [row[0] for row in rows]
    return found


def _end_idle(tx: Transaction, limit: int) -> int:
    found = _idle(tx, limit)
    for n in found:
        tx.run("end_conversation", n=n, reason="idle", now=tx.now, rating=None, feedback=None)
        tx.run("take_mark_back", n=n)
    return len(found)
