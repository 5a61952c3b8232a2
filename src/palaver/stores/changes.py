"""Drafts → values, and edits of them: what an edit leaves alone, and when it comes too late."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from palaver.bot import Bot
from palaver.conversation import Conversation
from palaver.entity import Entity
from palaver.errors import Conflict, VersionConflict
from palaver.metadata import merge
from palaver.stores.orders import UNSET, BotChange, BotDraft, ConversationChange, EntityChange, EntityDraft


def check_version(noun: str, version: int, if_version: int | None) -> None:
    """Raise ``VersionConflict`` unless the caller knows this version, or asks for none."""
    if if_version not in (None, version):
        raise VersionConflict(f"The {noun} was changed in the meantime.")


def new_bot(draft: BotDraft, now: datetime) -> Bot:
    """Return the bot that a draft describes."""
    return Bot(
        id=draft.id,
        name=draft.name,
        instructions=draft.instructions,
        model=draft.model,
        params=draft.params,
        retrieval=draft.retrieval,
        idle_timeout_minutes=draft.idle_timeout_minutes,
        widget=draft.widget,
        metadata=draft.metadata,
        created_at=now,
        updated_at=now,
    )


def new_entity(draft: EntityDraft, now: datetime) -> Entity:
    """Return the entity that a draft describes."""
    return Entity(
        id=draft.id,
        type=draft.type,
        external_id=draft.external_id,
        name=draft.name,
        email=draft.email,
        metadata=draft.metadata,
        created_at=now,
        updated_at=now,
    )


def changed_bot(bot: Bot, change: BotChange, now: datetime) -> Bot:
    """Return a bot as it is after an edit."""
    idle = change.idle_timeout_minutes
    return replace(
        bot,
        name=bot.name if change.name is UNSET else change.name,
        instructions=bot.instructions if change.instructions is UNSET else change.instructions,
        model=bot.model if change.model is UNSET else change.model,
        params=bot.params if change.params is UNSET else change.params,
        retrieval=bot.retrieval if change.retrieval is UNSET else change.retrieval,
        idle_timeout_minutes=bot.idle_timeout_minutes if idle is UNSET else idle,
        widget=bot.widget if change.widget is UNSET else change.widget,
        metadata=bot.metadata if change.metadata is UNSET else merge(bot.metadata, change.metadata),
        updated_at=now,
        version=bot.version + 1,
    )


def changed_entity(entity: Entity, change: EntityChange, now: datetime) -> Entity:
    """Return an entity as it is after an edit."""
    return replace(
        entity,
        type=entity.type if change.type is UNSET else change.type,
        external_id=entity.external_id if change.external_id is UNSET else change.external_id,
        name=entity.name if change.name is UNSET else change.name,
        email=entity.email if change.email is UNSET else change.email,
        metadata=entity.metadata if change.metadata is UNSET else merge(entity.metadata, change.metadata),
        updated_at=now,
        version=entity.version + 1,
    )


def bot_after(bot_id: str, change: ConversationChange) -> str:
    """Return whose a conversation of this bot is after an edit."""
    return bot_id if change.bot_id is UNSET else change.bot_id


def changed_conversation(conversation: Conversation, change: ConversationChange) -> Conversation:
    """Return a conversation as it is after an edit.

    Raises:
        Conflict: It is to be given to another bot, and somebody has spoken in it.
    """
    bot_id = bot_after(conversation.bot_id, change)
    if bot_id != conversation.bot_id and conversation.turn_count:
        raise Conflict("Somebody has spoken in this conversation: it stays with its bot.")
    return replace(
        conversation,
        bot_id=bot_id,
        title=conversation.title if change.title is UNSET else change.title,
        external_id=conversation.external_id if change.external_id is UNSET else change.external_id,
        metadata=conversation.metadata if change.metadata is UNSET else merge(conversation.metadata, change.metadata),
        version=conversation.version + 1,
    )
