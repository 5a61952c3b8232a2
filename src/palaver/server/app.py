"""The composition root of the HTTP server: settings → engine → FastAPI app."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from palaver.config import Settings
from palaver.errors import InvalidInput, NotFound
from palaver.http.doors import Doors
from palaver.hub import HubRoot
from palaver.server.call import Endpoint
from palaver.server.entrance import ROUTE, Entrance
from palaver.server.logs import configure_if_nobody_did
from palaver.server.openapi import completed
from palaver.server.problems import problem
from palaver.server.routes import ALL
from palaver.server.serving import serving


class PalaverApp(FastAPI):
    """The app; its OpenAPI document is made from the endpoints (and routes that somebody adds), once."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if self.openapi_schema is None:
            document = get_openapi(
                title=self.title, version=self.version, description=self.description, routes=self.routes
            )
            self.openapi_schema = completed(document, ALL)
        return self.openapi_schema


def create_app(
    settings: Settings | None = None, *, hub_root: HubRoot | None = None, models: Mapping[str, Any] | None = None
) -> FastAPI:
    """Return the ASGI app. It opens its store when its lifespan starts, and drains when that ends.

    Mounted in another app, whose lifespan Starlette does not pass on, it is started by
    ``async with app.router.lifespan_context(app)`` in that app's own lifespan.

    Args:
        settings: Read from the environment when omitted.
        hub_root: An engine that is open already; whoever opened it closes it.
        models: Models given in process by name.
    """
    settings = settings or (hub_root.settings if hub_root is not None else Settings())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if hub_root is not None:
            yield
            return
        configure_if_nobody_did(settings.log_level)
        async with HubRoot.open(settings, models=models) as root:
            app.state.serving = serving(settings, root)
            yield
            app.state.serving = None

    app = PalaverApp(
        title="Palaver",
        version=version("palaver"),
        description="The conversation backend that you own. Errors are problem documents; `code` is one word for each.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.serving = None if hub_root is None else serving(settings, hub_root)
    app.router.routes.extend(Route(each.path, _Served(each), methods=[each.method]) for each in ALL)
    app.add_exception_handler(HTTPException, _unrouted)
    doors = Doors(allow_origin=settings.allow_origin, any_host=settings.open)
    app.add_middleware(Entrance, state=app.state, doors=doors)
    return app


class _Served:
    """An endpoint as an ASGI app. It is no FastAPI route: those hold five exit stacks for each open stream."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ROUTE] = self._endpoint.path
        response = await self._endpoint.answer(Request(scope, receive, send))
        await response(scope, receive, send)


async def _unrouted(request: Request, error: Exception) -> Response:
    """Answer what the router refuses: no such route, or none with this method."""
    said = {"instance": request.scope["path"], "request_id": request.scope["palaver.request_id"]}
    if not isinstance(error, HTTPException) or error.status_code != 405:
        return problem(NotFound(), **said)
    allowed = _methods(request)
    answer = problem(InvalidInput(f"Allowed here: {allowed}.", code="method_not_allowed"), **said)
    answer.headers["Allow"] = allowed
    return answer


def _methods(request: Request) -> str:
    """Return all methods of a path: the router itself names those of its first route only."""
    found: set[str] = set()
    for route in request.app.routes:
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return ", ".join(sorted(found | ({"HEAD"} if "GET" in found else set())))
