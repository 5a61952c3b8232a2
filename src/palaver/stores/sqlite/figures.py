"""What is counted of conversations: sheets, folded into roll-ups, and questions to these."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from palaver.conversation import Turn
from palaver.page import Slice, Window
from palaver.stores.figures import (
    Cell,
    CountedConversation,
    CountedTurn,
    Counts,
    Figure,
    FiguresQuery,
    Sheet,
    Tallies,
    Tally,
    UnfoundFilter,
    added,
    bots_in,
    difference,
    read_sheet,
    sheet_of,
    write_counts,
    write_sheet,
)
from palaver.stores.sqlite.access import Access
from palaver.stores.sqlite.transaction import Transaction
from palaver.stores.sqlite.unfound import page_unfound

_LEASE = "figures"


class SqliteFigures(Access):
    """``stores.counting.FigureRows``"""

    async def count_figures(self, owner: str, lease_seconds: float, limit: int) -> int:
        if not await self._read(lambda tx: tx.row("uncounted", limit=1)):
            return 0
        return await self._write(partial(_count, owner=owner, lease_seconds=lease_seconds, limit=limit), cheap=True)

    async def figures(self, tenant_id: str, wanted: FiguresQuery) -> Sequence[Tally]:
        return await self._read(partial(_figures, tenant_id=tenant_id, wanted=wanted), snapshot=True)

    async def page_unfound(self, tenant_id: str, wanted: UnfoundFilter, window: Window) -> Slice[Turn]:
        return await self._read(partial(page_unfound, tenant_id=tenant_id, wanted=wanted, window=window))


def _count(tx: Transaction, owner: str, lease_seconds: float, limit: int) -> int:
    lease_until = tx.now + int(lease_seconds * 1_000_000)
    if not tx.run("take_lease", name=_LEASE, owner=owner, lease_until=lease_until, now=tx.now):
        return 0
    marked = tx.rows("uncounted", limit=limit)
    for tenant_id, n in marked:
        count_conversation(tx, tenant_id, n)
    return len(marked)


def count_conversation(tx: Transaction, tenant_id: str, n: int) -> None:
    """Count a conversation anew; of one that is gone nothing is left."""
    before, after = _kept_sheet(tx, n), _sheet(tx, n)
    for cell, counts in difference(before, after).items():
        _fold(tx, tenant_id, cell, counts)
    if after:
        tx.run("put_sheet", n=n, cells=write_sheet(after))
    else:
        tx.run("drop_sheet", n=n)
    tx.run("forget_uncounted", tenant_id=tenant_id, n=n)


def _kept_sheet(tx: Transaction, n: int) -> Sheet:
    row = tx.row("sheet", n=n)
    return read_sheet(None if row is None else row[0])


def _sheet(tx: Transaction, n: int) -> Sheet:
    row = tx.row("counted_conversation", n=n)
    if row is None:
        return {}
    turns = [CountedTurn(*turn) for turn in tx.rows("counted_turns", n=n)]
    return sheet_of(CountedConversation(*row), turns)


def _fold(tx: Transaction, tenant_id: str, cell: Cell, counts: Counts) -> None:
    where = {"tenant_id": tenant_id, "quarter": cell.quarter, "bot_id": cell.bot_id, "model": cell.model}
    total = _added(tx, "figure", where, counts)
    if total:
        tx.run("put_figure", **where, counts=write_counts(total))
    else:
        tx.run("drop_figure", **where)
    if cell.entity_id:
        where["entity_id"] = cell.entity_id
        total = _added(tx, "entity_figure", where, counts)
        if total:
            turns = total.get(Figure.TURNS, 0)
            tx.run("put_entity_figure", **where, turns=turns, counts=write_counts(total))
        else:
            tx.run("drop_entity_figure", **where)


def _added(tx: Transaction, query: str, where: dict[str, Any], counts: Counts) -> Counts:
    row = tx.row(query, **where)
    return added({} if row is None else json.loads(row[0]), counts)


def _figures(tx: Transaction, tenant_id: str, wanted: FiguresQuery) -> Sequence[Tally]:
    tallies = Tallies(wanted)
    for cell, counts in _rolled_up(tx, tenant_id, wanted):
        tallies.add(cell, counts)
        if wanted.needs_entities:
            tallies.add_active(cell, counts.get(Figure.TURNS, 0))
    if not wanted.needs_entities:
        span = {"first": wanted.bounds[0], "last": wanted.bounds[-1]}
        for *where, turns in tx.rows("active_entities", tenant_id=tenant_id, **span):
            tallies.add_active(Cell(*where), turns)
    for (n,) in tx.rows("uncounted_of_tenant", tenant_id=tenant_id):
        before, after = _kept_sheet(tx, n), _sheet(tx, n)
        live = [each for each in bots_in(before, after) if tx.row("live_bot", id=each, tenant_id=tenant_id)]
        tallies.change(before, after, live)
    return tallies.result(each for each in tallies.entities() if tx.row("known_entity", id=each, tenant_id=tenant_id))


def _rolled_up(tx: Transaction, tenant_id: str, wanted: FiguresQuery) -> Iterator[tuple[Cell, Counts]]:
    where: dict[str, Any] = {"tenant_id": tenant_id, "first": wanted.bounds[0], "last": wanted.bounds[-1]}
    query = "figures_by_entity" if wanted.needs_entities else "figures"
    if wanted.entity_id is not None:
        query, where["entity_id"] = "figures_of_entity", wanted.entity_id
    for *cell, counts in tx.rows(query, **where):
        yield Cell(*cell), json.loads(counts)
