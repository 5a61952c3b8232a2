"""Endpoints as routes of an ASGI router, and the answer to a request that is refused, or finds no route."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from palaver.compat.base import Surface
from palaver.errors import InvalidInput, NotFound, PalaverError
from palaver.http.statuses import status_of
from palaver.server.call import Endpoint
from palaver.server.problems import problem, told, urging

ROUTE = "palaver.route"
"""In an ASGI scope: the path of the route that was found, with its parameters' names."""
REQUEST_ID = "palaver.request_id"
"""In an ASGI scope: the request's id."""
ALLOWED = "palaver.allowed"
"""In an ASGI scope: the methods of the routes whose path this is, none of them the request's."""
SURFACE = "palaver.surface"
"""In an ASGI scope: the drop-in surface whose path was asked for, whatever comes of it; None: it is our own API's."""


class Served(Route):
    """A route that leads to an endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint.path, _Answering(endpoint), methods=[endpoint.method])

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Note a path that matches with another method: ``Allow`` names the methods of all routes of a path."""
        match, found = super().matches(scope)
        if match is Match.PARTIAL:
            scope.setdefault(ALLOWED, set()).update(self.methods or ())
        return match, found


class _Answering:
    """An endpoint as an ASGI app."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ROUTE] = self._endpoint.path
        response = await self._endpoint.answer(Request(scope, receive, send))
        await response(scope, receive, send)


def refused(scope: Scope, error: PalaverError) -> Response:
    """Answer with an error, in the form that the clients read whose path was asked for."""
    surface: Surface | None = scope[SURFACE]
    if surface is None:
        answer = problem(error, instance=scope["path"], request_id=scope[REQUEST_ID])
    else:
        answer = surface.refusal(told(error), status_of(error))
        answer.headers.update(urging(error))
    if answer.status_code == 405:
        answer.headers["Allow"] = _allowed(scope)
    return answer


def unrouted(scope: Scope, error: HTTPException) -> PalaverError:
    """Return what a router refuses as an error of ours: there is no such route (404), or none with this method (405)."""
    if error.status_code != 405:
        return NotFound("There is no such route here.")
    allowed = (error.headers or {}).get("Allow", "")
    scope.setdefault(ALLOWED, {each.strip() for each in allowed.split(",")})
    return InvalidInput(f"Allowed here: {_allowed(scope)}.", code="method_not_allowed")


def _allowed(scope: Scope) -> str:
    return ", ".join(sorted(scope[ALLOWED]))
