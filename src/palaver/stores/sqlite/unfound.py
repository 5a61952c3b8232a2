"""The turns whose model was given no passage of a document."""

from __future__ import annotations

from palaver.conversation import Turn
from palaver.page import Order, Slice, Window
from palaver.stores.figures import UnfoundFilter
from palaver.stores.keyset import by_time
from palaver.stores.rows import turn_of
from palaver.stores.scan import Scan
from palaver.stores.sqlite.transaction import Transaction


def page_unfound(tx: Transaction, tenant_id: str, wanted: UnfoundFilter, window: Window) -> Slice[Turn]:
    """``FigureRows.page_unfound``"""
    scan = Scan.over(window, Order.DESC)
    where, order, span = by_time(scan, "t.created_at", "t.n", wanted.micros)
    if wanted.bot_id is not None:
        where += " AND b.id = :bot_id"
    if wanted.model is not None:
        where += " AND t.model = :model"
    rows = tx.select(
        f"SELECT {tx.queries['turn_columns']}, t.created_at, t.n FROM turns t CROSS JOIN conversations c ON c.n = t.conversation_n"  # noqa: S608 - constants
        f" CROSS JOIN bots b ON b.n = c.bot_n WHERE t.tenant_id = :tenant_id AND {tx.queries['is_unfound']}"
        f" AND {where} AND c.deleted_at IS NULL AND b.deleted_at IS NULL"
        f" ORDER BY {order} LIMIT :limit",
        {**span, "tenant_id": tenant_id, "bot_id": wanted.bot_id, "model": wanted.model, "limit": scan.rows},
    )
    return scan.slice(rows, turn_of, lambda row: (row[-2], row[-1]))
