"""The outermost layer of every request: its id, the doors, what is logged and counted, and the answer to any error."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders, State
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from palaver.compat.base import Surface
from palaver.errors import FeatureAbsent, PalaverError, ShuttingDown, StoreUnavailable
from palaver.http.doors import OWN, Crossing, Doors
from palaver.http.sse import HEAD_ONLY, STRAIGHT
from palaver.http.statuses import status_of
from palaver.ids import new_id
from palaver.server.surfaces import SurfacePaths
from palaver.server.unrouted import REQUEST_ID, ROUTE, SURFACE, refused, unrouted
from palaver.serving import Serving

READS = frozenset({"GET", "HEAD", "OPTIONS"})
_SANE_ID = re.compile(r"[A-Za-z0-9_.:/+=-]{1,128}\Z")
_log = structlog.get_logger("palaver.requests")


class _Answer:
    """What is sent: adds the headers of every answer, drops the bodies of HEAD, remembers the status."""

    def __init__(self, send: Send, extra: Mapping[str, str], *, head: bool) -> None:
        self.status: int | None = None
        self.begun_at = 0.0
        self._send = send
        self._extra = extra
        self._head = head
        self._over = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.begun_at = time.perf_counter()
            headers = MutableHeaders(raw=list(message["headers"]))
            for name, value in self._extra.items():
                headers[name] = value
            # HTTP lets a cache in between keep what was answered to a cookie, or to a key in X-API-Key, and give it to others.
            headers.setdefault("Cache-Control", "no-store")
            message["headers"] = headers.raw
        elif self._head:
            if self._over:
                return
            self._over = True
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)


class Entrance:
    """ASGI middleware. ``state.serving`` is there once the app was started.

    Args:
        app: Answers requests.
        other: Takes what is no HTTP request, such as the lifespan; ``app`` when omitted.
        state: Of the app.
        doors: Who may knock.
        surfaces: Whose clients are told of an error in their own form, on their paths.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        other: ASGIApp | None = None,
        state: State,
        doors: Doors,
        surfaces: Sequence[Surface] = (),
    ) -> None:
        self._app = app
        self._other = other or app
        self._state = state
        self._doors = doors
        self._paths = SurfacePaths(surfaces)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever happens."""
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        scope = _marked(scope, send)
        scope[SURFACE] = self._paths.find(scope)
        answer = _Answer(send, self._headers(scope), head=scope[HEAD_ONLY])
        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=scope[REQUEST_ID]):
            await self._answer(scope, receive, answer)
        self._note(scope, answer, began)

    def _headers(self, scope: Scope) -> Mapping[str, str]:
        origin = Headers(scope=scope).get("origin")
        crossing = OWN if origin is None else _crossing(scope)
        return {"X-Request-Id": scope[REQUEST_ID], **self._doors.headers_for(origin, crossing)}

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        # One of the three places that catch everything: the client is told in its own form, the log has the traceback.
        try:
            response = await self._at_the_door(scope)
            if response is None:
                await self._app(scope, receive, answer.send)
            else:
                await response(scope, receive, answer.send)
            return
        except ClientDisconnect:
            _log.debug("client_left", path=scope["path"])
            return
        except HTTPException as error:
            said = unrouted(scope, error)
        except PalaverError as error:
            said = error
            if answer.status is not None:
                raise
        except Exception:
            _log.exception("request_broke", path=scope["path"])
            said = PalaverError()
            if answer.status is not None:
                raise
        response = refused(scope, said)
        _note_refusal(scope, said)
        await response(scope, receive, answer.send)

    async def _at_the_door(self, scope: Scope) -> Response | None:
        """Return the answer of the door itself, if it has one: to a preflight request."""
        serving: Serving | None = getattr(self._state, "serving", None)
        if serving is None:
            raise StoreUnavailable("This app was not started: its lifespan has to be run.")
        headers = Headers(scope=scope)
        self._doors.check(headers, is_open=await serving.gate.is_open())
        origin = headers.get("origin")
        if scope["method"] == "OPTIONS" and origin is not None and "access-control-request-method" in headers:
            return Response(status_code=204, headers=dict(self._doors.preflight(origin, _crossing(scope))))
        if serving.root.draining and scope["method"] not in READS:
            raise ShuttingDown("This server is stopping; send again.", retry_after_seconds=1)
        return None

    def _note(self, scope: Scope, answer: _Answer, began: float) -> None:
        if answer.status is None:
            return
        route = scope.get(ROUTE, "none")
        seconds = answer.begun_at - began
        method = "HEAD" if scope[HEAD_ONLY] else scope["method"]
        serving: Serving | None = getattr(self._state, "serving", None)
        if serving is not None:
            serving.metrics.answered(method, route, answer.status, seconds)
        fields: dict[str, Any] = {"method": method, "route": route, "status": answer.status}
        _log.debug("request", **fields, ms=round(seconds * 1000, 1), request_id=scope[REQUEST_ID])


def _note_refusal(scope: Scope, error: PalaverError) -> None:
    """Log what the caller can't be blamed for; what was refused on purpose is no failure of ours."""
    fields = {"path": scope["path"], "code": error.code, "reason": error.message}
    if isinstance(error, FeatureAbsent | ShuttingDown):
        _log.info("request_refused", **fields)
    elif status_of(error) >= 500:
        _log.error("request_failed", **fields)


def _crossing(scope: Scope) -> Crossing:
    surface: Surface | None = scope[SURFACE]
    return OWN if surface is None else surface.crossing


def _marked(scope: Scope, send: Send) -> Scope:
    """Note in the scope what our layers need; HEAD goes on as GET, in a copy: the server must know what was asked."""
    head = scope["method"] == "HEAD"
    if head:
        scope = {**scope, "method": "GET"}
    given = Headers(scope=scope).get("x-request-id", "")
    scope[REQUEST_ID] = given if _SANE_ID.match(given) else new_id("req")
    scope[HEAD_ONLY] = head
    scope[STRAIGHT] = send
    return scope
