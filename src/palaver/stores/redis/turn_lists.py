"""Lists of turns, of one tenant or of all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from heapq import merge

from palaver.conversation import Turn, TurnStatus
from palaver.page import Order, Position, Slice, Window
from palaver.stores.redis.entries import LISTED_TURNS
from palaver.stores.redis.kept import KeptTurn
from palaver.stores.redis.keys import TALKING
from palaver.stores.redis.session import Session, answer
from palaver.stores.redis.walks import id_in, members, position_in
from palaver.stores.scan import Scan

_TENANTS_AT_ONCE = 200
_Found = tuple[Position, KeptTurn]


async def page_turns(db: Session, tenant_id: str | None, status: TurnStatus | None, window: Window) -> Slice[Turn]:
    """``TurnRows.page_turns``. Those of all tenants are the newest of each, merged: no list goes across tenants."""
    scan = Scan.over(window, Order.DESC)
    if tenant_id is not None:
        rows = await _of_tenant(db, tenant_id, status, scan)
    else:
        rows = []
        async for tenant_ids in _tenants(db):
            of_each = [await _of_tenant(db, each, status, scan) for each in tenant_ids]
            rows = list(merge(rows, *of_each, key=lambda row: row[0], reverse=not scan.ascending))[: scan.rows]
    return scan.slice(rows, lambda row: row[1].value, lambda row: row[0])


async def _tenants(db: Session) -> AsyncIterator[Sequence[str]]:
    start: str | None = None
    while True:
        key = db.keys.listing(TALKING)
        low = "-" if start is None else f"({start}"
        found = await db.one(answer("ZRANGE", key, low, "+", "BYLEX", "LIMIT", 0, _TENANTS_AT_ONCE))
        if not found:
            return
        yield [each.decode() for each in found]
        start = found[-1].decode()


async def _of_tenant(db: Session, tenant_id: str, status: TurnStatus | None, scan: Scan) -> list[_Found]:
    found: list[_Found] = []
    key = db.keys.turns(tenant_id, status if status in LISTED_TURNS else None)
    async for page in members(db, key, scan):
        turns = await db.read(*(db.turn(id_in(member)) for member in page))
        seen = await _live(db, [turn for turn in turns if turn is not None and status in (None, turn.value.status)])
        places = {id_in(member): position_in(member) for member in page}
        found += [(places[turn.id], turn) for turn in seen]
        if len(found) >= scan.rows:
            break
    return found[: scan.rows]


async def _live(db: Session, turns: Sequence[KeptTurn]) -> list[KeptTurn]:
    """Return those that can be seen."""
    chats = await db.read(*(db.conversation(turn.value.conversation_id) for turn in turns))
    bots = await db.read(*(db.bot(turn.tenant_id, turn.bot_id) for turn in turns))
    return [
        turn
        for turn, kept, bot in zip(turns, chats, bots, strict=True)
        if turn.record.deleted_at is None
        and kept is not None
        and kept.value.deleted_at is None
        and bot is not None
        and bot.bot.deleted_at is None
    ]
