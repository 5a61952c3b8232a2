"""Search: all the words of a query, as they are written, newest first.

The index's own syntax never shows: a query is cut at blanks, and each piece is a quoted phrase. A piece in which the
tokenizer sees no word (``*``, an emoji) is compared literally with what the other pieces found; with no word at all,
with the newest ``LITERAL_ROWS`` messages before the page's position.
"""

from __future__ import annotations

from typing import Any

from palaver.conversation import Message
from palaver.errors import NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.keyset import END
from palaver.stores.orders import SearchQuery
from palaver.stores.rows import MESSAGE_WIDTH, Row, message_of
from palaver.stores.scan import Scan
from palaver.stores.sqlite.quotes import told
from palaver.stores.sqlite.scope import bot_word, tenant_word
from palaver.stores.sqlite.transaction import Transaction
from palaver.stores.terms import Terms, terms_of

LITERAL_ROWS = 10_000
"""How many messages a literal comparison looks at, at most, for one page."""


def match_of(terms: Terms, scope: str) -> str:
    """Return an FTS5 query that finds the words inside a scope."""
    phrases = [f'{{text}} : "{word}"' for word in terms.words]
    return " AND ".join([scope, *phrases])


def literal_condition(terms: Terms) -> tuple[str, dict[str, Any]]:
    """Return a condition on ``m.text`` and its parameters."""
    params = {f"literal_{number}": literal for number, literal in enumerate(terms.literals)}
    return "".join(f" AND instr(m.text, :{name}) > 0" for name in params), params


def scope_match(tx: Transaction, tenant_id: str, bot_id: str | None) -> str:
    """Return the part of an FTS5 query that keeps it inside a tenant and a bot."""
    if bot_id is None:
        return f'{{scope}} : "{tenant_word(tenant_id)}"'
    bot = tx.row("bot_key", id=bot_id, tenant_id=tenant_id)
    if bot is None:
        raise NotFound
    return f'{{scope}} : ("{tenant_word(tenant_id)}" AND "{bot_word(bot[0])}")'


def search(tx: Transaction, tenant_id: str, query: SearchQuery, window: Window) -> Slice[Message]:
    """``MessageRows.search_messages``"""
    terms = terms_of(query.text)
    scan = Scan.over(window, Order.DESC)
    start = scan.start[0] if scan.start else (-1 if scan.ascending else END)
    params = {
        "match": match_of(terms, scope_match(tx, tenant_id, query.bot_id)),
        "start": start,
        "tenant_id": tenant_id,
        "limit": scan.rows,
        "bound": LITERAL_ROWS,
    }
    condition, literals = literal_condition(terms)
    if condition:
        condition += f" AND {_within(tx, scan, params)}"
    rows = tx.select(_sql(tx, scan, condition), {**params, **literals})
    return scan.slice(rows, lambda row: told(tx, message_of(row[:MESSAGE_WIDTH])), _position)


def _position(row: Row) -> tuple[int]:
    return (row[14],)


def _walk(scan: Scan) -> tuple[str, str]:
    return (">", "ASC") if scan.ascending else ("<", "DESC")


def _within(tx: Transaction, scan: Scan, params: dict[str, Any]) -> str:
    """Return a condition that ends the walk after ``LITERAL_ROWS`` messages."""
    sign, direction = _walk(scan)
    last = tx.select(
        f"SELECT rowid FROM messages_fts WHERE messages_fts MATCH :match AND rowid {sign} :start"  # noqa: S608 - constants
        f" ORDER BY rowid {direction} LIMIT 1 OFFSET :bound",
        params,
    )
    params["last"] = last[0][0] if last else (END if scan.ascending else -1)
    return "f.rowid < :last" if scan.ascending else "f.rowid > :last"


def _sql(tx: Transaction, scan: Scan, condition: str) -> str:
    sign, direction = _walk(scan)
    return (
        f"SELECT {tx.queries['message_columns']} FROM messages_fts f CROSS JOIN messages m ON m.n = f.rowid"  # noqa: S608 - constants
        " CROSS JOIN conversations c ON c.n = m.conversation_n CROSS JOIN turns t ON t.n = m.turn_n"
        f" WHERE f.messages_fts MATCH :match AND f.rowid {sign} :start AND c.tenant_id = :tenant_id"
        f" AND c.deleted_at IS NULL AND m.deleted_at IS NULL{condition} ORDER BY f.rowid {direction} LIMIT :limit"
    )
