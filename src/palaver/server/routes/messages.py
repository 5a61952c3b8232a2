"""``/v1/conversations/{id}/messages`` and ``/v1/messages``"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from palaver.conversation import Message
from palaver.server import visits
from palaver.server.call import Answered, Call, Endpoint, Run, nothing, page, rows, value
from palaver.server.sends import answer_send, check_room
from palaver.server.shapes import Begun, SendResult
from palaver.tenant import Scope
from palaver.wire.base import Empty, Wire
from palaver.wire.messages import MessageEdit, MessageRate, MessageRegenerate, MessagesAppend, MessageSend
from palaver.wire.pages import DeletedMessageQuery, MessageQuery

_IN = "/v1/conversations/{id}/messages"
_ID = "/v1/messages/{id}"
_SENT = ("Location", "Idempotent-Replayed")


async def send(call: Call) -> Response:
    conversation_id, key = await visits.conversation_id(call), call.idempotency_key()
    wanted = await call.body(MessageSend, with_files=True)
    await visits.check_sending(call, wanted)
    await visits.check_files(call, wanted.attachments)
    check_room(call)
    given: dict[str, Any] = _options(wanted, key)
    return await answer_send(call, await call.hub.messages.start(conversation_id, **given))


async def regenerate(call: Call) -> Response:
    message_id, key = await visits.message_id(call), call.idempotency_key()
    wanted = await call.body(MessageRegenerate, optional=True)
    await visits.check_sending(call, wanted)
    check_room(call)
    given: dict[str, Any] = _options(wanted, key)
    return await answer_send(call, await call.hub.messages.start_regenerate(message_id, **given))


async def edit(call: Call) -> Response:
    message_id, key = await visits.message_id(call), call.idempotency_key()
    wanted = await call.body(MessageEdit, with_files=True)
    await visits.check_sending(call, wanted)
    await visits.check_files(call, wanted.attachments)
    check_room(call)
    given: dict[str, Any] = _options(wanted, key)
    return await answer_send(call, await call.hub.messages.start_edit(message_id, **given))


def _options(wanted: MessageRegenerate, key: str | None) -> dict[str, Any]:
    return {**wanted.given(), **({} if key is None else {"key": key})}


async def append(call: Call) -> Response:
    conversation_id, key = call.id("conv"), call.idempotency_key()
    wanted = await call.body(MessagesAppend, with_files=True)
    made = await call.hub.messages.store(key, conversation_id, wanted.given()["messages"])
    return rows(made.value, 201, replayed=made.replayed)


async def listing(call: Call) -> Response:
    conversation_id = await visits.conversation_id(call)
    return page(await call.hub.messages.list(conversation_id, **call.query(MessageQuery).given()))


async def rate(call: Call) -> Response:
    message_id = await visits.message_id(call)
    wanted = await call.body(MessageRate)
    return value(await call.hub.messages.rate(message_id, wanted.rating, feedback=wanted.feedback))


async def delete(call: Call) -> Response:
    await call.hub.messages.delete(call.id("msg"))
    return nothing()


async def restore(call: Call) -> Response:
    message_id = call.id("msg")
    await call.body(Empty, optional=True)
    return value(await call.hub.messages.restore(message_id))


async def listing_deleted(call: Call) -> Response:
    return page(await call.hub.messages.list_deleted(**call.query(DeletedMessageQuery).given()))


def _sends(path: str, run: Run, summary: str, body: type[Wire]) -> Endpoint:
    return Endpoint(
        method="POST",
        path=path,
        run=run,
        summary=summary,
        tag="messages",
        scope=Scope.WRITE,
        visitor=True,
        body=body,
        body_optional=body is MessageRegenerate,
        keyed=True,
        codes=(409, 429),
        answers={
            200: Answered(media_types={"text/event-stream": "The turn's events"}, headers=_SENT),
            201: Answered(kind=SendResult, headers=_SENT),
            202: Answered(kind=Begun, headers=(*_SENT, "Preference-Applied")),
        },
    )


ROUTES = (
    _sends(_IN, send, "Send a message", MessageSend),
    Endpoint(
        method="GET",
        path=_IN,
        run=listing,
        summary="List the messages of the active path",
        tag="messages",
        visitor=True,
        query=MessageQuery,
        answers={200: Answered(kind=Message, wrapped="page")},
    ),
    Endpoint(
        method="POST",
        path=_IN + ":append",
        run=append,
        summary="Store messages with no model call",
        tag="messages",
        scope=Scope.WRITE,
        body=MessagesAppend,
        keyed=True,
        codes=(409,),
        answers={201: Answered(kind=Message, wrapped="list", headers=("Idempotent-Replayed",))},
    ),
    _sends(_ID + "/regenerate", regenerate, "Answer the same question again, beside this answer", MessageRegenerate),
    _sends(_ID + "/edit", edit, "Ask a changed question beside this one", MessageEdit),
    Endpoint(
        method="POST",
        path=_ID + "/rating",
        run=rate,
        summary="Rate a message, or take its rating back",
        tag="messages",
        scope=Scope.WRITE,
        visitor=True,
        body=MessageRate,
        answers={200: Answered(kind=Message)},
    ),
    Endpoint(
        method="DELETE",
        path=_ID,
        run=delete,
        summary="Delete the turn of a message: its question and its answer",
        tag="messages",
        scope=Scope.WRITE,
        answers={204: Answered()},
    ),
    Endpoint(
        method="POST",
        path=_ID + "/restore",
        run=restore,
        summary="Bring back what the deletion of a message took",
        tag="messages",
        scope=Scope.WRITE,
        body=Empty,
        body_optional=True,
        answers={200: Answered(kind=Message)},
    ),
    Endpoint(
        method="GET",
        path="/v1/messages:deleted",
        run=listing_deleted,
        summary="List the messages that can be restored, those that were deleted last first",
        tag="messages",
        query=DeletedMessageQuery,
        answers={200: Answered(kind=Message, wrapped="page")},
    ),
)
