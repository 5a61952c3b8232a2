"""Drop-in surfaces as routes of the app: who may come in is asked in one place, whatever a client looks like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Route, compile_path
from starlette.types import Message, Receive, Scope, Send

from palaver.compat.base import Surface, SurfaceRoute
from palaver.errors import Forbidden, Unauthenticated
from palaver.http.auth import Access
from palaver.http.bodies import read_body
from palaver.server.call import OUTSIDE
from palaver.server.unrouted import ALLOWED, ROUTE
from palaver.serving import Caller, Serving


class _Mounted(Route):
    """A route of a surface below its prefix."""

    def __init__(self, surface: Surface, route: SurfaceRoute) -> None:
        super().__init__(surface.prefix + route.path, _Answering(surface, route), methods=[route.method])
        self._surface = surface

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the path in any of its ways of writing; note one that matches with another method."""
        match, found = super().matches({**scope, "path": _straight(self._surface, _path(scope)), "root_path": ""})
        if match is Match.PARTIAL:
            scope.setdefault(ALLOWED, set()).update(self.methods or ())
        return match, found


class _Answering:
    """A route of a surface as an ASGI app."""

    def __init__(self, surface: Surface, route: SurfaceRoute) -> None:
        self._surface = surface
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ROUTE] = self._surface.prefix + self._route.path
        request = Request(scope, receive, send)
        serving: Serving = request.app.state.serving
        access = OUTSIDE
        if self._route.scope is not None:
            access, request = await self._admit(serving, request)
            if access.is_visitor:
                raise Forbidden("A visitor's token is for the widget.")
            access.require(self._route.scope)
        response = await self._route.run(Caller(request=request, serving=serving, access=access))
        await response(scope, receive, send)

    async def _admit(self, serving: Serving, request: Request) -> tuple[Access, Request]:
        """Let the caller in, or not; return the request as it is to be read: to find the key its body may have been read."""
        secret, in_body = self._shown(request), self._surface.body_secret
        if secret is None and in_body is not None and request.method == "POST" and not await serving.gate.is_open():
            raw = await read_body(request, serving.settings.limits.body_bytes)
            secret = in_body(raw, request.headers.get("content-type"))
            request = _again(request, raw)
        access = await serving.gate.admit(request.headers, lambda headers: secret or self._surface.secret_of(headers))
        return access, request

    def _shown(self, request: Request) -> str | None:
        """Return the key in a header, or in the query where no header has one."""
        try:
            return self._surface.secret_of(request.headers)
        except Unauthenticated:
            return request.query_params.get(self._surface.query_secret or "", "").strip() or None


def _again(request: Request, raw: bytes) -> Request:
    """Return a request whose body is still to be read, of one whose body was."""
    body: list[Message] = [{"type": "http.request", "body": raw, "more_body": False}]

    async def receive() -> Message:
        return body.pop() if body else await request.receive()

    return Request(request.scope, receive)


class SurfacePaths:
    """Which paths are a surface's: all below its prefix, and those of its routes where it is at the root, with any method."""

    def __init__(self, surfaces: Sequence[Surface]) -> None:
        self._below = [(each.prefix + "/", each) for each in surfaces if each.prefix]
        at_root = [each for each in surfaces if not each.prefix]
        self._exact = [(compile_path(route.path)[0], each) for each in at_root for route in each.routes]

    def find(self, scope: Scope) -> Surface | None:
        """Return the surface whose path is asked for, if it is one's."""
        path = _path(scope)
        below = (surface for prefix, surface in self._below if path.startswith(prefix))
        exact = (surface for pattern, surface in self._exact if pattern.match(path))
        return next(below, None) or next(exact, None)


def _path(scope: Scope) -> str:
    """Return the path as this app has it, wherever it is mounted."""
    path: str = scope["path"]
    above: str = scope.get("root_path", "")
    return path[len(above) :] if path.startswith(above + "/") else path


def _straight(surface: Surface, path: str) -> str:
    below = path.removeprefix(surface.prefix + "/")
    if surface.straighten is None or below == path:
        return path
    return surface.prefix + surface.straighten("/" + below)


def mounted(surfaces: Sequence[Surface]) -> Iterator[BaseRoute]:
    """The routes of surfaces, in the order in which they are looked through."""
    for surface in surfaces:
        for route in surface.routes:
            yield _Mounted(surface, route)
