"""The cookie of a browser that signed in: who gets it, and whose requests it counts for.

Scripts can't read it (``HttpOnly``), and pages of other sites don't send it (``SameSite=Strict``). A browser says more: which page
a request comes from (``Sec-Fetch-Site``; ``Origin`` where it is older, or the connection is not secure). The cookie counts for
our own pages only, so that not even another port of this machine, which is the same site, can use it.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from palaver.http.doors import is_own_origin

COOKIE = "palaver_session"
_READS = frozenset({"GET", "HEAD"})


def is_from_own_page(request: Request) -> bool:
    """Whether a browser sent it for a page of ours; a read may also be a person's, who typed its address."""
    headers, reads = request.headers, request.method in _READS
    match headers.get("sec-fetch-site"):
        case "same-origin":
            return True
        case "none":
            return reads
        case None:
            origin = headers.get("origin")
            return reads if origin is None else is_own_origin(origin, headers.get("host", ""))
        case _:
            return False


def token_of(request: Request) -> str | None:
    """Return the token of a browser that signed in; None where a key is shown, or the request is not of a page of ours."""
    if _shows_key(request.headers) or not is_from_own_page(request):
        return None
    return request.cookies.get(COOKIE)


def _shows_key(headers: Headers) -> bool:
    return "authorization" in headers or "x-api-key" in headers


def keep(response: Response, request: Request, token: str, *, seconds: int) -> None:
    """Have the browser keep a token, for this app and so long."""
    # Behind a proxy that ends TLS this connection is not secure; the origin tells what the browser's is.
    secure = request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")
    path = request.scope.get("root_path") or "/"
    response.set_cookie(COOKIE, token, max_age=seconds, path=path, secure=secure, httponly=True, samesite="strict")


def forget(response: Response, request: Request) -> None:
    """Have the browser forget the token."""
    keep(response, request, "", seconds=0)
