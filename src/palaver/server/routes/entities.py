"""``/v1/entities``"""

from __future__ import annotations

from starlette.responses import Response

from palaver.entity import Entity
from palaver.server.call import Answered, Call, Endpoint, created, nothing, page, value
from palaver.tenant import Scope
from palaver.wire.entities import EntityCreate, EntityEdit
from palaver.wire.pages import PageQuery

_ONE = Answered(kind=Entity, headers=("ETag",))
_MADE = Answered(kind=Entity, headers=("ETag", "Location", "Idempotent-Replayed"))
_ALL, _ID = "/v1/entities", "/v1/entities/{id}"


async def create(call: Call) -> Response:
    key = call.idempotency_key()
    wanted = await call.body(EntityCreate)
    made = await call.hub.entities.make(key, **wanted.given())
    return created(made.value, call.url(f"/v1/entities/{made.value.id}"), replayed=made.replayed)


async def listing(call: Call) -> Response:
    return page(await call.hub.entities.list(**call.query(PageQuery).given()))


async def get(call: Call) -> Response:
    return value(await call.hub.entities.get(call.id("ent")))


async def update(call: Call) -> Response:
    entity_id, version = call.id("ent"), call.if_version()
    change = await call.body(EntityEdit)
    return value(await call.hub.entities.update(entity_id, if_version=version, **change.given()))


async def delete(call: Call) -> Response:
    await call.hub.entities.delete(call.id("ent"), if_version=call.if_version())
    return nothing()


ROUTES = (
    Endpoint(
        method="POST",
        path=_ALL,
        run=create,
        summary="Create an entity",
        tag="entities",
        scope=Scope.WRITE,
        body=EntityCreate,
        keyed=True,
        codes=(409,),
        answers={201: _MADE},
    ),
    Endpoint(
        method="GET",
        path=_ALL,
        run=listing,
        summary="List entities, newest first",
        tag="entities",
        query=PageQuery,
        answers={200: Answered(kind=Entity, wrapped="page")},
    ),
    Endpoint(method="GET", path=_ID, run=get, summary="Read an entity", tag="entities", answers={200: _ONE}),
    Endpoint(
        method="PATCH",
        path=_ID,
        run=update,
        summary="Edit an entity",
        tag="entities",
        scope=Scope.WRITE,
        body=EntityEdit,
        versioned=True,
        codes=(409,),
        answers={200: _ONE},
    ),
    Endpoint(
        method="DELETE",
        path=_ID,
        run=delete,
        summary="Forget an entity; its conversations stay",
        tag="entities",
        scope=Scope.WRITE,
        versioned=True,
        answers={204: Answered()},
    ),
)
