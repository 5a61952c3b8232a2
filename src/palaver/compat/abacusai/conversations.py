"""Deployment conversations: which one is meant, what is done about them, and the shapes that come of it."""

from __future__ import annotations

import hashlib

from palaver.arguments import ConversationQuery
from palaver.compat.abacusai.history import Reader, message_at, visible
from palaver.compat.abacusai.schemas import (
    Clearing,
    ConversationEvent,
    ConversationFeedback,
    Conversations,
    ConversationSend,
    ConversationView,
    NewConversation,
    OneConversation,
)
from palaver.compat.abacusai.sessions import conversations, page_of
from palaver.compat.abacusai.translate import (
    EXTERNAL_APPLICATION,
    NOT_USEFUL,
    USEFUL,
    Shape,
    deployment_conversation,
    event,
)
from palaver.conversation import Conversation, Message, Role
from palaver.errors import InvalidInput, NotFound
from palaver.surface import Hub


async def meant(hub: Hub, asked: OneConversation | ConversationSend) -> Conversation:
    """Return the conversation that is named by its id, or else by the caller's own id for it.

    Raises:
        InvalidInput: ``missing_field``: neither is given.
        NotFound: There is none, or it is with another bot than the deployment that is named.
    """
    if asked.deployment_conversation_id is not None:
        conversation = await hub.conversations.get(asked.deployment_conversation_id)
        if asked.deployment_id not in (None, conversation.bot_id):
            raise NotFound
        return conversation
    if asked.external_session_id is None:
        raise InvalidInput(
            "Name the conversation: deploymentConversationId or externalSessionId.", code="missing_field"
        )
    kept = await _kept_as(hub, asked.external_session_id, asked.deployment_id)
    if kept is None:
        raise NotFound
    return kept


async def _kept_as(hub: Hub, external_id: str, bot_id: str | None) -> Conversation | None:
    wanted: ConversationQuery = {"external_id": external_id, "limit": 1}
    if bot_id is not None:
        wanted["bot_id"] = bot_id
    return next(iter(await hub.conversations.list(**wanted)), None)


async def meant_or_new(hub: Hub, asked: ConversationSend) -> Conversation:
    """Return the conversation that goes on here; one begins where none is named, or none has the caller's own id yet.

    Two calls with the same new id of the caller's begin one conversation.
    """
    if asked.deployment_conversation_id is not None:
        return await meant(hub, asked)
    external_id = asked.external_session_id
    if external_id is None:
        return await hub.conversations.create(asked.deployment_id)
    known = await _kept_as(hub, external_id, asked.deployment_id)
    if known is not None:
        return known
    key = "external-session:" + hashlib.sha256(f"{asked.deployment_id}\n{external_id}".encode()).hexdigest()
    try:
        return await hub.conversations.create(asked.deployment_id, external_id=external_id, idempotency_key=key)
    except NotFound:  # the one that this key made was deleted
        return await hub.conversations.create(asked.deployment_id, external_id=external_id)


async def create(reader: Reader, bot_id: str, asked: NewConversation) -> Shape:
    """Begin a conversation with a bot."""
    application = asked.external_application_id
    metadata = {} if application is None else {EXTERNAL_APPLICATION: application}
    conversation = await reader.hub.conversations.create(bot_id, title=asked.name, metadata=metadata)
    await reader.read(conversation.id)
    return deployment_conversation(conversation, ())


async def get(reader: Reader, asked: ConversationView) -> Shape:
    """Return a conversation with its history, or the part of it that is asked for."""
    conversation = await meant(reader.hub, asked)
    events = list(enumerate(await reader.read(conversation.id)))
    end = None if asked.limit is None else asked.start + asked.limit
    return deployment_conversation(conversation, events[asked.start : end], len(events))


async def get_event(reader: Reader, asked: ConversationEvent) -> Shape:
    """Return the message with this index."""
    conversation = await meant(reader.hub, asked)
    index = asked.conversation_sequence_number
    return event(index, message_at(await visible(reader.hub, conversation.id), index))


async def listed(reader: Reader, asked: Conversations) -> list[Shape]:
    """Return the conversations that were active last, without their histories."""
    query: ConversationQuery = {}
    if asked.deployment_id is not None:
        query["bot_id"] = asked.deployment_id
    if asked.external_application_id is not None:
        query["metadata"] = {EXTERNAL_APPLICATION: asked.external_application_id}
    if asked.search is not None:
        query["q"] = asked.search
    found = await conversations(reader.hub, limit=asked.limit, query=query)
    return [deployment_conversation(conversation, None) for conversation in found]


async def rename(reader: Reader, asked: OneConversation, name: str) -> None:
    """Give a conversation another name."""
    conversation = await meant(reader.hub, asked)
    await reader.hub.conversations.update(conversation.id, title=name)


async def delete(reader: Reader, asked: OneConversation) -> None:
    """Delete a conversation."""
    conversation = await meant(reader.hub, asked)
    await reader.hub.conversations.delete(conversation.id)


async def clear(reader: Reader, asked: Clearing) -> None:
    """Delete the questions with these indices and their answers, or all messages, one turn after the other.

    Raises:
        Conflict: The indices may mean others than were read; nothing was deleted.
        InvalidInput: One of them is no question's; nothing was deleted.
    """
    conversation = await meant(reader.hub, asked)
    if asked.user_message_indices is None:
        while messages := await reader.read(conversation.id):  # behind the active path another branch may come to light
            for message in _one_of_each_turn(messages):
                await _delete(reader.hub, message)
        return
    questions = await reader.named(conversation.id, *asked.user_message_indices)
    if any(message.role is not Role.USER for message in questions):
        raise InvalidInput("userMessageIndices are those of messages by the user.", path="userMessageIndices")
    for message in questions:
        await _delete(reader.hub, message)


def _one_of_each_turn(messages: tuple[Message, ...]) -> list[Message]:
    """Return one message of each turn, the newest first."""
    return list({message.turn_id: message for message in reversed(messages)}.values())


async def _delete(hub: Hub, message: Message) -> None:
    try:
        await hub.messages.delete(message.id)
    except NotFound:  # with the question of another turn, or by somebody else
        return


async def set_feedback(reader: Reader, asked: ConversationFeedback) -> None:
    """Rate the message with this index: 5 where it is useful, 1 where it is not, no rating where a flag is taken back.

    Raises:
        InvalidInput: There is no such index, or the message is called useful and not useful.
    """
    if asked.is_useful and asked.is_not_useful:
        raise InvalidInput("A message is useful or not useful.", path="isNotUseful")
    conversation = await meant(reader.hub, asked)
    message = message_at(await visible(reader.hub, conversation.id), asked.message_index)
    feedback = message.feedback if asked.feedback is None else asked.feedback
    await reader.hub.messages.rate(message.id, _rating(asked, message.rating), feedback=feedback)


def _rating(asked: ConversationFeedback, before: int | None) -> int | None:
    if asked.is_useful:
        return USEFUL
    if asked.is_not_useful:
        return NOT_USEFUL
    return before if asked.is_useful is None and asked.is_not_useful is None else None


async def export(reader: Reader, asked: OneConversation) -> Shape:
    """Return a conversation as one HTML document."""
    conversation = await meant(reader.hub, asked)
    return {
        "deploymentConversationId": conversation.id,
        "conversationExportHtml": await page_of(reader, conversation),
    }
