"""Lists of turns, of one tenant or of all."""

from __future__ import annotations

from palaver.conversation import ListedTurn, Turn, TurnStatus
from palaver.errors import NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.figures import UnfoundFilter
from palaver.stores.keyset import by_key, by_time
from palaver.stores.postgres.session import Session
from palaver.stores.rows import listed_turn_of, turn_of
from palaver.stores.scan import Scan

# One look into an index for each: the smallest name, the next one behind it, and so on.
_TENANTS = """
WITH RECURSIVE tenants_with_turns (id) AS (
    (SELECT tenant_id FROM turns ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT x.tenant_id FROM tenants_with_turns g
    CROSS JOIN LATERAL (SELECT tenant_id FROM turns WHERE tenant_id > g.id ORDER BY tenant_id LIMIT 1) x
)
"""


async def page_turns(
    db: Session, tenant_id: str | None, status: TurnStatus | None, window: Window
) -> Slice[ListedTurn]:
    """``TurnRows.page_turns``. Those of all tenants are the newest of each, merged: no index goes across tenants."""
    scan = Scan.over(window, Order.DESC)
    where, order, start = by_key(scan, "t.n")
    if status is not None:
        where += f" AND t.status = '{status.value}'"  # a constant: the partial indexes are found by it
    of_one = (
        f"SELECT {db.queries['turn_columns']}, t.tenant_id, b.id, b.name, t.n"  # noqa: S608 - constants
        f" FROM {db.queries['live_turn_tables']}"
        f" WHERE t.tenant_id = {{tenant}} AND {where} AND t.deleted_at IS NULL AND c.deleted_at IS NULL"
        f" AND b.deleted_at IS NULL ORDER BY {order} LIMIT :limit"
    )
    params = {"start": start, "limit": scan.rows}
    if tenant_id is not None:
        rows = await db.select(of_one.format(tenant=":tenant_id"), {**params, "tenant_id": tenant_id})
    else:
        direction = order.removeprefix("t.n ")
        of_each = f"SELECT x.* FROM tenants_with_turns g CROSS JOIN LATERAL ({of_one.format(tenant='g.id')}) x"  # noqa: S608 - constants
        of_all = f"{_TENANTS} {of_each} ORDER BY x.n {direction} LIMIT :limit"
        rows = await db.select(of_all, params)
    return scan.slice(rows, listed_turn_of, lambda row: (row[-1],))


async def tenant_of_turn(db: Session, turn_id: str) -> str:
    """``TurnRows.tenant_of_turn``: one look into the index of each tenant."""
    of_each = "SELECT x.tenant_id FROM tenants_with_turns g CROSS JOIN LATERAL"
    one = "(SELECT tenant_id FROM turns t WHERE t.tenant_id = g.id AND t.id = :id OFFSET 0) x LIMIT 1"
    rows = await db.select(f"{_TENANTS} {of_each} {one}", {"id": turn_id})
    if not rows:
        raise NotFound
    return str(rows[0][0])


async def page_unfound(db: Session, tenant_id: str, wanted: UnfoundFilter, window: Window) -> Slice[Turn]:
    """``FigureRows.page_unfound``"""
    scan = Scan.over(window, Order.DESC)
    where, order, params = by_time(scan, "t.created_at", "t.n", wanted.micros)
    only = {name: each for name, each in (("bot_id", wanted.bot_id), ("model", wanted.model)) if each is not None}
    columns = {"bot_id": "c.bot_id", "model": "t.model"}
    where += "".join(f" AND {columns[name]} = :{name}" for name in only)
    rows = await db.select(
        f"SELECT {db.queries['turn_columns']}, t.created_at, t.n FROM {db.queries['live_turn_tables']}"  # noqa: S608 - constants
        f" WHERE t.tenant_id = :tenant_id AND {db.queries['is_unfound']}"
        f" AND {where} AND c.deleted_at IS NULL AND b.deleted_at IS NULL ORDER BY {order} LIMIT :limit",
        {**params, **only, "tenant_id": tenant_id, "limit": scan.rows},
    )
    return scan.slice(rows, turn_of, lambda row: (row[-2], row[-1]))
