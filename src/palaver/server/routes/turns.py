"""``/v1/turns``"""

from __future__ import annotations

from starlette.responses import Response

from palaver.conversation import ListedTurn, Turn
from palaver.http.sse import read_cursor
from palaver.server import visits
from palaver.server.call import Answered, Call, Endpoint, page, value
from palaver.server.sends import event_stream
from palaver.tenant import Scope
from palaver.wire.base import Empty
from palaver.wire.pages import EventQuery, TurnQuery

_ID = "/v1/turns/{id}"


async def listing(call: Call) -> Response:
    query = call.query(TurnQuery).given()
    return page(await call.hub.turns.list(all_tenants=call.access.is_operator, **query))


async def get(call: Call) -> Response:
    return value(await call.hub.turns.get(await visits.turn_id(call)))


async def events(call: Call) -> Response:
    turn_id = await visits.turn_id(call)
    call.query(EventQuery)
    after = read_cursor(call.request, turn_id)
    visits.slots(call).check()
    await call.hub.turns.check_cursor(turn_id, after)
    return event_stream(call, turn_id, after=after)


async def stop(call: Call) -> Response:
    turn_id = await visits.turn_id(call)
    await call.body(Empty, optional=True)
    return value(await call.hub.turns.stop(turn_id, all_tenants=call.access.is_operator))


ROUTES = (
    Endpoint(
        method="GET",
        path="/v1/turns",
        run=listing,
        summary="List turns, newest first; an operator's key lists those of all tenants",
        tag="turns",
        query=TurnQuery,
        answers={200: Answered(kind=ListedTurn, wrapped="page")},
    ),
    Endpoint(
        method="GET",
        path=_ID,
        run=get,
        summary="Read a turn",
        tag="turns",
        visitor=True,
        answers={200: Answered(kind=Turn)},
    ),
    Endpoint(
        method="GET",
        path=_ID + "/events",
        run=events,
        summary="Read the events of a turn, from any of them, up to its end",
        tag="turns",
        visitor=True,
        resumed=True,
        codes=(400, 410, 429),
        answers={200: Answered(media_types={"text/event-stream": "The turn's events"})},
    ),
    Endpoint(
        method="POST",
        path=_ID + "/stop",
        run=stop,
        summary="Stop a turn and keep its text; an operator's key stops that of any tenant",
        tag="turns",
        scope=Scope.WRITE,
        visitor=True,
        body=Empty,
        body_optional=True,
        answers={200: Answered(kind=Turn)},
    ),
)
