"""``/v1/widgets`` and ``/v1/visitors``"""

from __future__ import annotations

from starlette.responses import Response

from palaver.allowances import Rate
from palaver.errors import Forbidden
from palaver.http.callers import address_of
from palaver.results import Visitor
from palaver.server.call import Answered, Call, Endpoint, value
from palaver.server.shapes import WidgetLook
from palaver.tenant import Scope
from palaver.visitors import Visit
from palaver.wire.base import Empty
from palaver.wire.visitors import Introduction, VisitorCreate, VisitorEnter, WidgetQuery

_WIDGET, _ME = "/v1/widgets/{id}", "/v1/visitors/me"
_HOUR = 3_600


async def look(call: Call) -> Response:
    bot_id = call.id("bot")
    name, widget = await call.serving.root.visitors.widget(call.query(WidgetQuery).tenant_id, bot_id)
    shown = WidgetLook(
        bot_id=bot_id,
        title=widget.title or name,
        greeting=widget.greeting,
        suggestions=tuple(widget.suggestions),
        color=widget.color,
        lead=widget.lead,
        consent=widget.consent,
    )
    return value(shown, headers={"Cache-Control": "no-cache"})


async def enter(call: Call) -> Response:
    bot_id = call.id("bot")
    wanted = await call.body(VisitorEnter, optional=True)
    await call.serving.root.visitors.widget(wanted.tenant_id, bot_id)
    limit = call.serving.settings.limits.visitors_per_hour
    if limit:
        call.serving.allowances.take(f"visitor {address_of(call.request)}", Rate(times=limit, seconds=_HOUR))
    return value(await call.serving.root.visitors.enter(wanted.tenant_id, bot_id), 201)


async def create(call: Call) -> Response:
    wanted = await call.body(VisitorCreate)
    return value(await call.hub.visitors.create(**wanted.given()), 201)


def _visit(call: Call) -> Visit:
    if call.access.visit is None:
        raise Forbidden("This is for whoever shows a visitor's token.")
    return call.access.visit


async def renew(call: Call) -> Response:
    visit = _visit(call)
    await call.body(Empty, optional=True)
    return value(await call.serving.root.visitors.renew(visit))


async def introduce(call: Call) -> Response:
    visit = _visit(call)
    said = await call.body(Introduction)
    return value(await call.serving.root.visitors.introduce(visit, said))


ROUTES = (
    Endpoint(
        method="GET",
        path=_WIDGET,
        run=look,
        summary="How a bot's widget looks; 404 where it has none",
        tag="visitors",
        scope=None,
        query=WidgetQuery,
        answers={200: Answered(kind=WidgetLook)},
    ),
    Endpoint(
        method="POST",
        path=_WIDGET + "/visitors",
        run=enter,
        summary="Become a visitor of a bot's widget, as nobody in particular",
        tag="visitors",
        scope=None,
        body=VisitorEnter,
        body_optional=True,
        codes=(429,),
        answers={201: Answered(kind=Visitor)},
    ),
    Endpoint(
        method="POST",
        path="/v1/visitors",
        run=create,
        summary="Make an entity a visitor of a bot: a token for its browser",
        tag="visitors",
        scope=Scope.WRITE,
        body=VisitorCreate,
        codes=(404,),
        answers={201: Answered(kind=Visitor)},
    ),
    Endpoint(
        method="POST",
        path=_ME + "/renew",
        run=renew,
        summary="Get a fresh token for a visitor's",
        tag="visitors",
        visitor=True,
        body=Empty,
        body_optional=True,
        answers={200: Answered(kind=Visitor)},
    ),
    Endpoint(
        method="PATCH",
        path=_ME,
        run=introduce,
        summary="Say who one is, as a visitor: a lead from now on",
        tag="visitors",
        visitor=True,
        body=Introduction,
        answers={200: Answered(kind=Visitor)},
    ),
)
