"""Lists of turns, of one tenant or of all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from palaver.conversation import Turn, TurnStatus
from palaver.page import Order, Slice, Window
from palaver.stores.redis.indexes import mapped, page
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredBot, StoredConversation, StoredTurn
from palaver.stores.redis.values import turn


async def page_turns(db: Session, tenant_id: str | None, status: TurnStatus | None, window: Window) -> Slice[Turn]:
    """``TurnRows.page_turns``"""
    every = status in (None, TurnStatus.COMPLETED)  # completed ones are nearly all there are
    index = "turns" if every else f"turns.{status}"
    of_whom = index if tenant_id is None else f"{index}:{tenant_id}"
    keep = partial(_shown, db, status)
    return mapped(await page(db, StoredTurn, of_whom, window, Order.DESC, keep=keep), turn)


async def _shown(db: Session, status: TurnStatus | None, turns: Sequence[StoredTurn]) -> Sequence[bool]:
    live = await live_conversations(db, [each.conversation_id for each in turns])
    return [each.conversation_id in live and status in (None, each.status) for each in turns]


async def live_conversations(db: Session, ids: Sequence[str]) -> set[str]:
    """Return which of some conversations are not deleted, nor are their bots."""
    found = [each for each in await db.find_all(StoredConversation, ids) if each is not None]
    bots = await db.find_all(StoredBot, [each.bot_id for each in found])
    return {
        each.id
        for each, bot in zip(found, bots, strict=True)
        if each.deleted_at is None and bot is not None and bot.deleted_at is None
    }
