"""``/analytic``: figures of conversations, agents, leads and of everything."""

from __future__ import annotations

from starlette.responses import Response

from palaver.compat.base import SurfaceRoute
from palaver.compat.knowrithm import analytics
from palaver.compat.knowrithm.answers import answer, body, hub_of, named, query
from palaver.compat.knowrithm.schemas import Export, Period
from palaver.compat.knowrithm.tables import table
from palaver.serving import Caller

_ALL = "/v1/analytic"


async def conversation(caller: Caller) -> Response:
    return answer(await analytics.of_conversation(hub_of(caller), named(caller)))


async def agent(caller: Caller) -> Response:
    period, bot = query(caller, Period), await caller.hub.bots.get(named(caller))
    return answer(await analytics.of_agent(hub_of(caller), bot, period))


async def comparison(caller: Caller) -> Response:
    period, bot = query(caller, Period), await caller.hub.bots.get(named(caller))
    return answer(await analytics.comparison(hub_of(caller), bot, period))


async def stats(caller: Caller) -> Response:
    bot = await caller.hub.bots.get(named(caller))
    figures = await analytics.of_agent(hub_of(caller), bot, Period())
    flat = {name: value for part in figures.values() if isinstance(part, dict) for name, value in part.items()}
    return answer({**flat, **figures})


async def dashboard(caller: Caller) -> Response:
    return answer(await analytics.dashboard(hub_of(caller)))


async def usage(caller: Caller) -> Response:
    return answer(await analytics.usage(hub_of(caller), query(caller, Period)))


async def leads(caller: Caller) -> Response:
    return answer(await analytics.of_leads(hub_of(caller), query(caller, Period)))


async def export(caller: Caller) -> Response:
    wanted = await body(caller, Export)
    records = await analytics.exported(hub_of(caller), wanted)
    data = table(records) if wanted.format == "csv" else records
    about = {"type": wanted.type, "format": wanted.format, "count": len(records)}
    return answer({"success": True, **about, "data": data})


ROUTES = (
    SurfaceRoute(method="GET", path=_ALL + "/conversation/{id}", run=conversation),
    SurfaceRoute(method="GET", path=_ALL + "/agent/{id}", run=agent),
    SurfaceRoute(method="GET", path=_ALL + "/agent/{id}/performance-comparison", run=comparison),
    SurfaceRoute(method="GET", path="/v1/agent/{id}/stats", run=stats),
    SurfaceRoute(method="GET", path=_ALL + "/dashboard", run=dashboard),
    SurfaceRoute(method="GET", path=_ALL + "/usage", run=usage),
    SurfaceRoute(method="GET", path=_ALL + "/leads", run=leads),
    SurfaceRoute(method="POST", path=_ALL + "/export", run=export),
)
