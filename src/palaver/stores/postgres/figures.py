"""What is counted of conversations: sheets, folded into roll-ups, and questions to these."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
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
from palaver.stores.postgres.access import Access
from palaver.stores.postgres.session import Row, Session
from palaver.stores.postgres.turn_lists import page_unfound

_LEASE = "figures"


class PostgresFigures(Access):
    """``stores.counting.FigureRows``"""

    async def count_figures(self, owner: str, lease_seconds: float, limit: int) -> int:
        if await self._read(lambda db: db.row("any_uncounted")) is None:
            return 0
        marked = await self._step(partial(_marked, owner=owner, lease_seconds=lease_seconds, limit=limit))
        for tenant_id, conversation_id in marked:
            await self._write(partial(count_conversation, tenant_id=tenant_id, conversation_id=conversation_id))
        return len(marked)

    async def figures(self, tenant_id: str, wanted: FiguresQuery) -> Sequence[Tally]:
        return await self._write(partial(_figures, tenant_id=tenant_id, wanted=wanted))

    async def page_unfound(self, tenant_id: str, wanted: UnfoundFilter, window: Window) -> Slice[Turn]:
        return await self._read(partial(page_unfound, tenant_id=tenant_id, wanted=wanted, window=window))


async def _marked(db: Session, owner: str, lease_seconds: float, limit: int) -> Sequence[Row]:
    lease_until = db.now + int(lease_seconds * 1_000_000)
    taken = await db.run("take_lease", name=_LEASE, owner=owner, lease_until=lease_until, now=db.now)
    return await db.rows("uncounted", limit=limit) if taken else ()


async def count_conversation(db: Session, tenant_id: str, conversation_id: str) -> None:
    """Count a conversation anew, in a transaction of its own; of one that is gone nothing is left.

    The mark goes first: that waits for whoever is setting it, and what is read then has the change. Who sets marks waits for
    nobody who counts: so neither is in the other's way for good.
    """
    await db.row("one_counts", tenant_id=tenant_id)
    where = {"tenant_id": tenant_id, "id": conversation_id}
    await db.run("forget_uncounted", **where)
    before, after = await _kept_sheet(db, where), await _sheet(db, where)
    for cell, counts in difference(before, after).items():
        await _fold(db, tenant_id, cell, counts)
    if after:
        await db.run("put_sheet", **where, cells=write_sheet(after))
    else:
        await db.run("drop_sheet", **where)


async def _kept_sheet(db: Session, where: dict[str, str]) -> Sheet:
    row = await db.row("sheet", **where)
    return read_sheet(None if row is None else row[0])


async def _sheet(db: Session, where: dict[str, str]) -> Sheet:
    row = await db.row("counted_conversation", **where)
    if row is None:
        return {}
    turns = [CountedTurn(*turn) for turn in await db.rows("counted_turns", **where)]
    return sheet_of(CountedConversation(*row), turns)


async def _fold(db: Session, tenant_id: str, cell: Cell, counts: Counts) -> None:
    where = {"tenant_id": tenant_id, "quarter": cell.quarter, "bot_id": cell.bot_id, "model": cell.model}
    total = await _added(db, "figure", where, counts)
    if total:
        await db.run("put_figure", **where, counts=write_counts(total))
    else:
        await db.run("drop_figure", **where)
    if cell.entity_id:
        where["entity_id"] = cell.entity_id
        total = await _added(db, "entity_figure", where, counts)
        if total:
            turns = total.get(Figure.TURNS, 0)
            await db.run("put_entity_figure", **where, turns=turns, counts=write_counts(total))
        else:
            await db.run("drop_entity_figure", **where)


async def _added(db: Session, query: str, where: dict[str, Any], counts: Counts) -> Counts:
    row = await db.row(query, **where)
    return added({} if row is None else json.loads(row[0]), counts)


async def _figures(db: Session, tenant_id: str, wanted: FiguresQuery) -> Sequence[Tally]:
    await db.row("one_moment")
    tallies, rolled_up = Tallies(wanted), await _rolled_up(db, tenant_id, wanted)
    span = {"first": wanted.bounds[0], "last": wanted.bounds[-1]}
    active = () if wanted.needs_entities else await db.rows("active_entities", tenant_id=tenant_id, **span)
    await asyncio.to_thread(_add_all, tallies, rolled_up, active)
    for (conversation_id,) in await db.rows("uncounted_of_tenant", tenant_id=tenant_id):
        where = {"tenant_id": tenant_id, "id": conversation_id}
        before, after = await _kept_sheet(db, where), await _sheet(db, where)
        live = await db.rows("live_bots", tenant_id=tenant_id, ids=sorted(bots_in(before, after)))
        tallies.change(before, after, [each for (each,) in live])
    known = await db.rows("known_entities", tenant_id=tenant_id, ids=sorted(tallies.entities()))
    return tallies.result(each for (each,) in known)


def _add_all(tallies: Tallies, rolled_up: Sequence[Row], active: Sequence[Row]) -> None:
    for *cell, counted in rolled_up:
        counts = json.loads(counted)
        tallies.add(Cell(*cell), counts)
        if tallies.query.needs_entities:
            tallies.add_active(Cell(*cell), counts.get(Figure.TURNS, 0))
    for *cell, turns in active:
        tallies.add_active(Cell(*cell), turns)


async def _rolled_up(db: Session, tenant_id: str, wanted: FiguresQuery) -> Sequence[Row]:
    where: dict[str, Any] = {"tenant_id": tenant_id, "first": wanted.bounds[0], "last": wanted.bounds[-1]}
    query = "figures_by_entity" if wanted.needs_entities else "figures"
    if wanted.entity_id is not None:
        query, where["entity_id"] = "figures_of_entity", wanted.entity_id
    return await db.rows(query, **where)
