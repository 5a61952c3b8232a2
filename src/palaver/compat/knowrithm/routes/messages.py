"""``/conversation/{id}/chat`` and what was said: sending, streaming, listing, rating and deleting messages."""

from __future__ import annotations

from starlette.responses import Response

from palaver.compat.base import SurfaceRoute
from palaver.compat.knowrithm.answers import answer, body, done, hub_of, named, no_body, query
from palaver.compat.knowrithm.chat import answered, begin, newest_turn_id
from palaver.compat.knowrithm.paging import each, is_plain, stretch, those
from palaver.compat.knowrithm.schemas import Chat, MessageQuery, MessageRating
from palaver.compat.knowrithm.streams import PING, ChatEvents, Frame, framed, nothing, piece_frame
from palaver.compat.knowrithm.translate import message_record, reply_record, with_copy
from palaver.errors import NotFound
from palaver.http.presence import while_there
from palaver.http.sse import HEADERS, Stream
from palaver.serving import Caller
from palaver.surface import Hub
from palaver.tenant import Scope

_IN, _ID = "/v1/conversation/{id}", "/v1/message/{id}"


async def chat(caller: Caller) -> Response:
    wanted = await body(caller, Chat)
    if wanted.stream:
        caller.serving.streams.check()
    turn_id = await begin(hub_of(caller), named(caller), wanted.text)
    if wanted.stream:
        return _stream(caller, turn_id, piece_frame)
    return answer(reply_record(await while_there(caller.request.receive, answered(hub_of(caller), turn_id))))


async def follow(caller: Caller) -> Response:
    conversation_id = named(caller)
    caller.serving.streams.check()
    turn_id = await newest_turn_id(hub_of(caller), conversation_id)
    return _stream(caller, turn_id, ChatEvents(conversation_id).frame)


def _stream(caller: Caller, turn_id: str | None, frame: Frame) -> Stream:
    return Stream(
        nothing() if turn_id is None else framed(caller.hub.turns.events(turn_id), frame),
        slots=caller.serving.streams,
        ping=PING,
        headers=HEADERS,
        turn_id=turn_id,
    )


async def listing(caller: Caller) -> Response:
    asked = query(caller, MessageQuery)
    plain = is_plain(caller.request)
    rows = each(caller.hub.messages.list, conversation_id=named(caller))
    if asked.role is not None:
        rows = those(rows, lambda message: message.role == asked.role)
    part = await stretch(rows, asked, counted=not plain)
    records = [message_record(message) for message in part.rows]
    return answer(records if plain else {"messages": records, "items": records, "pagination": part.pagination()})


async def get(caller: Caller) -> Response:
    return answer(with_copy("message", message_record(await caller.hub.messages.get(named(caller)))))


async def rate(caller: Caller) -> Response:
    wanted = await body(caller, MessageRating)
    rated = await caller.hub.messages.rate(named(caller), wanted.rating, feedback=wanted.feedback)
    return answer({"success": True, **message_record(rated)})


async def delete(caller: Caller) -> Response:
    await caller.hub.messages.delete(named(caller))
    return done("The message is deleted, with its question or its answer; they can be restored.", id=named(caller))


async def clear(caller: Caller) -> Response:
    conversation_id = named(caller)
    gone: set[str] = set()
    while page := (await caller.hub.messages.list(conversation_id)).data:
        for message in page:
            if message.turn_id not in gone:
                gone.add(message.turn_id)
                await caller.hub.messages.delete(message.id)
    return done("The messages are deleted; they can be restored.", id=conversation_id)


async def deleted(caller: Caller) -> Response:
    asked = query(caller, MessageQuery)
    rows = each(caller.hub.messages.list_deleted)
    if asked.role is not None:
        rows = those(rows, lambda message: message.role == asked.role)
    part = await stretch(rows, asked)
    records = [message_record(message) for message in part.rows]
    return answer({"messages": records, "items": records, "pagination": part.pagination()})


async def restore(caller: Caller) -> Response:
    await no_body(caller)
    restored = await caller.hub.messages.restore(named(caller))
    return answer({"success": True, **with_copy("message", message_record(restored))})


async def restore_all(caller: Caller) -> Response:
    await no_body(caller)
    conversation = await caller.hub.conversations.get(named(caller))
    doomed = [message.id async for message in each(caller.hub.messages.list_deleted, conversation_id=conversation.id)]
    restored = [message_id for message_id in doomed if await _is_restored(hub_of(caller), message_id)]
    return done("The messages are restored.", id=conversation.id, restored_count=len(restored))


async def _is_restored(hub: Hub, message_id: str) -> bool:
    """Restore a message, or tell that it was purged meanwhile."""
    try:
        await hub.messages.restore(message_id)
    except NotFound:
        return False
    return True


ROUTES = (
    SurfaceRoute(method="POST", path=_IN + "/chat", run=chat, scope=Scope.WRITE),
    SurfaceRoute(method="GET", path=_IN + "/messages", run=listing),
    SurfaceRoute(method="GET", path=_IN + "/messages/stream", run=follow),
    SurfaceRoute(method="DELETE", path=_IN + "/messages", run=clear, scope=Scope.WRITE),
    SurfaceRoute(method="GET", path="/v1/message/deleted", run=deleted),
    SurfaceRoute(method="GET", path=_ID, run=get),
    SurfaceRoute(method="DELETE", path=_ID, run=delete, scope=Scope.WRITE),
    SurfaceRoute(method="POST", path=_ID + "/rate", run=rate, scope=Scope.WRITE),
    SurfaceRoute(method="POST", path="/v1/messages/{id}/rate", run=rate, scope=Scope.WRITE),
    SurfaceRoute(method="PATCH", path=_IN + "/message/restore-all", run=restore_all, scope=Scope.WRITE),
    SurfaceRoute(method="PATCH", path=_ID + "/restore", run=restore, scope=Scope.WRITE),
)
