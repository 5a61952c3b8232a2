"""``/agent`` and ``/sdk/agent``: bots."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response

from palaver.bot import Bot
from palaver.compat.base import SurfaceRoute
from palaver.compat.knowrithm.agents import agent_named
from palaver.compat.knowrithm.answers import answer, body, done, hub_of, named, no_body, query
from palaver.compat.knowrithm.paging import each, is_plain, stretch, those
from palaver.compat.knowrithm.schemas import AgentChange, AgentClone, AgentCreate, AgentStatus, AgentTest, RecordQuery
from palaver.compat.knowrithm.translate import STATUS, agent_record, with_copy
from palaver.conversation import Role
from palaver.errors import ModelError
from palaver.events import Event
from palaver.fold import fold
from palaver.http.presence import while_there
from palaver.serving import Caller
from palaver.tenant import Scope
from palaver.wire.checking import check
from palaver.wire.messages import AppendedMessage

_ALL, _ID = "/v1/agent", "/v1/agent/{id}"
_SDK, _SDK_ID = "/v1/sdk/agent", "/v1/sdk/agent/{id}"


def _one(bot: Bot, status: int = 200) -> Response:
    return answer(with_copy("agent", agent_record(bot)), status)


async def create(caller: Caller) -> Response:
    wanted = await body(caller, AgentCreate)
    return _one(await caller.hub.bots.create(**wanted.bot_fields()), 201)


async def listing(caller: Caller) -> Response:
    asked = query(caller, RecordQuery)
    plain = is_plain(caller.request)
    part = await stretch(those(each(caller.hub.bots.list), lambda bot: _fits(bot, asked)), asked, counted=not plain)
    records = [agent_record(each) for each in part.rows]
    return answer(records if plain else {"agents": records, "data": records, "pagination": part.pagination()})


def _fits(bot: Bot, asked: RecordQuery) -> bool:
    status = bot.metadata.get(STATUS, "active")
    return asked.status in (None, status) and (asked.search or "").casefold() in bot.name.casefold()


async def get(caller: Caller) -> Response:
    return _one(await caller.hub.bots.get(named(caller)))


async def by_name(caller: Caller) -> Response:
    return _one(await agent_named(hub_of(caller), named(caller, "name")))


async def update(caller: Caller) -> Response:
    change = await body(caller, AgentChange, optional=True)
    return _one(await caller.hub.bots.update(named(caller), **change.bot_fields()))


async def set_status(caller: Caller) -> Response:
    wanted = await body(caller, AgentStatus)
    return _one(await caller.hub.bots.update(named(caller), metadata={STATUS: wanted.status}))


async def delete(caller: Caller) -> Response:
    await caller.hub.bots.delete(named(caller))
    return done("The agent is deleted with its conversations; it can be restored.", id=named(caller))


async def restore(caller: Caller) -> Response:
    await no_body(caller)
    return _one(await caller.hub.bots.restore(named(caller)))


async def clone(caller: Caller) -> Response:
    wanted = await body(caller, AgentClone, optional=True)
    bot = await caller.hub.bots.get(named(caller))
    copied = await caller.hub.bots.create(
        name=wanted.name or f"{bot.name} (copy)",
        instructions=bot.instructions,
        model=bot.model,
        params=bot.params,
        retrieval=bot.retrieval,
        idle_timeout_minutes=bot.idle_timeout_minutes,
        metadata=bot.metadata,
    )
    return _one(copied, 201)


async def test(caller: Caller) -> Response:
    wanted = await body(caller, AgentTest, optional=True)
    bot = await caller.hub.bots.get(named(caller))
    question = check(AppendedMessage, {"role": Role.USER, "text": wanted.query})
    aside = await caller.hub.asides.prepare(bot, [question])
    said = await while_there(caller.request.receive, _told(caller.hub.asides.events(aside)))
    return answer({"agent_id": bot.id, "query": wanted.query, "response": said})


async def _told(events: AsyncGenerator[Event, None]) -> str:
    """Return what was answered. Raises ``ModelError`` where it failed."""
    async with aclosing(events):
        turn, message = fold([event async for event in events])
    if turn.error is not None:
        raise ModelError(turn.error.message, code=turn.error.code)
    return "" if message is None else message.text


ROUTES = (
    SurfaceRoute(method="POST", path=_ALL, run=create, scope=Scope.WRITE),
    SurfaceRoute(method="POST", path=_SDK, run=create, scope=Scope.WRITE),
    SurfaceRoute(method="GET", path=_ALL, run=listing),
    SurfaceRoute(method="GET", path=_ALL + "/by-name/{name:path}", run=by_name),
    SurfaceRoute(method="GET", path=_ID, run=get),
    SurfaceRoute(method="PUT", path=_ID, run=update, scope=Scope.WRITE),
    SurfaceRoute(method="PATCH", path=_ID, run=update, scope=Scope.WRITE),
    SurfaceRoute(method="PUT", path=_SDK_ID, run=update, scope=Scope.WRITE),
    SurfaceRoute(method="PATCH", path=_ID + "/status", run=set_status, scope=Scope.WRITE),
    SurfaceRoute(method="DELETE", path=_ID, run=delete, scope=Scope.ADMIN),
    SurfaceRoute(method="DELETE", path=_SDK_ID, run=delete, scope=Scope.ADMIN),
    SurfaceRoute(method="PATCH", path=_ID + "/restore", run=restore, scope=Scope.ADMIN),
    SurfaceRoute(method="POST", path=_ID + "/clone", run=clone, scope=Scope.WRITE),
    SurfaceRoute(method="POST", path=_ID + "/test", run=test, scope=Scope.WRITE),
)
