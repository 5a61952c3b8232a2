"""Endpoints as routes of an ASGI router, and the answer to a request that finds none."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from palaver.errors import InvalidInput, NotFound
from palaver.server.call import Endpoint
from palaver.server.problems import problem

ROUTE = "palaver.route"
"""In an ASGI scope: the path of the route that was found, with its parameters' names."""
REQUEST_ID = "palaver.request_id"
"""In an ASGI scope: the request's id."""
ALLOWED = "palaver.allowed"
"""In an ASGI scope: the methods of the routes whose path this is, none of them the request's."""


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


def unrouted(scope: Scope, error: HTTPException) -> Response:
    """Answer what a router refuses: there is no such route (404), or none with this method (405)."""
    said = {"instance": scope["path"], "request_id": scope[REQUEST_ID]}
    if error.status_code != 405:
        return problem(NotFound(), **said)
    allowed = ", ".join(sorted(scope.get(ALLOWED, ()))) or (error.headers or {}).get("Allow", "")
    answer = problem(InvalidInput(f"Allowed here: {allowed}.", code="method_not_allowed"), **said)
    answer.headers["Allow"] = allowed
    return answer
