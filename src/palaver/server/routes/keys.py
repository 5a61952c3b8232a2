"""``/v1/keys`` and ``/v1/tenants``"""

from __future__ import annotations

from starlette.responses import Response

from palaver.errors import Forbidden
from palaver.results import NewKey
from palaver.server.call import Answered, Call, Endpoint, page, value
from palaver.tenant import ApiKey, Scope, Tenant
from palaver.wire.keys import KeyCreate
from palaver.wire.pages import PageQuery


def _check_making(call: Call, wanted: KeyCreate) -> None:
    """A key makes keys that can do no more than it can, in its own tenant; a ``write`` key makes visitors only."""
    access = call.access
    if access.includes(Scope.OPERATOR):
        return
    if wanted.tenant_id not in (None, access.tenant_id):
        raise Forbidden("Only an operator's key makes keys of other tenants.")
    if wanted.scope is not Scope.VISITOR:
        access.require(Scope.OPERATOR if wanted.scope is Scope.OPERATOR else Scope.ADMIN)


async def create(call: Call) -> Response:
    wanted = await call.body(KeyCreate)
    _check_making(call, wanted)
    made = await call.hub.keys.create(**wanted.given())
    call.serving.gate.key_made()
    return value(made, 201, {"Location": call.url(f"/v1/keys/{made.key.id}")})


async def listing(call: Call) -> Response:
    return page(await call.hub.keys.list(all_tenants=call.access.is_operator, **call.query(PageQuery).given()))


async def revoke(call: Call) -> Response:
    return value(await call.hub.keys.revoke(call.id("key"), all_tenants=call.access.is_operator))


async def tenants(call: Call) -> Response:
    return page(await call.hub.tenants.list(**call.query(PageQuery).given()))


ROUTES = (
    Endpoint(
        method="POST",
        path="/v1/keys",
        run=create,
        summary="Make an API key; its secret is shown this once",
        tag="keys",
        scope=Scope.WRITE,
        body=KeyCreate,
        codes=(404,),
        answers={201: Answered(kind=NewKey, headers=("Location",))},
    ),
    Endpoint(
        method="GET",
        path="/v1/keys",
        run=listing,
        summary="List keys, newest first; an operator's key lists those of all tenants",
        tag="keys",
        scope=Scope.ADMIN,
        query=PageQuery,
        answers={200: Answered(kind=ApiKey, wrapped="page")},
    ),
    Endpoint(
        method="DELETE",
        path="/v1/keys/{id}",
        run=revoke,
        summary="Revoke a key",
        tag="keys",
        scope=Scope.ADMIN,
        answers={200: Answered(kind=ApiKey)},
    ),
    Endpoint(
        method="GET",
        path="/v1/tenants",
        run=tenants,
        summary="List all tenants",
        tag="keys",
        scope=Scope.OPERATOR,
        query=PageQuery,
        answers={200: Answered(kind=Tenant, wrapped="page")},
    ),
)
