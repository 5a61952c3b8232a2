"""Sending a message, and finding the turn that somebody wants to read."""

from __future__ import annotations

from palaver.arguments import SendOptions
from palaver.compat.knowrithm.translate import CONTEXT_LENGTH
from palaver.conversation import Conversation, Role
from palaver.errors import ModelError, TurnFailed, TurnInProgress
from palaver.results import Reply, unless_failed
from palaver.surface import Hub


async def begin(hub: Hub, conversation_id: str, text: str) -> str:
    """Begin a turn and return its id; or that of the running turn, where that asks just this.

    The clients send a message again when they waited 30 seconds for its answer: it is the same message, not another one.

    Raises:
        TurnInProgress: The running turn asks something else.
    """
    conversation = await hub.conversations.get(conversation_id)
    try:
        return (await hub.messages.start(conversation_id, text, **_options(conversation))).turn.id
    except TurnInProgress as busy:
        turn_id = str(busy.details.get("turn_id"))
        if await _question(hub, conversation_id, turn_id) != text:
            raise
        return turn_id


async def answered(hub: Hub, turn_id: str) -> Reply:
    """Wait for the end of a turn and return its answer, whole or interrupted.

    Raises:
        ModelError: The turn failed; ``details`` say which message stands there without its answer.
    """
    reply = await hub.turns.wait(turn_id)
    try:
        return unless_failed(reply)
    except TurnFailed as failed:
        where = reply.turn.conversation_id
        raise ModelError(
            failed.message, code=failed.code, message_id=reply.message.id, conversation_id=where
        ) from failed


def _options(conversation: Conversation) -> SendOptions:
    length = conversation.metadata.get(CONTEXT_LENGTH)
    return {"params": {"context_tokens": length}} if isinstance(length, int) else {}


async def _question(hub: Hub, conversation_id: str, turn_id: str) -> str | None:
    newest = await hub.messages.list(conversation_id, order="desc", limit=2)
    asked = (each.text for each in newest if each.turn_id == turn_id and each.role is Role.USER)
    return next(asked, None)


async def newest_turn_id(hub: Hub, conversation_id: str) -> str | None:
    """Return the turn that runs in a conversation, else the last one; None before the first."""
    conversation = await hub.conversations.get(conversation_id)
    return conversation.running_turn_id or conversation.head_turn_id
