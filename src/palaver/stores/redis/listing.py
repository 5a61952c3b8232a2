"""Lists of conversations: one index for each order, walked from a position; what has no index is looked at on the way."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from palaver.clock import to_micros
from palaver.conversation import Conversation
from palaver.metadata import fits
from palaver.page import Order, Position, Slice, Window
from palaver.stores.listing import RATINGS
from palaver.stores.orders import ConversationFilter, ConversationSort
from palaver.stores.redis.indexes import Found, Walk
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredBot, StoredConversation, StoredEntity
from palaver.stores.redis.values import conversation
from palaver.stores.scan import Scan
from palaver.stores.terms import check_query, terms_of

_SORTS: Mapping[tuple[ConversationSort, Order], str] = {
    (ConversationSort.LAST_ACTIVITY_AT, Order.DESC): "activity",
    (ConversationSort.LAST_ACTIVITY_AT, Order.ASC): "activity",
    (ConversationSort.STARTED_AT, Order.DESC): "started",
    (ConversationSort.STARTED_AT, Order.ASC): "started",
    (ConversationSort.CREATED_AT, Order.DESC): "made",
    (ConversationSort.CREATED_AT, Order.ASC): "made",
    (ConversationSort.RATING, Order.DESC): "best",
    (ConversationSort.RATING, Order.ASC): "worst",
    (ConversationSort.MESSAGE_COUNT, Order.DESC): "count",
    (ConversationSort.MESSAGE_COUNT, Order.ASC): "count",
}


async def page_conversations(
    db: Session, tenant_id: str, wanted: ConversationFilter, window: Window
) -> Slice[Conversation]:
    """``ConversationRows.page_conversations``"""
    if wanted.q is not None:
        check_query(wanted.q)
        if wanted.q.strip():
            terms_of(wanted.q)
    scan = Scan.over(window, wanted.order)
    walk = Walk(StoredConversation, _index(tenant_id, wanted), scan.ascending, until=_until(scan, wanted))
    found = await walk.find(db, _start(scan, wanted), scan.rows, partial(_shown, db, tenant_id, wanted))
    entities = await db.find_all(StoredEntity, [each.thing.entity_id for each in found])
    rows = [(each, of) for each, of in zip(found, entities, strict=True)]
    return scan.slice(rows, lambda row: conversation(row[0].thing, row[1]), lambda row: _position(wanted, row[0]))


def _index(tenant_id: str, wanted: ConversationFilter) -> str:
    """Return the shortest index that has the order and all that is wanted."""
    sort = _SORTS[wanted.sort, wanted.order]
    if wanted.deleted:
        return f"conversations.deleted.{sort}:{tenant_id}"
    if sort == "activity":
        if wanted.entity_id is not None:
            return f"conversations.entity:{wanted.entity_id}"
        if wanted.bot_id is not None:
            return f"conversations.bot:{wanted.bot_id}"
        if wanted.status is not None:
            return f"conversations.{wanted.status}:{tenant_id}"
    return f"conversations.live.{sort}:{tenant_id}"


def _until(scan: Scan, wanted: ConversationFilter) -> int | None:
    """Return the last rating that fits on a way from the best to the worst, or back: behind it is nothing that is wanted."""
    if wanted.sort is not ConversationSort.RATING or (wanted.min_rating, wanted.max_rating) == (None, None):
        return None
    return (wanted.max_rating or RATINGS[1]) if scan.ascending else (wanted.min_rating or RATINGS[0])


def _start(scan: Scan, wanted: ConversationFilter) -> tuple[int, int] | None:
    if scan.start is None:
        return None
    score, n = (scan.start * 2)[:2] if wanted.sort is ConversationSort.CREATED_AT else scan.start
    return int(score or 0), int(n or 0)


def _position(wanted: ConversationFilter, found: Found[StoredConversation]) -> Position:
    return (found.thing.n,) if wanted.sort is ConversationSort.CREATED_AT else (found.score, found.thing.n)


@dataclass(frozen=True, slots=True)
class _Candidate:
    kept: StoredConversation
    bot: StoredBot | None
    entity: StoredEntity | None


async def _shown(
    db: Session, tenant_id: str, wanted: ConversationFilter, found: Sequence[StoredConversation]
) -> Sequence[bool]:
    bots = await db.find_all(StoredBot, [each.bot_id for each in found])
    entities = await db.find_all(StoredEntity, [each.entity_id for each in found])
    candidates = map(_Candidate, found, bots, entities)
    return [each.kept.tenant_id == tenant_id and _is_there(each, wanted) and _fits(each, wanted) for each in candidates]


def _is_there(found: _Candidate, wanted: ConversationFilter) -> bool:
    is_deleted = found.kept.deleted_at is not None
    return found.bot is not None and found.bot.deleted_at is None and is_deleted == wanted.deleted


def _fits(found: _Candidate, wanted: ConversationFilter) -> bool:
    kept, entity = found.kept, found.entity
    equal = (
        (wanted.bot_id, kept.bot_id),
        (wanted.status, kept.status),
        (wanted.entity_id, entity and entity.id),  # of an entity that was forgotten there are none
        (wanted.entity_type, entity and entity.type),
        (wanted.external_id, kept.external_id),
        (wanted.kind, kept.kind),
    )
    if any(asked is not None and asked != is_so for asked, is_so in equal):
        return False
    return (
        _in_ratings(kept, wanted) and _in_time(kept, wanted) and _in_title(kept, wanted) and _in_metadata(kept, wanted)
    )


def _in_ratings(kept: StoredConversation, wanted: ConversationFilter) -> bool:
    if wanted.min_rating is None and wanted.max_rating is None:
        return True
    return kept.rating is not None and (wanted.min_rating or 0) <= kept.rating <= (wanted.max_rating or RATINGS[1])


def _in_time(kept: StoredConversation, wanted: ConversationFilter) -> bool:
    after, before = wanted.created_after, wanted.created_before
    if after is not None and kept.started_at < to_micros(after):
        return False
    return before is None or kept.started_at < to_micros(before)


def _in_title(kept: StoredConversation, wanted: ConversationFilter) -> bool:
    return wanted.q is None or (kept.title is not None and wanted.q.casefold() in kept.title.casefold())


def _in_metadata(kept: StoredConversation, wanted: ConversationFilter) -> bool:
    if not wanted.metadata:
        return True
    return fits(json.loads(kept.metadata), wanted.metadata)
