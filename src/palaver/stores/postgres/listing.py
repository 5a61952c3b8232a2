"""Lists of conversations: filters put together from constant pieces, one index for each order, walked from a position."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from palaver.clock import to_micros
from palaver.conversation import Conversation
from palaver.page import Slice, Window
from palaver.stores.listing import MESSAGES_LOOKED_AT, Condition, beyond, by_rating, position_in, select_conversations
from palaver.stores.orders import ConversationFilter
from palaver.stores.postgres.lexemes import query_of
from palaver.stores.postgres.search import literal_condition
from palaver.stores.postgres.session import Session
from palaver.stores.rows import conversation_of
from palaver.stores.scan import Scan
from palaver.stores.terms import check_query, terms_of


def folded(title: str | None) -> str | None:
    """Return a title as a search compares it."""
    return None if title is None else title.casefold()


async def page_conversations(
    db: Session, tenant_id: str, wanted: ConversationFilter, window: Window
) -> Slice[Conversation]:
    """``ConversationRows.page_conversations``"""
    scan = Scan.over(window, wanted.order)
    conditions = [*_conditions(wanted), *beyond(scan, wanted)]
    if wanted.q is not None:
        conditions.append(_by_words(tenant_id, wanted.q, wanted.bot_id))
    params: dict[str, Any] = {"tenant_id": tenant_id, "limit": scan.rows}
    for condition in conditions:
        params |= condition.params
    rows = await db.select(
        select_conversations(db.queries, wanted, scan, " AND ".join(condition.sql for condition in conditions)), params
    )
    return scan.slice(rows, lambda row: conversation_of(row[:-2]), lambda row: position_in(wanted, (row[-2], row[-1])))


def _conditions(wanted: ConversationFilter) -> Iterator[Condition]:
    yield Condition("c.tenant_id = :tenant_id AND b.deleted_at IS NULL")
    yield Condition("c.deleted_at > 0" if wanted.deleted else "c.deleted_at IS NULL")
    if wanted.entity_id is not None:  # of an entity that was forgotten there are none
        yield Condition("c.entity_id = :entity_id AND e.id IS NOT NULL", {"entity_id": wanted.entity_id})
    if wanted.entity_type is not None:
        yield Condition("e.type = :entity_type", {"entity_type": wanted.entity_type.value})
    equal = (
        ("bot_id", wanted.bot_id),
        ("status", wanted.status),
        ("kind", wanted.kind),
        ("external_id", wanted.external_id),
    )
    for column, value in equal:
        if value is not None:
            yield Condition(f"c.{column} = :{column}", {column: str(value)})
    if wanted.created_after is not None:
        yield Condition("c.started_at >= :created_after", {"created_after": to_micros(wanted.created_after)})
    if wanted.created_before is not None:
        yield Condition("c.started_at < :created_before", {"created_before": to_micros(wanted.created_before)})
    yield from by_rating(wanted)
    yield from _by_metadata(wanted.metadata, "c.metadata")


def narrowing_of(metadata: Mapping[str, str], column: str) -> Condition:
    """Return what narrows a search to rows whose metadata has these texts as top-level values: "", or what goes on with AND."""
    conditions = list(_by_metadata(metadata, column))
    params = {name: value for each in conditions for name, value in each.params.items()}
    return Condition("".join(f" AND {each.sql}" for each in conditions), params)


def _by_metadata(metadata: Mapping[str, str], column: str) -> Iterator[Condition]:
    for number, (key, value) in enumerate(metadata.items()):
        name, text = f":metadata_key_{number}::text", f":metadata_value_{number}::text"
        yield Condition(
            f"CASE json_typeof({column} -> {name}) WHEN 'null' THEN 'null' ELSE {column} ->> {name} END = {text}",
            {f"metadata_key_{number}": key, f"metadata_value_{number}": value},
        )


def _by_words(tenant_id: str, words: str, bot_id: str | None) -> Condition:
    check_query(words)
    in_title = "strpos(c.title_folded, :title_part) > 0"
    params: dict[str, Any] = {"title_part": words.casefold()}
    if not words.strip():
        return Condition(in_title, params)
    terms = terms_of(words)
    literal, literals = literal_condition(terms)
    said = (
        "c.id IN (SELECT m.conversation_id FROM (SELECT w.tenant_id, w.conversation_id, w.seq FROM message_words w"  # noqa: S608 - constants
        f" WHERE w.words @@ :query::text::tsquery AND w.tenant_id = :tenant_id ORDER BY w.n DESC LIMIT {MESSAGES_LOOKED_AT}) w"
        " JOIN messages m ON m.tenant_id = w.tenant_id AND m.conversation_id = w.conversation_id AND m.seq = w.seq"
        f" WHERE m.deleted_at IS NULL{literal})"
    )
    params |= literals | {"query": query_of(terms.words, tenant_id, bot_id)}
    return Condition(f"({in_title} OR {said})", params)
