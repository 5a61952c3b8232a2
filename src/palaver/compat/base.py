"""What a drop-in surface is: routes, where its clients put their key, and the form in which they are told of an error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import Response

from palaver.errors import PalaverError
from palaver.http.auth import secret_of
from palaver.http.doors import OWN, Crossing
from palaver.serving import Caller
from palaver.tenant import Scope

Run = Callable[[Caller], Awaitable[Response]]
Refusal = Callable[[PalaverError, int], Response]
"""From an error and the HTTP status that our own API would give it to the answer that the clients of a surface read. The text
of an error that is not the caller's fault is already one that tells nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceRoute:
    """A route of a surface.

    Attributes:
        method: The HTTP method.
        path: Below the surface's prefix, in Starlette's form: ``/session/{id}/history``.
        run: What it does for someone who was let in.
        scope: What the key must include; None: nobody is asked.
    """

    method: str
    path: str
    run: Run
    scope: Scope | None = Scope.READ

    @property
    def name(self) -> str:
        """How the route is called in lists of routes: ``GET /sessions``."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """A system that people come from, as its clients see it.

    Attributes:
        name: One word.
        prefix: Where it is served: ``/openai``; empty at the root, where it has its routes and no more.
        routes: All of them.
        refusal: How its clients are told of an error, also of a path below the prefix that leads nowhere.
        secret_of: Reads the API key from a request. Raises ``Unauthenticated`` where there is none.
        query_secret: The parameter of the query in which clients that show no key in a header have it.
        body_secret: Reads the key from a body and its ``Content-Type``, for those that have it there alone; None: there is none.
        sent: Headers that its clients send from a browser, beside those of our own API.
        read: Headers of its answers that they read there, beside those of our own API.
        straighten: What makes the path that is looked up of one below the prefix, where clients write it in several ways.
    """

    name: str
    prefix: str
    routes: tuple[SurfaceRoute, ...]
    refusal: Refusal
    secret_of: Callable[[Headers], str] = secret_of
    query_secret: str | None = None
    body_secret: Callable[[bytes, str | None], str | None] | None = None
    sent: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    straighten: Callable[[str], str] | None = None

    @property
    def crossing(self) -> Crossing:
        """What pages of other origins may do at its paths: by the methods of its routes."""
        methods = tuple(sorted({"HEAD", *(route.method for route in self.routes)}))
        return Crossing(methods=methods, sent=(*OWN.sent, *self.sent), read=(*OWN.read, *self.read))
