"""Lists of conversations: filters put together from constant pieces, one index for each order, walked from a position."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from palaver.clock import to_micros
from palaver.conversation import Conversation
from palaver.page import Order, Position, Slice, Window
from palaver.stores.orders import ConversationFilter, ConversationSort
from palaver.stores.postgres.lexemes import query_of
from palaver.stores.postgres.search import literal_condition
from palaver.stores.postgres.session import Session
from palaver.stores.rows import conversation_of
from palaver.stores.scan import Scan
from palaver.stores.terms import check_query, terms_of

MESSAGES_LOOKED_AT = 10_000
"""A filter by words considers the conversations of this many newest messages that hold them."""

# Unrated conversations come last in both orders; the index has the same expressions.
_KEYS: Mapping[tuple[ConversationSort, Order], str | None] = {
    (ConversationSort.LAST_ACTIVITY_AT, Order.DESC): "c.last_activity_at",
    (ConversationSort.LAST_ACTIVITY_AT, Order.ASC): "c.last_activity_at",
    (ConversationSort.STARTED_AT, Order.DESC): "c.started_at",
    (ConversationSort.STARTED_AT, Order.ASC): "c.started_at",
    (ConversationSort.CREATED_AT, Order.DESC): None,
    (ConversationSort.CREATED_AT, Order.ASC): None,
    (ConversationSort.RATING, Order.DESC): "coalesce(c.rating, 0)",
    (ConversationSort.RATING, Order.ASC): "coalesce(c.rating, 6)",
    (ConversationSort.MESSAGE_COUNT, Order.DESC): "c.message_count",
    (ConversationSort.MESSAGE_COUNT, Order.ASC): "c.message_count",
}


@dataclass(frozen=True, slots=True)
class _Condition:
    sql: str
    params: Mapping[str, Any] = field(default_factory=dict)


def folded(title: str | None) -> str | None:
    """Return a title as a search compares it."""
    return None if title is None else title.casefold()


async def page_conversations(
    db: Session, tenant_id: str, wanted: ConversationFilter, window: Window
) -> Slice[Conversation]:
    """``ConversationRows.page_conversations``"""
    scan = Scan.over(window, wanted.order)
    conditions = [*_conditions(wanted), *_beyond(scan, _KEYS[wanted.sort, wanted.order])]
    if wanted.q is not None:
        conditions.append(_by_words(tenant_id, wanted.q, wanted.bot_id))
    params: dict[str, Any] = {"tenant_id": tenant_id, "limit": scan.rows}
    for condition in conditions:
        params |= condition.params
    rows = await db.select(_sql(db, wanted, scan, " AND ".join(condition.sql for condition in conditions)), params)
    return scan.slice(rows, lambda row: conversation_of(row[:-2]), lambda row: _position(wanted, (row[-2], row[-1])))


def _position(wanted: ConversationFilter, keys: Position) -> Position:
    return keys[1:] if wanted.sort is ConversationSort.CREATED_AT else keys


def _sql(db: Session, wanted: ConversationFilter, scan: Scan, where: str) -> str:
    key = _KEYS[wanted.sort, wanted.order]
    direction = "ASC" if scan.ascending else "DESC"
    order = f"c.n {direction}" if key is None else f"{key} {direction}, c.n {direction}"
    return (
        f"SELECT {db.queries['conversation_columns']}, {key or 'c.n'}, c.n FROM {db.queries['conversation_tables']}"  # noqa: S608 - constants
        f" WHERE {where} ORDER BY {order} LIMIT :limit"
    )


def _beyond(scan: Scan, key: str | None) -> Iterator[_Condition]:
    if scan.start is None:
        return
    sign = ">" if scan.ascending else "<"
    if key is None:
        yield _Condition(f"c.n {sign} :start_n", {"start_n": scan.start[0]})
    else:
        yield _Condition(
            f"({key}, c.n) {sign} (:start_key, :start_n)", {"start_key": scan.start[0], "start_n": scan.start[1]}
        )


def _conditions(wanted: ConversationFilter) -> Iterator[_Condition]:
    yield _Condition("c.tenant_id = :tenant_id AND b.deleted_at IS NULL")
    yield _Condition("c.deleted_at > 0" if wanted.deleted else "c.deleted_at IS NULL")
    if wanted.entity_id is not None:  # of an entity that was forgotten there are none
        yield _Condition("c.entity_id = :entity_id AND e.id IS NOT NULL", {"entity_id": wanted.entity_id})
    if wanted.entity_type is not None:
        yield _Condition("e.type = :entity_type", {"entity_type": wanted.entity_type.value})
    equal = (
        ("bot_id", wanted.bot_id),
        ("status", wanted.status),
        ("kind", wanted.kind),
        ("external_id", wanted.external_id),
    )
    for column, value in equal:
        if value is not None:
            yield _Condition(f"c.{column} = :{column}", {column: str(value)})
    if wanted.created_after is not None:
        yield _Condition("c.started_at >= :created_after", {"created_after": to_micros(wanted.created_after)})
    if wanted.created_before is not None:
        yield _Condition("c.started_at < :created_before", {"created_before": to_micros(wanted.created_before)})
    yield from _by_metadata(wanted.metadata)


def _by_metadata(metadata: Mapping[str, str]) -> Iterator[_Condition]:
    for number, (key, value) in enumerate(metadata.items()):
        name, text = f":metadata_key_{number}::text", f":metadata_value_{number}::text"
        yield _Condition(
            f"CASE json_typeof(c.metadata -> {name}) WHEN 'null' THEN 'null' ELSE c.metadata ->> {name} END = {text}",
            {f"metadata_key_{number}": key, f"metadata_value_{number}": value},
        )


def _by_words(tenant_id: str, words: str, bot_id: str | None) -> _Condition:
    check_query(words)
    in_title = "strpos(c.title_folded, :title_part) > 0"
    params: dict[str, Any] = {"title_part": words.casefold()}
    if not words.strip():
        return _Condition(in_title, params)
    terms = terms_of(words)
    literal, literals = literal_condition(terms)
    said = (
        "c.id IN (SELECT m.conversation_id FROM (SELECT w.tenant_id, w.conversation_id, w.seq FROM message_words w"  # noqa: S608 - constants
        f" WHERE w.words @@ :query::text::tsquery AND w.tenant_id = :tenant_id ORDER BY w.n DESC LIMIT {MESSAGES_LOOKED_AT}) w"
        " JOIN messages m ON m.tenant_id = w.tenant_id AND m.conversation_id = w.conversation_id AND m.seq = w.seq"
        f" WHERE m.deleted_at IS NULL{literal})"
    )
    params |= literals | {"query": query_of(terms.words, tenant_id, bot_id)}
    return _Condition(f"({in_title} OR {said})", params)
