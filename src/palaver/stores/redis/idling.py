"""Conversations that nobody says anything in any more."""

from __future__ import annotations

from palaver.clock import from_micros, to_micros
from palaver.conversation import ConversationStatus, EndReason
from palaver.page import Order, Window
from palaver.stores.redis.kept import KeptConversation
from palaver.stores.redis.keys import IDLING, active_of_bot, digits
from palaver.stores.redis.session import Session, answer
from palaver.stores.redis.walks import id_in, members
from palaver.stores.scan import Scan

_BOTS_AT_ONCE = 200
_MINUTE_MICROS = 60_000_000


async def idle_conversations(db: Session, limit: int) -> list[str]:
    """Return the ids of up to ``limit`` conversations that seem to be idle: those of each bot, the oldest first."""
    found: list[str] = []
    low = "-"
    while len(found) < limit:
        bots = await db.one(answer("ZRANGE", db.keys.listing(IDLING), low, "+", "BYLEX", "LIMIT", 0, _BOTS_AT_ONCE))
        for bot_id, _, tenant_id in (each.decode().partition(" ") for each in bots):
            found += await _idle_of_bot(db, tenant_id, bot_id, limit - len(found))
            if len(found) >= limit:
                break
        if len(bots) < _BOTS_AT_ONCE:
            break
        low = f"({bots[-1].decode()}"
    return found


async def _idle_of_bot(db: Session, tenant_id: str, bot_id: str, limit: int) -> list[str]:
    bot = await db.one(db.bot(tenant_id, bot_id))
    if bot is None or bot.bot.idle_timeout_minutes is None or bot.bot.deleted_at is not None:
        return []
    until = digits(db.now - bot.bot.idle_timeout_minutes * _MINUTE_MICROS)
    scan = Scan.over(Window(limit=max(limit, 1)), Order.ASC)
    found: list[str] = []
    async for page in members(db, db.keys.conversations(tenant_id, active_of_bot(bot_id)), scan):
        old = [id_in(member) for member in page if member[:16] <= until]
        for conversation_id in old:
            kept = await db.one(db.conversation(conversation_id))
            if kept is not None and await _is_idle(db, kept):
                found.append(conversation_id)
        if len(found) >= limit or len(old) < len(page):
            break
    return found[:limit]


async def _is_idle(db: Session, kept: KeptConversation) -> bool:
    """A turn that ended is activity, too."""
    value = kept.value
    bot = await db.one(db.bot(kept.tenant_id, value.bot_id))
    if bot is None or bot.bot.deleted_at is not None or bot.bot.idle_timeout_minutes is None:
        return False
    if value.status is not ConversationStatus.ACTIVE or value.deleted_at is not None:
        return False
    if value.running_turn_id is not None or kept.waiting:
        return False
    until = db.now - bot.bot.idle_timeout_minutes * _MINUTE_MICROS
    head = None if value.head_turn_id is None else await db.one(db.turn(value.head_turn_id))
    ended_at = None if head is None else head.value.finished_at
    last = max(each for each in (value.last_activity_at, ended_at) if each is not None)
    return to_micros(value.last_activity_at) <= until and (last == value.last_activity_at or to_micros(last) <= until)


async def end_idle(db: Session, conversation_id: str) -> bool:
    """End a conversation, if it is idle still."""
    kept = await db.one(db.conversation(conversation_id))
    if kept is None or not await _is_idle(db, kept):
        return False
    now, version = from_micros(db.now), kept.value.version + 1
    db.put(kept.with_value(status=ConversationStatus.ENDED, end_reason=EndReason.IDLE, ended_at=now, version=version))
    return True
