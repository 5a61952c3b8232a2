"""The composition root of the HTTP server: settings → engine → FastAPI app."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, Never, Unpack

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import ASGIApp

from palaver.compat import SURFACES, Surface
from palaver.config import Settings
from palaver.given import Given
from palaver.http.doors import Doors
from palaver.hub import HubRoot
from palaver.server.entrance import Entrance
from palaver.server.logs import configure_if_nobody_did, log_guarantee
from palaver.server.openapi import completed
from palaver.server.routes import ALL
from palaver.server.surfaces import mounted
from palaver.server.unrouted import Served, refused, unrouted
from palaver.server.web import routes as web
from palaver.serving import serving


class PalaverApp(FastAPI):
    """The app. Our endpoints stand in front of FastAPI's own layers, which are for routes that somebody adds.

    An event stream that is open for minutes holds every layer that it came through: five exit stacks and two
    wrappers of ``send`` would be a third of its memory.
    """

    doors: Doors
    surfaces: Sequence[Surface] = SURFACES

    def build_middleware_stack(self) -> ASGIApp:
        """Return the whole of the app: the entrance, our endpoints, and behind them what was added."""
        added = super().build_middleware_stack()
        routes = [*map(Served, ALL), *web.ROUTES, *mounted(self.surfaces)]
        ours = Router(routes=routes, default=added, redirect_slashes=False)
        return Entrance(ours, other=added, state=self.state, doors=self.doors, surfaces=self.surfaces)

    def add_middleware(self, *_args: Any, **_kwargs: Any) -> Never:
        """Refuse what would guard nothing.

        Raises:
            RuntimeError: Always: middleware is laid around the app, not into it.
        """
        raise RuntimeError("Wrap the app instead: YourMiddleware(create_app()). Inside, it would not see our routes.")

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document: our endpoints, and routes that somebody added."""
        if self.openapi_schema is None:
            document = get_openapi(
                title=self.title, version=self.version, description=self.description, routes=self.routes
            )
            self.openapi_schema = completed(document, ALL)
        return self.openapi_schema


def create_app(settings: Settings | None = None, *, hub_root: HubRoot | None = None, **given: Unpack[Given]) -> FastAPI:
    """Return the ASGI app. It opens its store when its lifespan starts, and drains when that ends.

    A server that is not ours (uvicorn itself) tells of its end only once every connection is closed: give it a time limit
    (``--timeout-graceful-shutdown``), or open event streams hold it up. ``palaver serve`` drains first.

    Mounted in another app, whose lifespan Starlette does not pass on, it is started by
    ``async with app.router.lifespan_context(app)`` in that app's own lifespan.

    Args:
        settings: Read from the environment when omitted.
        hub_root: An engine that is open already; whoever opened it closes it.
        given: What the program gives: models, embeddings and more.
    """
    settings = settings or (hub_root.settings if hub_root is not None else Settings())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if hub_root is not None:
            yield
            return
        configure_if_nobody_did(settings.log_level)
        async with HubRoot.open(settings, **given) as root:
            log_guarantee(await root.store.health())
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
    app.doors = Doors(allow_origin=settings.allow_origin, any_host=settings.open)
    app.state.serving = None if hub_root is None else serving(settings, hub_root)
    app.add_exception_handler(HTTPException, _refused)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    """Answer what FastAPI's router refuses like what ours does."""
    assert isinstance(error, HTTPException), "it is registered for nothing else"
    return refused(request.scope, unrouted(request.scope, error))
