"""Lists of conversations: filters put together from constant pieces, one index for each order, walked from a position."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from palaver.clock import to_micros
from palaver.conversation import Conversation, ConversationStatus
from palaver.page import Slice, Window
from palaver.stores.listing import MESSAGES_LOOKED_AT, Condition, beyond, by_rating, position_in, select_conversations
from palaver.stores.orders import ConversationFilter
from palaver.stores.rows import conversation_of
from palaver.stores.scan import Scan
from palaver.stores.sqlite.search import literal_condition, match_of, scope_match
from palaver.stores.sqlite.transaction import Transaction
from palaver.stores.terms import check_query, terms_of

_METADATA_TEXT = "CASE j.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' WHEN 'null' THEN 'null' ELSE CAST(j.value AS TEXT) END"


# Word for word what the partial indexes are about: SQLite finds them by that.
_STATUS: Mapping[ConversationStatus, str] = {
    ConversationStatus.ACTIVE: "c.status = 'active'",
    ConversationStatus.ENDED: "c.status = 'ended' AND c.status <> 'active'",
    ConversationStatus.ARCHIVED: "c.status = 'archived' AND c.status <> 'active'",
}


def page_conversations(
    tx: Transaction, tenant_id: str, wanted: ConversationFilter, window: Window
) -> Slice[Conversation]:
    """``ConversationRows.page_conversations``"""
    scan = Scan.over(window, wanted.order)
    conditions = [*_conditions(tx, tenant_id, wanted), *beyond(scan, wanted)]
    params: dict[str, Any] = {"limit": scan.rows}
    for condition in conditions:
        params |= condition.params
    rows = tx.select(
        select_conversations(tx.queries, wanted, scan, " AND ".join(condition.sql for condition in conditions)), params
    )
    return scan.slice(rows, lambda row: conversation_of(row[:-2]), lambda row: position_in(wanted, tuple(row[-2:])))


def _conditions(tx: Transaction, tenant_id: str, wanted: ConversationFilter) -> Iterator[Condition]:
    yield Condition("c.tenant_id = :tenant_id", {"tenant_id": tenant_id})
    if wanted.deleted:
        yield Condition("c.deleted_at IS NOT NULL AND c.deletion = c.id AND b.deleted_at IS NULL", {})
    else:
        yield Condition("c.deleted_at IS NULL", {})
    yield from _by_owner(tx, tenant_id, wanted)
    if wanted.status is not None:
        yield Condition(_STATUS[wanted.status], {})
    for column, value in (("kind", wanted.kind), ("external_id", wanted.external_id)):
        if value is not None:
            yield Condition(f"c.{column} = :{column}", {column: str(value)})
    if wanted.created_after is not None:
        yield Condition("c.started_at >= :created_after", {"created_after": to_micros(wanted.created_after)})
    if wanted.created_before is not None:
        yield Condition("c.started_at < :created_before", {"created_before": to_micros(wanted.created_before)})
    yield from by_rating(wanted)
    yield from _by_metadata(wanted.metadata)
    if wanted.q is not None:
        yield _by_words(tx, tenant_id, wanted.q, wanted.bot_id)


def _by_owner(tx: Transaction, tenant_id: str, wanted: ConversationFilter) -> Iterator[Condition]:
    """A bot or entity that is unknown here has no conversations."""
    if wanted.bot_id is not None:
        bot = tx.row("bot_key", id=wanted.bot_id, tenant_id=tenant_id)
        yield Condition("c.bot_n = :bot_n", {"bot_n": bot[0] if bot else -1})
    if wanted.entity_id is not None:
        entity = tx.row("entity", id=wanted.entity_id, tenant_id=tenant_id)
        yield Condition("c.entity_n = :entity_n", {"entity_n": entity[-1] if entity else -1})
    if wanted.entity_type is not None:
        yield Condition("e.type = :entity_type", {"entity_type": wanted.entity_type.value})


def _by_metadata(metadata: Mapping[str, str]) -> Iterator[Condition]:
    for number, (key, value) in enumerate(metadata.items()):
        yield Condition(
            f"EXISTS (SELECT 1 FROM json_each(c.metadata) j"  # noqa: S608 - constants
            f" WHERE j.key = :metadata_key_{number} AND {_METADATA_TEXT} = :metadata_value_{number})",
            {f"metadata_key_{number}": key, f"metadata_value_{number}": value},
        )


def _by_words(tx: Transaction, tenant_id: str, words: str, bot_id: str | None) -> Condition:
    check_query(words)
    in_title = "instr(casefold(c.title), :title_part) > 0"
    params: dict[str, Any] = {"title_part": words.casefold()}
    terms = terms_of(words) if words.strip() else None
    bot_known = bot_id is None or tx.row("bot_key", id=bot_id, tenant_id=tenant_id) is not None
    if terms is None or not bot_known:
        return Condition(in_title, params)
    literal, literals = literal_condition(terms)
    hits = f"SELECT rowid AS n FROM messages_fts WHERE messages_fts MATCH :match ORDER BY rowid DESC LIMIT {MESSAGES_LOOKED_AT}"  # noqa: S608 - constants
    said = (
        f"c.n IN (SELECT m.conversation_n FROM ({hits}) f CROSS JOIN messages m ON m.n = f.n"  # noqa: S608 - constants
        f" WHERE m.deleted_at IS NULL{literal})"
    )
    params |= literals | {"match": match_of(terms, scope_match(tx, tenant_id, bot_id))}
    return Condition(f"({in_title} OR {said})", params)
