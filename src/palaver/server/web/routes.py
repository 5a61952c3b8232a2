"""Where the page is: ``/`` and the places in it that have an address of their own, and ``/ui/<version>/…``, its files. Beside it the
page of a bot's widget, ``/embed/<bot>``, which other pages may show in a frame, and ``/widget.js``, which does that.

The page is the same at every address; its script reads where it is. It names its files relative to itself, so that it works
wherever the app is mounted, and by their version, so that a browser keeps them for good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import cache

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from palaver.errors import InvalidInput, NotFound
from palaver.ids import is_id
from palaver.server.unrouted import ROUTE
from palaver.server.web.assets import Asset, asset, assets
from palaver.serving import Serving
from palaver.wire.checking import check
from palaver.wire.visitors import WidgetQuery

PLACES = ("/", "/c/{conversation}", "/bots", "/bots/{bot}", "/analytics", "/admin")
_FILES = "/ui/{version}/{path:path}"
_EMBED, _LOADER = "/embed/{bot}", "/widget.js"
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}; "
    "require-trusted-types-for 'script'; trusted-types dompurify"
)
_SAFE: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PAGE: Mapping[str, str] = {
    **_SAFE,
    "Content-Security-Policy": _CSP.format(ancestors="'self'"),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_FRAMED: Mapping[str, str] = {
    **_SAFE,
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_ASKED_EACH_TIME = "no-cache"
_KEPT_A_WHILE = "public, max-age=600"
_KEPT = "public, max-age=31536000, immutable"
_UI = b"{ui}"


class _Place:
    """The page at one of its addresses, ``depth`` folders below its root."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._up = "../" * (path.count("/") - 1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ROUTE] = self._path
        page = await asyncio.to_thread(_page, "index.html", self._up)
        await _answer(page, Headers(scope=scope), {**_PAGE, "Cache-Control": _ASKED_EACH_TIME})(scope, receive, send)


class _File:
    """A file of the page. Where its version is not ours (the page was loaded before an update), nobody keeps it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ROUTE] = _FILES
        found = await asyncio.to_thread(assets)
        file = found.by_path.get(scope["path_params"]["path"])
        if file is None:
            raise NotFound
        kept = _KEPT if scope["path_params"]["version"] == found.version else _ASKED_EACH_TIME
        await _answer(file, Headers(scope=scope), {**_SAFE, "Cache-Control": kept})(scope, receive, send)


class _Embed:
    """The page of a bot's widget: the policy says which pages may show it. Where there is none, a page without a script says so, to
    whoever shows it: it opens nothing."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ROUTE] = _EMBED
        origins = await self._origins(Request(scope))
        page = await asyncio.to_thread(_page, "closed.html" if origins is None else "embed.html", "../")
        policy = _CSP.format(ancestors="*" if origins is None else " ".join(origins))
        headers = {**_FRAMED, "Content-Security-Policy": policy, "Cache-Control": _ASKED_EACH_TIME}
        answer = _answer(page, Headers(scope=scope), headers)
        if origins is None and answer.status_code == 200:
            answer.status_code = 404
        await answer(scope, receive, send)

    async def _origins(self, request: Request) -> Sequence[str] | None:
        bot_id = request.path_params["bot"]
        serving: Serving = request.app.state.serving
        try:
            tenant_id = check(WidgetQuery, dict(request.query_params)).tenant_id
            if not is_id("bot", bot_id):
                return None
            return (await serving.root.visitors.widget(tenant_id, bot_id))[1].allowed_origins
        except (InvalidInput, NotFound):
            return None


class _Loader:
    """The script that other pages name: it is asked for now and then, for its address stays."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ROUTE] = _LOADER
        file = (await asyncio.to_thread(assets)).by_path["widget.js"]
        await _answer(file, Headers(scope=scope), {**_FRAMED, "Cache-Control": _KEPT_A_WHILE})(scope, receive, send)


@cache
def _page(name: str, up: str) -> Asset:
    """Return a page that names its files by their version, from ``up`` of where it is. The first call compresses it, like
    ``assets``."""
    found = assets()
    page = found.by_path[name]
    return asset(page.content.replace(_UI, f"{up}ui/{found.version}".encode()), page.media_type)


def _answer(file: Asset, asked: Headers, headers: Mapping[str, str]) -> Response:
    packed = "gzip" in asked.get("accept-encoding", "")
    tag = f'"{file.tag}-gzip"' if packed else f'"{file.tag}"'
    said = {**headers, "ETag": tag, "Vary": "Accept-Encoding"}
    if tag in asked.get("if-none-match", ""):
        return Response(status_code=304, headers=said)
    if packed:
        said["Content-Encoding"] = "gzip"
    return Response(file.gzipped if packed else file.content, media_type=file.media_type, headers=said)


ROUTES = (
    *(Route(path, _Place(path), methods=["GET"]) for path in PLACES),
    Route(_FILES, _File(), methods=["GET"]),
    Route(_EMBED, _Embed(), methods=["GET"]),
    Route(_LOADER, _Loader(), methods=["GET"]),
)
"""As routes of the app: they are no part of the API."""
