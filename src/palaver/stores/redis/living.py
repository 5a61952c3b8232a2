"""What can be seen: nothing that was deleted, nothing under something that was, nothing of another tenant."""

from __future__ import annotations

from palaver.errors import NotFound
from palaver.stores.redis.kept import KeptBot, KeptConversation, KeptMessage, KeptTurn
from palaver.stores.redis.session import Session


async def live_bot(db: Session, tenant_id: str, bot_id: str) -> KeptBot:
    """Return a bot, or raise ``NotFound``."""
    kept = await db.one(db.bot(tenant_id, bot_id))
    if kept is None or kept.bot.deleted_at is not None:
        raise NotFound
    return kept


async def live_conversation(db: Session, tenant_id: str, conversation_id: str) -> KeptConversation:
    """Return a conversation, or raise ``NotFound``."""
    kept = await own_conversation(db, tenant_id, conversation_id)
    if kept.value.deleted_at is not None:
        raise NotFound
    await live_bot(db, tenant_id, kept.value.bot_id)
    return kept


async def own_conversation(db: Session, tenant_id: str, conversation_id: str) -> KeptConversation:
    """Return a conversation of the tenant, deleted or not, or raise ``NotFound``."""
    kept = await db.one(db.conversation(conversation_id))
    if kept is None or kept.tenant_id != tenant_id:
        raise NotFound
    return kept


async def own_turn(db: Session, tenant_id: str, turn_id: str) -> KeptTurn:
    """Return a turn of the tenant, deleted or not, or raise ``NotFound``."""
    kept = await db.one(db.turn(turn_id))
    if kept is None or kept.tenant_id != tenant_id:
        raise NotFound
    return kept


async def live_turn(db: Session, tenant_id: str, turn_id: str) -> tuple[KeptConversation, KeptTurn]:
    """Return a turn and its conversation, or raise ``NotFound``."""
    kept = await own_turn(db, tenant_id, turn_id)
    if kept.record.deleted_at is not None:
        raise NotFound
    return await live_conversation(db, tenant_id, kept.value.conversation_id), kept


async def live_parts(db: Session, conversation_id: str, turn_id: str) -> tuple[KeptConversation, KeptTurn]:
    """Return a conversation and a turn of it, as this session left them."""
    kept, turn = await db.read(db.conversation(conversation_id), db.turn(turn_id))
    if kept is None or turn is None:
        raise NotFound
    return kept, turn


async def live_message(db: Session, tenant_id: str, message_id: str) -> tuple[KeptConversation, KeptMessage]:
    """Return a message and its conversation, or raise ``NotFound``."""
    kept = await db.one(db.message(message_id))
    if kept is None or kept.tenant_id != tenant_id or not kept.is_there:
        raise NotFound
    return await live_conversation(db, tenant_id, kept.value.conversation_id), kept
