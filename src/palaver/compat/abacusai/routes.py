"""``/abacusai/api/…``: every call by its name. How one is let in, read and answered; and those that tell where this server is."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, cast

from starlette.datastructures import Headers
from starlette.responses import Response

from palaver.compat.abacusai.history import Reader, Readings
from palaver.compat.abacusai.schemas import Asked, read
from palaver.compat.abacusai.translate import failure
from palaver.compat.base import SurfaceRoute
from palaver.compat.bots import standing_bot
from palaver.errors import FeatureAbsent, PalaverError, Unauthenticated, Unavailable
from palaver.events import dumps
from palaver.serving import Caller
from palaver.surface import Hub
from palaver.tenant import Scope

A = TypeVar("A", bound=Asked)

PREFIX = "/abacusai"
TOKEN = "deploymentToken"  # noqa: S105  the name of a parameter
"""Clients that hold no key show this one; it is a key of ours all the same."""
VERSION = "1.4.119"
"""The newest client that was tried. Whoever says its own version is told that: there is nothing newer to warn of."""
_VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,6}){1,3}\Z")


def refusal(error: PalaverError, status: int) -> Response:
    """Answer with the envelope of an error.

    Their clients take 502 to 504 of a read for a gateway's, try five times more and then raise what is no error of the API; of
    other statuses above 502 they hide the text.
    """
    shown = 500 if isinstance(error, Unavailable) else status
    return _json(failure(error, status), shown)


def secret_of(headers: Headers) -> str:
    """Return the key: ``apiKey`` in any case.

    Raises:
        Unauthenticated: There is none.
    """
    secret = headers.get("apikey", "").strip()
    if not secret:
        raise Unauthenticated("Invalid API Key: one is needed in the header apiKey, or as deploymentToken.")
    return secret


def straighten(path: str) -> str:
    """Return the one path of an action, which clients also write with a version in it: ``/api/v0/getChatSession``."""
    return "/api/" + path.removeprefix("/api/v0/") if path.startswith("/api/v0/") else path


def _json(shape: Mapping[str, Any], status: int = 200) -> Response:
    return Response(dumps(shape), status_code=status, media_type="application/json")


def result(value: Any) -> Response:
    """Answer with the envelope of a success."""
    return _json({"success": True, "result": value})


def reader_of(caller: Caller) -> Reader:
    """Return who reads: a caller by their key. What they read is kept as long as the app runs."""
    state = caller.request.app.state
    if not hasattr(state, _READINGS):
        setattr(state, _READINGS, Readings())
    readings: Readings = getattr(state, _READINGS)
    # To pyright the keyword all_tenants of LocalKeys.list could be an item of an open TypedDict.
    return Reader(hub=cast("Hub", caller.hub), readings=readings, name=caller.access.key_id or "")


_READINGS = "abacusai_readings"


async def bot_of(caller: Caller, named: str | None) -> str:
    """Return the id of the bot that is named; where none is, of the one that is configured for that."""
    return named or (await standing_bot(caller.hub, caller.serving.settings.session_bot)).id


def action(
    method: str, name: str, kind: type[A], run: Callable[[Caller, A], Awaitable[Response]], scope: Scope = Scope.READ
) -> SurfaceRoute:
    """Return the route of an action: what is asked is read as a ``kind``."""

    async def answer(caller: Caller) -> Response:
        return await run(caller, await read(caller, kind))

    return SurfaceRoute(method=method, path=f"/api/{name}", run=answer, scope=scope)


def absent(method: str, name: str, instead: str) -> SurfaceRoute:
    """Return the route of an action that has no place here."""

    async def answer(_caller: Caller) -> Response:
        raise FeatureAbsent(f"{name} has no place here: {instead}.")

    return SurfaceRoute(method=method, path=f"/api/{name}", run=answer)


async def endpoints(caller: Caller) -> Response:
    """Tell where the other calls go: here, as the client sees it. A client whose key is bad is told by its first call."""
    base = _base(caller)
    return result({"apiEndpoint": base, "predictEndpoint": base, "proxyEndpoint": base})


def _base(caller: Caller) -> str:
    configured, url = caller.serving.settings.public_url, caller.request.url
    return (configured or f"{url.scheme}://{url.netloc}{caller.url('')}").rstrip("/") + PREFIX


async def version(caller: Caller) -> Response:
    """Tell the newest version of the client."""
    said = caller.request.headers.get("clientversion", "")
    return result(said if _VERSION.match(said) else VERSION)


ROUTES = (
    SurfaceRoute(method="GET", path="/api/getApiEndpoint", run=endpoints, scope=None),
    SurfaceRoute(method="GET", path="/api/version", run=version, scope=None),
)
