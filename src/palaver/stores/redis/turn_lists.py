"""Lists of turns, of one tenant or of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from palaver.conversation import ListedTurn, Turn, TurnStatus
from palaver.page import Order, Slice, Window
from palaver.stores.figures import UnfoundFilter
from palaver.stores.redis.indexes import Walk, page, paged
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import UNFOUND, StoredBot, StoredConversation, StoredTurn
from palaver.stores.redis.values import turn
from palaver.stores.scan import Scan


async def page_turns(
    db: Session, tenant_id: str | None, status: TurnStatus | None, window: Window
) -> Slice[ListedTurn]:
    """``TurnRows.page_turns``"""
    every = status in (None, TurnStatus.COMPLETED)  # completed ones are nearly all there are
    index = "turns" if every else f"turns.{status}"
    of_whom = index if tenant_id is None else f"{index}:{tenant_id}"
    keep = partial(_shown, db, status)
    found = await page(db, StoredTurn, of_whom, window, Order.DESC, keep=keep)
    return paged(found, await _listed(db, found.data))


async def _listed(db: Session, turns: Sequence[StoredTurn]) -> list[ListedTurn]:
    """Return turns with their bots, which were read to tell whether they are shown."""
    bots = await db.find_all(StoredBot, [each.bot_id for each in turns])
    return [
        ListedTurn.of(turn(each), tenant_id=each.tenant_id, bot_id=bot.id, bot_name=bot.name)
        for each, bot in zip(turns, bots, strict=True)
        if bot is not None
    ]


async def _shown(db: Session, status: TurnStatus | None, turns: Sequence[StoredTurn]) -> Sequence[bool]:
    live = await live_conversations(db, [each.conversation_id for each in turns])
    return [each.conversation_id in live and status in (None, each.status) for each in turns]


async def page_unfound(db: Session, tenant_id: str, wanted: UnfoundFilter, window: Window) -> Slice[Turn]:
    """``FigureRows.page_unfound``"""
    scan = Scan.over(window, Order.DESC)
    first, last = wanted.micros
    walk = Walk(StoredTurn, f"{UNFOUND}:{tenant_id}", scan.ascending, until=last - 1 if scan.ascending else first)
    at, n = scan.start or ((first, -1) if scan.ascending else (last, -1))
    found = await walk.find(db, (int(at or 0), int(n or 0)), scan.rows, partial(_unfound, db, wanted))
    return scan.slice(
        [(each,) for each in found], lambda row: turn(row[0].thing), lambda row: (row[0].score, row[0].thing.n)
    )


async def _unfound(db: Session, wanted: UnfoundFilter, turns: Sequence[StoredTurn]) -> Sequence[bool]:
    live = await live_conversations(db, [each.conversation_id for each in turns])
    return [
        (bot_id := live.get(each.conversation_id)) is not None
        and wanted.bot_id in (None, bot_id)
        and wanted.model in (None, each.model)
        for each in turns
    ]


async def live_conversations(db: Session, ids: Sequence[str]) -> Mapping[str, str]:
    """Return which of some conversations are not deleted, nor are their bots, and whose they are."""
    found = [each for each in await db.find_all(StoredConversation, ids) if each is not None]
    bots = await db.find_all(StoredBot, [each.bot_id for each in found])
    return {
        each.id: each.bot_id
        for each, bot in zip(found, bots, strict=True)
        if each.deleted_at is None and bot is not None and bot.deleted_at is None
    }
