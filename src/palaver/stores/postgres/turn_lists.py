"""Lists of turns, of one tenant or of all."""

from __future__ import annotations

from palaver.conversation import Turn, TurnStatus
from palaver.page import Order, Slice, Window
from palaver.stores.keyset import by_key
from palaver.stores.postgres.session import Session
from palaver.stores.rows import turn_of
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


async def page_turns(db: Session, tenant_id: str | None, status: TurnStatus | None, window: Window) -> Slice[Turn]:
    """``TurnRows.page_turns``. Those of all tenants are the newest of each, merged: no index goes across tenants."""
    scan = Scan.over(window, Order.DESC)
    where, order, start = by_key(scan, "t.n")
    if status is not None:
        where += f" AND t.status = '{status.value}'"  # a constant: the partial indexes are found by it
    of_one = (
        f"SELECT {db.queries['turn_columns']}, t.n FROM {db.queries['live_turn_tables']}"  # noqa: S608 - constants
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
    return scan.slice(rows, turn_of, lambda row: (row[-1],))
