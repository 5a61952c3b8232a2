"""Lists of conversations in SQL: one expression for each order, walked from a position. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from palaver.page import Order, Position
from palaver.stores.orders import ConversationFilter, ConversationSort
from palaver.stores.scan import Scan

MESSAGES_LOOKED_AT = 10_000
"""A filter by words considers the conversations of this many newest messages that hold them."""

RATINGS = (1, 5)
"""The worst and the best."""

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
class Condition:
    """A piece of a WHERE clause with its parameters."""

    sql: str
    params: Mapping[str, Any] = field(default_factory=dict)


def by_rating(wanted: ConversationFilter) -> Iterator[Condition]:
    """Yield what the ratings are to be. In the order of ratings it is said as the index has it, so that only those are read."""
    key = (wanted.sort is ConversationSort.RATING and _KEYS[wanted.sort, wanted.order]) or "c.rating"
    if wanted.min_rating is not None or wanted.max_rating is not None:
        yield Condition(
            f"{key} BETWEEN :min_rating AND :max_rating",
            {"min_rating": wanted.min_rating or RATINGS[0], "max_rating": wanted.max_rating or RATINGS[1]},
        )


def position_in(wanted: ConversationFilter, keys: Position) -> Position:
    """Return a position of a listing from the two last columns of a row: the key of its order, and ``c.n``."""
    return keys[1:] if wanted.sort is ConversationSort.CREATED_AT else keys


def select_conversations(queries: Mapping[str, str], wanted: ConversationFilter, scan: Scan, where: str) -> str:
    """Return the query of a listing."""
    key = _KEYS[wanted.sort, wanted.order]
    direction = "ASC" if scan.ascending else "DESC"
    order = f"c.n {direction}" if key is None else f"{key} {direction}, c.n {direction}"
    return (
        f"SELECT {queries['conversation_columns']}, {key or 'c.n'}, c.n FROM {queries['conversation_tables']}"  # noqa: S608 - constants
        f" WHERE {where} ORDER BY {order} LIMIT :limit"
    )


def beyond(scan: Scan, wanted: ConversationFilter) -> Iterator[Condition]:
    """Yield what keeps a walk behind its position."""
    key = _KEYS[wanted.sort, wanted.order]
    if scan.start is None:
        return
    sign = ">" if scan.ascending else "<"
    if key is None:
        yield Condition(f"c.n {sign} :start_n", {"start_n": scan.start[0]})
    else:
        yield Condition(
            f"({key}, c.n) {sign} (:start_key, :start_n)", {"start_key": scan.start[0], "start_n": scan.start[1]}
        )
