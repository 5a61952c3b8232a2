"""Host and Origin: which names the server answers to, and which web pages may call it.

A web page can point its own name at 127.0.0.1 (DNS rebinding), and a browser lets it. An open server therefore answers
to loopback names only and refuses foreign origins; a server with keys leaves it to the browser's CORS rules, for there
is nothing to be had without a key.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from palaver.errors import Forbidden

PREFLIGHT_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """What pages of other origins that are allowed may do at some paths.

    Attributes:
        methods: By which they may call.
        sent: Headers that they may send.
        read: Headers of the answer that they may read.
    """

    methods: tuple[str, ...]
    sent: tuple[str, ...]
    read: tuple[str, ...]


OWN = Crossing(
    methods=("GET", "HEAD", "POST", "PATCH", "DELETE"),
    sent=(
        "Accept",
        "Authorization",
        "Content-Type",
        "Idempotency-Key",
        "If-Match",
        "Last-Event-ID",
        "Prefer",
        "X-API-Key",
        "X-Request-Id",
    ),
    read=(
        "ETag",
        "Idempotent-Replayed",
        "Location",
        "Preference-Applied",
        "Retry-After",
        "WWW-Authenticate",
        "X-Request-Id",
    ),
)
"""At the paths of our own API."""


def is_loopback(host: str) -> bool:
    """Whether a host name (no port) is this machine's own: ``localhost``, 127.0.0.0/8 or ::1."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def is_own_origin(origin: str, host: str) -> bool:
    """Whether pages of ``origin`` come from the server that is called ``host`` (with its port)."""
    try:
        return urlsplit(origin).netloc.lower() == host.lower() != ""
    except ValueError:
        return False


class Doors:
    """The checks of one server. ``any_host``: the door in front of it is somebody else's."""

    def __init__(self, *, allow_origin: tuple[str, ...], any_host: bool) -> None:
        self._origins = frozenset(origin.rstrip("/").lower() for origin in allow_origin)
        self._any_host = any_host

    def check(self, headers: Headers, *, is_open: bool) -> None:
        """Let a request in, or not. With keys everyone may knock.

        Raises:
            Forbidden: ``host_not_allowed`` or ``origin_not_allowed``, of an open server.
        """
        if not is_open:
            return
        host = headers.get("host", "")
        if not self._any_host and not is_loopback(_name(host)):
            raise Forbidden("An open server answers to loopback names only.", code="host_not_allowed")
        origin = headers.get("origin")
        if origin is not None and not is_own_origin(origin, host) and not self.allows(origin):
            raise Forbidden("An open server answers its own pages only.", code="origin_not_allowed")

    def allows(self, origin: str) -> bool:
        """Whether pages of this origin may call the server."""
        return "*" in self._origins or origin.rstrip("/").lower() in self._origins

    def headers_for(self, origin: str | None, crossing: Crossing = OWN) -> Mapping[str, str]:
        """The CORS headers of any answer to a page of this origin."""
        if not self._origins:
            return {}
        if origin is None or not self.allows(origin):
            return {"Vary": "Origin"}
        said = "*" if "*" in self._origins else origin
        read = ", ".join(crossing.read)
        return {"Access-Control-Allow-Origin": said, "Access-Control-Expose-Headers": read, "Vary": "Origin"}

    def preflight(self, origin: str, crossing: Crossing = OWN) -> Mapping[str, str]:
        """The headers of an answer to a preflight request of this origin; without CORS headers the browser refuses."""
        if not self.allows(origin):
            return {"Vary": "Origin"}
        return {
            **self.headers_for(origin, crossing),
            "Access-Control-Allow-Methods": ", ".join(crossing.methods),
            "Access-Control-Allow-Headers": ", ".join(crossing.sent),
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        }
