"""Routes for which Palaver has no place: each says so by name, and what to use instead."""

from __future__ import annotations

from starlette.responses import Response

from palaver.compat.base import SurfaceRoute
from palaver.errors import FeatureAbsent
from palaver.serving import Caller
from palaver.tenant import Scope


def refusing(method: str, path: str, instead: str) -> SurfaceRoute:
    """Return a route that refuses, to whoever was let in; ``instead`` is the sentence that they read."""

    async def run(_caller: Caller) -> Response:
        raise FeatureAbsent(instead)

    return SurfaceRoute(method=method, path=path, run=run, scope=Scope.READ)


_PASSWORDS = "Palaver has no passwords and no users: clients show an API key."
_CHUNKS = "Chunks belong to their document: delete, restore or replace that."

ROUTES = (
    *(refusing("POST", f"/v1/auth/{each}", _PASSWORDS) for each in ("login", "register", "refresh", "logout", "user")),
    refusing("GET", "/v1/auth/user/me", _PASSWORDS),
    refusing("POST", "/v1/search/database", "Palaver connects to no databases: add what they hold as documents."),
    refusing("GET", "/v1/document/chunk/deleted", _CHUNKS),
    refusing("DELETE", "/v1/document/chunk/{id}", _CHUNKS),
    refusing("PATCH", "/v1/document/chunk/{id}/restore", _CHUNKS),
    refusing("DELETE", "/v1/document/{id}/chunk", _CHUNKS),
    refusing("PATCH", "/v1/document/{id}/chunk/restore-all", _CHUNKS),
    refusing("DELETE", "/v1/chunks/{id}", _CHUNKS),
    refusing("PATCH", "/v1/chunks/{id}/restore", _CHUNKS),
)
