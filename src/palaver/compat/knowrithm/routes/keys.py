"""``/auth``: what needs no passwords. A key that is made here is a pair, each half of which is nothing alone."""

from __future__ import annotations

from contextlib import aclosing
from typing import Unpack

from starlette.responses import Response

from palaver.arguments import KeyFields
from palaver.clock import SystemClock, from_micros
from palaver.compat.base import SurfaceRoute
from palaver.compat.knowrithm.answers import Record, answer, body, done, named, no_body
from palaver.compat.knowrithm.door import pair_of
from palaver.compat.knowrithm.paging import each
from palaver.compat.knowrithm.schemas import KeyCreate
from palaver.compat.knowrithm.translate import granted, key_record, scope_of
from palaver.errors import Conflict, InvalidInput
from palaver.results import NewKey
from palaver.serving import Caller
from palaver.tenant import ApiKey, Scope

_KEYS, _OWN = "/v1/auth/api-keys", "/v1/auth/api-key"


async def _own(caller: Caller) -> ApiKey | None:
    """Return the key that the caller shows; None while the server is open."""
    async with aclosing(each(caller.hub.keys.list)) as keys:
        async for key in keys:
            if key.id == caller.access.key_id:
                return key
    return None


async def _shown(caller: Caller) -> ApiKey:
    key = await _own(caller)
    if key is None:
        raise Conflict("This server is open: nobody shows a key.")
    return key


def _secret(made: NewKey) -> Record:
    api_key, api_secret = pair_of(made.secret)
    return {**key_record(made.key), "api_key": api_key, "api_secret": api_secret}


async def validate(caller: Caller) -> Response:
    key = await _own(caller)
    access = caller.access
    about = {"company_id": access.tenant_id, "scopes": list(granted(access.scope))}
    return answer({"success": True, "valid": True, **about, "api_key": None if key is None else key_record(key)})


async def info(caller: Caller) -> Response:
    return answer(key_record(await _shown(caller)))


async def listing(caller: Caller) -> Response:
    records = [key_record(key) async for key in each(caller.hub.keys.list) if key.revoked_at is None]
    return answer({"api_keys": records, "data": records})


async def create(caller: Caller) -> Response:
    wanted = await body(caller, KeyCreate)
    try:
        scope = scope_of(wanted.words())
    except ValueError as error:
        raise InvalidInput(str(error)) from None
    fields: KeyFields = {"scope": scope}
    if wanted.name is not None:
        fields["name"] = wanted.name
    made = await _made(caller, **fields)
    return answer({"success": True, **_secret(made)}, 201)


async def _made(caller: Caller, **fields: Unpack[KeyFields]) -> NewKey:
    made = await caller.hub.keys.create(**fields)
    caller.serving.gate.key_made()
    return made


def _like(old: ApiKey) -> KeyFields:
    """What a key is made of that may just what this one may, just as long."""
    fields: KeyFields = {"scope": old.scope}
    if old.name:
        fields["name"] = old.name
    if old.expires_at is not None:
        now = from_micros(SystemClock().micros())
        fields["expires_in_seconds"] = max(1, int((old.expires_at - now).total_seconds()))
    return fields


async def refresh(caller: Caller) -> Response:
    await no_body(caller)
    old = await _shown(caller)
    made = await _made(caller, **_like(old))
    await caller.hub.keys.revoke(old.id)
    return answer({"success": True, **_secret(made)}, 201)


async def revoke_own(caller: Caller) -> Response:
    await no_body(caller)
    return await _revoked(caller, (await _shown(caller)).id)


async def revoke(caller: Caller) -> Response:
    return await _revoked(caller, named(caller))


async def _revoked(caller: Caller, key_id: str) -> Response:
    key = await caller.hub.keys.revoke(key_id)
    return done("The key is revoked.", **key_record(key))


ROUTES = (
    SurfaceRoute(method="GET", path="/v1/auth/validate", run=validate),
    SurfaceRoute(method="GET", path=_OWN + "/info", run=info),
    SurfaceRoute(method="POST", path=_OWN + "/refresh", run=refresh, scope=Scope.WRITE),
    SurfaceRoute(method="POST", path=_OWN + "/revoke", run=revoke_own, scope=Scope.WRITE),
    SurfaceRoute(method="GET", path=_KEYS, run=listing, scope=Scope.ADMIN),
    SurfaceRoute(method="POST", path=_KEYS, run=create, scope=Scope.ADMIN),
    SurfaceRoute(method="DELETE", path=_KEYS + "/{id}", run=revoke, scope=Scope.ADMIN),
)
