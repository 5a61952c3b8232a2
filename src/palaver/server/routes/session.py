"""``/v1/session``: who is calling, and the cookie of a browser that signed in."""

from __future__ import annotations

from starlette.responses import Response

from palaver.errors import Forbidden, Unauthenticated
from palaver.http import cookies
from palaver.http.auth import OPEN_ACCESS, Access
from palaver.server.call import OUTSIDE, Answered, Call, Endpoint, nothing, value
from palaver.server.shapes import Session
from palaver.wire.session import SignIn

_PATH = "/v1/session"


async def get(call: Call) -> Response:
    return value(_told(await _caller(call)))


async def _caller(call: Call) -> Access:
    request = call.request
    try:
        return await call.serving.gate.admit(request.headers, token=cookies.token_of(request))
    except Unauthenticated:
        return OUTSIDE


def _told(access: Access) -> Session:
    if access is OUTSIDE:
        return Session(open=False)
    return Session(open=access is OPEN_ACCESS, scope=access.scope, tenant_id=access.tenant_id, key_id=access.key_id)


async def sign_in(call: Call) -> Response:
    wanted = await call.body(SignIn)
    if not cookies.is_from_own_page(call.request):
        raise Forbidden("Browsers sign in on the page of this server. Elsewhere the key goes with each request.")
    made = await call.serving.root.keys.sign_in(wanted.key)
    access = Access(tenant_id=made.key.tenant_id, scope=made.key.scope, key_id=made.key.id)
    answer = value(_told(access))
    cookies.keep(answer, call.request, made.token, seconds=made.seconds)
    return answer


async def sign_out(call: Call) -> Response:
    answer = nothing()
    cookies.forget(answer, call.request)
    return answer


_ONE = Answered(kind=Session)

ROUTES = (
    Endpoint(
        method="GET",
        path=_PATH,
        run=get,
        summary="Who is calling: what the key may do, or that there is none, or that none is needed",
        tag="session",
        scope=None,
        answers={200: _ONE},
    ),
    Endpoint(
        method="POST",
        path=_PATH,
        run=sign_in,
        summary="Sign a browser in with a key: its cookie is good for a week, or until the key is revoked",
        tag="session",
        scope=None,
        body=SignIn,
        codes=(401,),
        answers={200: _ONE},
    ),
    Endpoint(
        method="DELETE",
        path=_PATH,
        run=sign_out,
        summary="Sign a browser out",
        tag="session",
        scope=None,
        answers={204: Answered()},
    ),
)
