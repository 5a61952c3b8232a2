"""``/v1/bots``"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from starlette.responses import Response

from palaver.bot import Bot
from palaver.events import Event
from palaver.http.sse import EventStream
from palaver.server.call import Answered, Call, Endpoint, created, nothing, page, value
from palaver.tenant import Scope
from palaver.wire.base import Empty
from palaver.wire.bots import BotAsk, BotCreate, BotEdit
from palaver.wire.pages import BotQuery

_ONE = Answered(kind=Bot, headers=("ETag",))
_MADE = Answered(kind=Bot, headers=("ETag", "Location", "Idempotent-Replayed"))
_ALL, _ID = "/v1/bots", "/v1/bots/{id}"


async def create(call: Call) -> Response:
    key = call.idempotency_key()
    wanted = await call.body(BotCreate)
    made = await call.hub.bots.make(key, **wanted.given())
    return created(made.value, call.url(f"/v1/bots/{made.value.id}"), replayed=made.replayed)


async def listing(call: Call) -> Response:
    return page(await call.hub.bots.list(**call.query(BotQuery).given()))


async def get(call: Call) -> Response:
    return value(await call.hub.bots.get(call.id("bot")))


async def update(call: Call) -> Response:
    bot_id, version = call.id("bot"), call.if_version()
    change = await call.body(BotEdit)
    return value(await call.hub.bots.update(bot_id, if_version=version, **change.given()))


async def delete(call: Call) -> Response:
    await call.hub.bots.delete(call.id("bot"), if_version=call.if_version())
    return nothing()


async def restore(call: Call) -> Response:
    bot_id = call.id("bot")
    await call.body(Empty, optional=True)
    return value(await call.hub.bots.restore(bot_id))


async def ask(call: Call) -> Response:
    bot_id, wanted = call.id("bot"), await call.body(BotAsk)
    slots = call.serving.streams
    slots.check()
    aside = await call.hub.bots.prepare(bot_id, **wanted.given())
    return EventStream(aside.turn_id, _batches(call.hub.asides.events(aside)), slots=slots)


async def _batches(events: AsyncGenerator[Event, None]) -> AsyncGenerator[Sequence[Event], None]:
    async with aclosing(events):
        async for event in events:
            yield (event,)


ROUTES = (
    Endpoint(
        method="POST",
        path=_ALL,
        run=create,
        summary="Create a bot",
        tag="bots",
        scope=Scope.WRITE,
        body=BotCreate,
        keyed=True,
        codes=(409,),
        answers={201: _MADE},
    ),
    Endpoint(
        method="GET",
        path=_ALL,
        run=listing,
        summary="List bots, newest first",
        tag="bots",
        query=BotQuery,
        answers={200: Answered(kind=Bot, wrapped="page")},
    ),
    Endpoint(method="GET", path=_ID, run=get, summary="Read a bot", tag="bots", answers={200: _ONE}),
    Endpoint(
        method="PATCH",
        path=_ID,
        run=update,
        summary="Edit a bot",
        tag="bots",
        scope=Scope.WRITE,
        body=BotEdit,
        versioned=True,
        codes=(409,),
        answers={200: _ONE},
    ),
    Endpoint(
        method="DELETE",
        path=_ID,
        run=delete,
        summary="Delete a bot and its conversations",
        tag="bots",
        scope=Scope.ADMIN,
        versioned=True,
        answers={204: Answered()},
    ),
    Endpoint(
        method="POST",
        path=_ID + "/restore",
        run=restore,
        summary="Bring a deleted bot back, with what its delete hid",
        tag="bots",
        scope=Scope.ADMIN,
        body=Empty,
        body_optional=True,
        codes=(409,),
        answers={200: _ONE},
    ),
    Endpoint(
        method="POST",
        path=_ID + "/ask",
        run=ask,
        summary="Ask a bot, as it is or as it would be, and keep nothing: the events of a turn",
        tag="bots",
        scope=Scope.WRITE,
        body=BotAsk,
        codes=(429, 502),
        answers={200: Answered(media_types={"text/event-stream": "The turn's events"})},
    ),
)
