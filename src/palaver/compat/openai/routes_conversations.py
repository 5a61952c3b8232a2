"""``/conversations`` and their items: messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from palaver.bot import Bot
from palaver.compat.bots import standing_bot
from palaver.compat.openai import shapes
from palaver.compat.openai.answers import answered
from palaver.compat.openai.errors import unsupported
from palaver.compat.openai.parameters import taken
from palaver.compat.openai.queries import page_asked
from palaver.compat.openai.reading import heard
from palaver.compat.openai.schemas import ConversationCreate, ConversationUpdate, ItemsCreate
from palaver.compat.openai.threads import append, bot_of
from palaver.conversation import Message
from palaver.errors import NotFound
from palaver.http.bodies import read_json
from palaver.serving import Caller
from palaver.wire.messages import AppendedMessage

MODEL_KEY = "model"


async def _body(caller: Caller, *, optional: bool = False) -> Mapping[str, Any]:
    return await read_json(caller.request, caller.serving.settings.limits.inline_bytes, optional=optional)


async def create(caller: Caller) -> Response:
    """Begin a conversation."""
    wanted = taken(ConversationCreate, await _body(caller, optional=True))
    items = _spoken(wanted.items)
    bot = await _bot(caller, wanted)
    conversation = await caller.hub.conversations.create(bot.id, metadata=wanted.metadata)
    await append(caller.hub, conversation.id, items)
    return answered(shapes.conversation(conversation))


async def _bot(caller: Caller, wanted: ConversationCreate) -> Bot:
    called = wanted.model or wanted.metadata.get(MODEL_KEY)
    if called:
        return await bot_of(caller.hub, str(called))
    return await standing_bot(caller.hub, caller.serving.settings.session_bot)


def _spoken(items: Sequence[Any]) -> Sequence[AppendedMessage]:
    said = heard(items, "items")
    if said.instructions:
        raise unsupported("items", "A bot has its own instructions.")
    return said.messages


async def listing(caller: Caller) -> Response:
    """List conversations, which this client has no call for. What ``last_id`` says leads to the next page."""
    asked = page_asked(caller)
    behind = {} if asked["after"] is None else {"after": asked["after"]}
    page = await caller.hub.conversations.list(sort="created_at", order=asked["order"], limit=asked["limit"], **behind)
    rows = [*map(shapes.conversation, page)]
    return answered(shapes.listed(rows, has_more=page.next is not None, last_id=page.next))


async def get(caller: Caller) -> Response:
    """Read a conversation."""
    return answered(shapes.conversation(await caller.hub.conversations.get(_id(caller))))


async def update(caller: Caller) -> Response:
    """Set the metadata of a conversation: what is not said is gone."""
    wanted = taken(ConversationUpdate, await _body(caller))
    before = await caller.hub.conversations.get(_id(caller))
    metadata = {**dict.fromkeys(before.metadata), **wanted.metadata}
    return answered(shapes.conversation(await caller.hub.conversations.update(before.id, metadata=metadata)))


async def delete(caller: Caller) -> Response:
    """Delete a conversation. It can be restored until it is purged."""
    await caller.hub.conversations.delete(_id(caller))
    return answered({"id": _id(caller), "object": "conversation.deleted", "deleted": True})


def _id(caller: Caller) -> str:
    conversation_id: str = caller.request.path_params["id"]
    return conversation_id


async def items(caller: Caller) -> Response:
    """List the messages of the active path."""
    asked = page_asked(caller)
    order, limit = asked["order"], asked["limit"]
    if asked["after"] is None:
        page = await caller.hub.messages.list(_id(caller), order=order, limit=limit)
    else:
        page = await caller.hub.messages.list_behind(await _message(caller, asked["after"]), order=order, limit=limit)
    return answered(shapes.listed([*map(shapes.item, page)], has_more=page.next is not None))


async def create_items(caller: Caller) -> Response:
    """Store messages with no model call."""
    wanted = taken(ItemsCreate, await _body(caller))
    stored = await append(caller.hub, _id(caller), _spoken(wanted.items))
    return answered(shapes.listed([*map(shapes.item, stored)], has_more=False))


async def get_item(caller: Caller) -> Response:
    """Read a message."""
    return answered(shapes.item(await _message(caller, caller.request.path_params["item_id"])))


async def delete_item(caller: Caller) -> Response:
    """Delete the turn of a message: its question and its answer."""
    message = await _message(caller, caller.request.path_params["item_id"])
    await caller.hub.messages.delete(message.id)
    return answered(shapes.conversation(await caller.hub.conversations.get(_id(caller))))


async def _message(caller: Caller, message_id: str) -> Message:
    message = await caller.hub.messages.get(message_id)
    if message.conversation_id != _id(caller):
        raise NotFound
    return message
