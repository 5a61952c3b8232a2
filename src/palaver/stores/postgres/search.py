"""Search: all the words of a query, as they are written, newest first.

Two plans, and no guess at which is better: the newest rows are looked through first, where a common word is found at once;
a rare one is then looked up in the index, which has few rows for it. What is no word (``*``, an emoji) is compared
literally with the newest ``LITERAL_ROWS`` rows that have the words, or, where there is none, of all.
"""

from __future__ import annotations

from collections.abc import Sequence

from palaver.conversation import Message
from palaver.errors import NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.keyset import by_key
from palaver.stores.orders import SearchQuery
from palaver.stores.postgres.lexemes import query_of
from palaver.stores.postgres.quotes import with_gone
from palaver.stores.postgres.session import Row, Session
from palaver.stores.rows import message_of
from palaver.stores.scan import Scan
from palaver.stores.terms import Terms, terms_of

LITERAL_ROWS = 10_000
"""How many messages a literal comparison looks at, at most, for one page."""
WALKED_ROWS = 2_000
"""How many of the newest messages are looked through before the index is asked."""


async def search(db: Session, tenant_id: str, query: SearchQuery, window: Window) -> Slice[Message]:
    """``MessageRows.search_messages``"""
    terms = terms_of(query.text)
    if query.bot_id is not None and await db.row("bot", tenant_id=tenant_id, id=query.bot_id) is None:
        raise NotFound
    scan = Scan.over(window, Order.DESC)
    rows = await _find(db, tenant_id, query.bot_id, terms, scan)
    messages = await with_gone(db, tenant_id, [message_of(row[:-1]) for row in rows])
    found = [(message, row[-1]) for message, row in zip(messages, rows, strict=True)]
    return scan.slice(found, lambda row: row[0], lambda row: (row[1],))


async def _find(db: Session, tenant_id: str, bot_id: str | None, terms: Terms, scan: Scan) -> Sequence[Row]:
    has_index_words = bool(terms.words) or bot_id is not None
    condition, literals = literal_condition(terms)
    where, order, start = by_key(scan, "w.n")
    params = {
        "query": query_of(terms.words, tenant_id, bot_id),
        "tenant_id": tenant_id,
        "start": start,
        "limit": scan.rows,
        "walked": WALKED_ROWS if has_index_words else LITERAL_ROWS,
        **literals,
    }
    newest = (
        "SELECT f.* FROM (SELECT w.* FROM message_words w"  # noqa: S608 - constants
        f" WHERE w.tenant_id = :tenant_id AND {where} ORDER BY {order} LIMIT :walked) f"
        f" WHERE f.words @@ :query::text::tsquery ORDER BY {order.replace('w.', 'f.')}"
    )
    rows = await db.select(_sql(db, newest, order, condition), params)
    if len(rows) == scan.rows or not has_index_words:
        return rows
    indexed = f"SELECT w.* FROM hits w WHERE {where} ORDER BY {order} LIMIT {LITERAL_ROWS}"  # noqa: S608 - constants
    return await db.select(f"{_HITS} {_sql(db, indexed, order, condition)}", params)


_HITS = """
WITH hits AS MATERIALIZED (
    SELECT tenant_id, conversation_id, seq, n FROM message_words
    WHERE words @@ :query::text::tsquery AND tenant_id = :tenant_id
)
"""


def _sql(db: Session, found: str, order: str, condition: str) -> str:
    # Row by row, and no further than the page: OFFSET keeps the planner from reading all of them first.
    return (
        f"SELECT x.* FROM ({found}) w CROSS JOIN LATERAL ("  # noqa: S608 - constants
        f"SELECT {db.queries['message_columns']}, w.n AS place FROM {db.queries['message_tables']}"
        " WHERE m.tenant_id = w.tenant_id AND m.conversation_id = w.conversation_id AND m.seq = w.seq"
        f" AND {db.queries['live_message']}{condition} OFFSET 0) x ORDER BY {order} LIMIT :limit"
    )


def literal_condition(terms: Terms) -> tuple[str, dict[str, str]]:
    """Return a condition on ``m.text`` and its parameters."""
    params = {f"literal_{number}": literal for number, literal in enumerate(terms.literals)}
    return "".join(f" AND strpos(m.text, :{name}) > 0" for name in params), params
