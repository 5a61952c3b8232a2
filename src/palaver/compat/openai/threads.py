"""Which conversation, and which bot, a request means; and what is stored there before a question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from palaver.bot import Bot
from palaver.compat.bots import bot_called
from palaver.compat.openai.errors import no_model, wrong
from palaver.conversation import Conversation, Message
from palaver.errors import Conflict, NotFound
from palaver.hub import LocalHub
from palaver.wire.messages import AppendedMessage


async def bot_of(hub: LocalHub, called: str) -> Bot:
    """Return the bot that a model names. Raises ``NotFound`` with the word of this client."""
    try:
        return await bot_called(hub, called)
    except NotFound:
        raise no_model(called) from None


async def conversation_with(hub: LocalHub, conversation_id: str, bot: Bot) -> Conversation:
    """Return a conversation, which is with this bot: one that nobody has spoken in is given to it.

    Raises:
        NotFound: There is no such conversation.
        InvalidInput: It is with another bot.
    """
    conversation = await hub.conversations.get(conversation_id)
    if conversation.bot_id == bot.id:
        return conversation
    try:
        return await hub.conversations.update(conversation.id, bot_id=bot.id)
    except Conflict:
        raise wrong("model", f"This conversation is with the model {conversation.bot_id}.") from None


async def append(
    hub: LocalHub, conversation_id: str, items: Sequence[AppendedMessage], *, key: str | None = None
) -> Sequence[Message]:
    """Store messages with no model call."""
    if not items:
        return ()
    said: Any = [each.given() for each in items]
    return await hub.messages.append(conversation_id, said, idempotency_key=key)
