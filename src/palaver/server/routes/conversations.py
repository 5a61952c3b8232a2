"""``/v1/conversations``: making, finding, reading, editing, deleting them."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from palaver.conversation import Conversation
from palaver.server import visits
from palaver.server.call import Answered, Call, Endpoint, created, nothing, page, value
from palaver.tenant import Scope
from palaver.wire.base import Empty
from palaver.wire.conversations import ConversationCreate, ConversationEdit, ConversationQuery

_ONE = Answered(kind=Conversation, headers=("ETag",))
_MADE = Answered(kind=Conversation, headers=("ETag", "Location", "Idempotent-Replayed"))
_ALL, _ID = "/v1/conversations", "/v1/conversations/{id}"


async def create(call: Call) -> Response:
    key = call.idempotency_key()
    fields: dict[str, Any] = visits.own_conversation(call, await call.body(ConversationCreate))
    await visits.check_making(call, "conversation")
    made = await call.hub.conversations.make(key, **fields)
    return created(made.value, call.url(f"/v1/conversations/{made.value.id}"), replayed=made.replayed)


async def listing(call: Call) -> Response:
    query: dict[str, Any] = visits.own_listing(call, call.query(ConversationQuery))
    return page(await call.hub.conversations.list(**query))


async def get(call: Call) -> Response:
    return value(await call.hub.conversations.get(await visits.conversation_id(call)))


async def update(call: Call) -> Response:
    conversation_id, version = call.id("conv"), call.if_version()
    change = await call.body(ConversationEdit)
    return value(await call.hub.conversations.update(conversation_id, if_version=version, **change.given()))


async def delete(call: Call) -> Response:
    await call.hub.conversations.delete(call.id("conv"), if_version=call.if_version())
    return nothing()


async def restore(call: Call) -> Response:
    conversation_id = call.id("conv")
    await call.body(Empty, optional=True)
    return value(await call.hub.conversations.restore(conversation_id))


ROUTES = (
    Endpoint(
        method="POST",
        path=_ALL,
        run=create,
        summary="Begin a conversation with a bot",
        tag="conversations",
        scope=Scope.WRITE,
        visitor=True,
        body=ConversationCreate,
        keyed=True,
        codes=(404, 409),
        answers={201: _MADE},
    ),
    Endpoint(
        method="GET",
        path=_ALL,
        run=listing,
        summary="List conversations, the most recently active first",
        tag="conversations",
        visitor=True,
        query=ConversationQuery,
        codes=(404,),
        answers={200: Answered(kind=Conversation, wrapped="page")},
    ),
    Endpoint(
        method="GET",
        path=_ID,
        run=get,
        summary="Read a conversation",
        tag="conversations",
        visitor=True,
        answers={200: _ONE},
    ),
    Endpoint(
        method="PATCH",
        path=_ID,
        run=update,
        summary="Edit a conversation",
        tag="conversations",
        scope=Scope.WRITE,
        body=ConversationEdit,
        versioned=True,
        codes=(409,),
        answers={200: _ONE},
    ),
    Endpoint(
        method="DELETE",
        path=_ID,
        run=delete,
        summary="Delete a conversation; a running turn is stopped first",
        tag="conversations",
        scope=Scope.WRITE,
        versioned=True,
        answers={204: Answered()},
    ),
    Endpoint(
        method="POST",
        path=_ID + "/restore",
        run=restore,
        summary="Bring a deleted conversation back",
        tag="conversations",
        scope=Scope.WRITE,
        body=Empty,
        body_optional=True,
        answers={200: _ONE},
    ),
)
