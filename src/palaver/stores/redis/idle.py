"""Conversations that fall idle: active, with no open turn, and without activity for their bot's minutes."""

from __future__ import annotations

from collections.abc import Sequence

from palaver.conversation import ConversationStatus, EndReason
from palaver.stores.redis.indexes import Walk, all_of
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredBot, StoredConversation, StoredTurn, over

_AT_ONCE = 200
_MINUTE = 60 * 1_000_000


async def idle_conversations(db: Session, limit: int) -> Sequence[str]:
    """Return conversations that are idle, most likely."""
    walk = Walk(StoredBot, "bots.idling", ascending=True)
    found: list[str] = []
    start: tuple[int, int] | None = None
    while bots := await walk.find(db, start, _AT_ONCE, all_of):
        for each in bots:
            found += await _of_bot(db, each.thing, limit - len(found))
            if len(found) >= limit:
                return found
        start = (bots[-1].score, bots[-1].thing.n)
    return found


def _cutoff(bot: StoredBot, now: int) -> int:
    return now - (bot.idle_timeout_minutes or 0) * _MINUTE


async def _of_bot(db: Session, bot: StoredBot, limit: int) -> list[str]:
    cutoff = _cutoff(bot, db.now)

    async def is_idle(conversations: Sequence[StoredConversation]) -> Sequence[bool]:
        heads = await db.find_all(StoredTurn, [each.head_id for each in conversations])
        return [_is_idle(*each, cutoff) for each in zip(conversations, heads, strict=True)]

    walk = Walk(StoredConversation, f"conversations.calm:{bot.id}", ascending=True, until=cutoff)
    return [each.thing.id for each in await walk.find(db, None, limit, is_idle)]


def _is_idle(conversation: StoredConversation, head: StoredTurn | None, cutoff: int) -> bool:
    return (
        conversation.status == ConversationStatus.ACTIVE
        and conversation.running_id is None
        and not conversation.queued
        and conversation.last_activity_at <= cutoff
        and (head is None or (head.finished_at or 0) <= cutoff)
    )


async def end_idle(db: Session, conversation_id: str) -> int:
    """End a conversation if it is idle still; return 1 then, else 0."""
    found = await db.find(StoredConversation, conversation_id)
    if found is None:
        return 0
    kept = await db.conversation(found.tenant_id, conversation_id)
    head = await db.find(StoredTurn, kept.head_id)
    bot = await db.find(StoredBot, kept.bot_id)
    if bot is None or bot.deleted_at is not None or bot.idle_timeout_minutes is None or kept.deleted_at is not None:
        return 0
    if not _is_idle(kept, head, _cutoff(bot, db.now)):
        return 0
    db.put(over(kept, EndReason.IDLE, db.now))
    return 1
