"""Lists of conversations: the narrowest list that has all that is wanted is walked, and each row is looked at.

Of a filter that no list is about (kind, times, metadata, words) every row is read until a page is full. ``q`` compares
titles only: this store does not search messages.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from palaver.conversation import Conversation
from palaver.entity import Entity
from palaver.page import Position, Slice, Window
from palaver.stores.orders import ConversationFilter, ConversationSort
from palaver.stores.redis.entries import SORTED_BY, member_of, sorted_list
from palaver.stores.redis.kept import KeptConversation
from palaver.stores.redis.keys import active_of_bot, of_bot, of_entity, of_external_id, with_status
from palaver.stores.redis.session import Session
from palaver.stores.redis.walks import id_in, members, position_in
from palaver.stores.scan import Scan
from palaver.stores.terms import check_query


class Stray(NamedTuple):
    """A member of a list that does not fit its row."""

    kept: KeptConversation | None
    where: tuple[str, str]


class _Row(NamedTuple):
    conversation: Conversation
    member: str


async def page_conversations(
    db: Session, tenant_id: str, wanted: ConversationFilter, window: Window
) -> tuple[Slice[Conversation], Sequence[Stray]]:
    """``ConversationRows.page_conversations``, and what was met in the list that does not belong there."""
    if wanted.q is not None:
        check_query(wanted.q)
    scan = Scan.over(window, wanted.order)
    sorted_by = SORTED_BY[wanted.sort, wanted.order]
    key = db.keys.conversations(tenant_id, _list_for(wanted, sorted_by))
    rows: list[_Row] = []
    strays: list[Stray] = []
    async for page in members(db, key, _by_position(scan, sorted_by)):
        kept_rows = await db.read(*(db.conversation(id_in(member)) for member in page))
        found: list[tuple[KeptConversation, str]] = []
        for kept, member in zip(kept_rows, page, strict=True):
            if kept is None or member_of(kept, sorted_by) != member:
                strays.append(Stray(kept, (key, member)))
            elif _fits(kept, wanted):
                found.append((kept, member))
        rows += await _seen(db, tenant_id, found, wanted)
        if len(rows) >= scan.rows:
            break
    page_of_rows = scan.slice(rows[: scan.rows], lambda row: row[0], lambda row: _position(wanted, position_in(row[1])))
    return page_of_rows, strays


def _by_position(scan: Scan, sorted_by: str) -> Scan:
    """Positions by the order of making leave out what the list is sorted by, which is the same of all."""
    if scan.start is None or sorted_by != "making":
        return scan
    return replace(scan, start=(0, *scan.start))


def _position(wanted: ConversationFilter, keys: Position) -> Position:
    return keys[1:] if wanted.sort is ConversationSort.CREATED_AT else keys


def _list_for(wanted: ConversationFilter, sorted_by: str) -> str:
    if wanted.deleted or sorted_by != "activity":
        return sorted_list(sorted_by, deleted=wanted.deleted)
    if wanted.entity_id is not None:
        return of_entity(wanted.entity_id)
    if wanted.external_id is not None:
        return of_external_id(wanted.external_id)
    if wanted.bot_id is not None:
        return active_of_bot(wanted.bot_id) if wanted.status == "active" else of_bot(wanted.bot_id)
    return with_status(wanted.status) if wanted.status is not None else sorted_list(sorted_by, deleted=False)


def _fits(kept: KeptConversation, wanted: ConversationFilter) -> bool:
    """Whether a row is what is wanted, as far as it tells itself."""
    value = kept.value
    if (value.deleted_at is not None) != wanted.deleted or kept.is_given_up:
        return False
    equal = (
        (wanted.bot_id, value.bot_id),
        (wanted.status, value.status),
        (wanted.kind, value.kind),
        (wanted.external_id, value.external_id),
        (wanted.entity_id, kept.entity_id),
    )
    if any(asked is not None and asked != is_now for asked, is_now in equal):
        return False
    if wanted.created_after is not None and value.started_at < wanted.created_after:
        return False
    if wanted.created_before is not None and value.started_at >= wanted.created_before:
        return False
    if wanted.q is not None and wanted.q.casefold() not in (value.title or "").casefold():
        return False
    return all(key in value.metadata and _text(value.metadata[key]) == text for key, text in wanted.metadata.items())


def _text(value: Any) -> str:
    """Return a value of metadata as a filter compares it."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


async def _seen(
    db: Session, tenant_id: str, found: Sequence[tuple[KeptConversation, str]], wanted: ConversationFilter
) -> list[_Row]:
    """Return those whose bot is there, with their entities."""
    bot_ids = {kept.value.bot_id for kept, _ in found}
    entity_ids = {kept.entity_id for kept, _ in found if kept.entity_id is not None}
    await db.read(
        *(db.bot(tenant_id, bot_id) for bot_id in bot_ids), *(db.entity(tenant_id, each) for each in entity_ids)
    )
    rows: list[_Row] = []
    for kept, member in found:
        bot = await db.one(db.bot(tenant_id, kept.value.bot_id))
        entity = None if kept.entity_id is None else await db.one(db.entity(tenant_id, kept.entity_id))
        who = None if entity is None else entity.entity
        if bot is not None and bot.bot.deleted_at is None and _is_with(who, wanted):
            rows.append(_Row(replace(kept.value, entity=who), member))
    return rows


def _is_with(entity: Entity | None, wanted: ConversationFilter) -> bool:
    """Of an entity that was forgotten there are no conversations."""
    if wanted.entity_id is None and wanted.entity_type is None:
        return True
    return entity is not None and wanted.entity_type in (None, entity.type)
