"""``/conversation``: beginning, finding, changing and ending conversations."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from palaver.compat.base import SurfaceRoute
from palaver.compat.knowrithm import conversations
from palaver.compat.knowrithm.answers import answer, body, done, hub_of, named, no_body, query
from palaver.compat.knowrithm.paging import is_plain, stretch
from palaver.compat.knowrithm.schemas import ConversationBegin, ConversationChange, ConversationEnd, ConversationQuery
from palaver.compat.knowrithm.translate import conversation_record, with_copy
from palaver.conversation import Conversation
from palaver.serving import Caller
from palaver.tenant import Scope

_ALL, _ID = "/v1/conversation", "/v1/conversation/{id}"


def _one(conversation: Conversation, status: int = 200) -> Response:
    return answer(with_copy("conversation", conversation_record(conversation)), status)


async def create(caller: Caller) -> Response:
    wanted = await body(caller, ConversationBegin)
    return _one(await conversations.begin(hub_of(caller), wanted), 201)


async def listing(caller: Caller) -> Response:
    return await _listed(caller)


async def of_agent(caller: Caller) -> Response:
    return await _listed(caller, agent_id=named(caller))


async def of_entity(caller: Caller) -> Response:
    return await _listed(caller, entity_id=named(caller))


async def deleted(caller: Caller) -> Response:
    return await _listed(caller, status="deleted")


async def _listed(caller: Caller, **fixed: Any) -> Response:
    asked = query(caller, ConversationQuery)
    plain = is_plain(caller.request)
    found = await conversations.listed(hub_of(caller), asked, **fixed)
    part = await stretch(found, asked, counted=not plain)
    records = [conversation_record(each) for each in part.rows]
    return answer(records if plain else {"conversations": records, "data": records, "pagination": part.pagination()})


async def get(caller: Caller) -> Response:
    return _one(await caller.hub.conversations.get(named(caller)))


async def update(caller: Caller) -> Response:
    change = await body(caller, ConversationChange, optional=True)
    return _one(await conversations.change(hub_of(caller), named(caller), change))


async def end(caller: Caller) -> Response:
    wanted = await body(caller, ConversationEnd, optional=True)
    ended = await caller.hub.conversations.end(named(caller), rating=wanted.score, feedback=wanted.feedback)
    return _one(ended)


async def archive(caller: Caller) -> Response:
    await no_body(caller)
    return _one(await caller.hub.conversations.archive(named(caller)))


async def restore(caller: Caller) -> Response:
    await no_body(caller)
    return _one(await caller.hub.conversations.restore(named(caller)))


async def delete(caller: Caller) -> Response:
    await caller.hub.conversations.delete(named(caller))
    return done("The conversation is deleted; it can be restored.", id=named(caller))


ROUTES = (
    SurfaceRoute(method="POST", path=_ALL, run=create, scope=Scope.WRITE),
    SurfaceRoute(method="GET", path=_ALL, run=listing),
    SurfaceRoute(method="GET", path=_ALL + "/deleted", run=deleted),
    SurfaceRoute(method="GET", path=_ALL + "/entity", run=listing),
    SurfaceRoute(method="GET", path=_ALL + "/entity/{id}", run=of_entity),
    SurfaceRoute(method="GET", path=_ALL + "/agent/{id}", run=of_agent),
    SurfaceRoute(method="GET", path=_ID, run=get),
    SurfaceRoute(method="PUT", path=_ID, run=update, scope=Scope.WRITE),
    SurfaceRoute(method="DELETE", path=_ID, run=delete, scope=Scope.WRITE),
    SurfaceRoute(method="POST", path=_ID + "/end", run=end, scope=Scope.WRITE),
    SurfaceRoute(method="PATCH", path=_ID + "/archive", run=archive, scope=Scope.WRITE),
    SurfaceRoute(method="PATCH", path=_ID + "/restore", run=restore, scope=Scope.WRITE),
)
