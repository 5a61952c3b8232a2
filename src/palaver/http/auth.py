"""Who is calling: an API key's tenant and scope, or anyone while no key was ever made.

``Authorization: Bearer`` and ``X-API-Key`` are taken, and the cookie of the page (``cookies.py``). In open mode keys are not looked
at. A visitor's token always is: whoever shows one is that visitor, and no more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers

from palaver.errors import Forbidden, StoreUnavailable, Unauthenticated
from palaver.keys import KeyRing
from palaver.stores.base import Store
from palaver.tenant import DEFAULT_TENANT, Scope
from palaver.visitors import BEGIN, Visit, Visitors

OPEN_LOOK_SECONDS = 1.0

_RANK = {Scope.VISITOR: 0, Scope.READ: 1, Scope.WRITE: 2, Scope.ADMIN: 3, Scope.OPERATOR: 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a caller may do. A visitor has one bot and one entity; ``key_id`` is None in open mode, and where a visitor shows a token
    and no key: then there is a ``visit``."""

    tenant_id: str
    scope: Scope
    key_id: str | None = None
    bot_id: str | None = None
    entity_id: str | None = None
    visit: Visit | None = None

    @property
    def is_visitor(self) -> bool:
        """Whether it is bound to its bot and entity."""
        return self.scope is Scope.VISITOR

    @property
    def is_operator(self) -> bool:
        """Whether it reaches the keys and turns of all tenants. Open mode does not: it is ``default`` alone."""
        return self.scope is Scope.OPERATOR and self.key_id is not None

    def includes(self, scope: Scope) -> bool:
        """Whether it may do what ``scope`` may, in its own tenant."""
        return _RANK[self.scope] >= _RANK[scope]

    def require(self, scope: Scope) -> None:
        """Raise ``Forbidden`` unless it includes ``scope``."""
        if not self.includes(scope):
            raise Forbidden(f"This needs a key with the scope {scope}.", needed=scope.value)


OPEN_ACCESS = Access(tenant_id=DEFAULT_TENANT, scope=Scope.OPERATOR)
"""Everyone, while the server is open: the operator is whoever sits at the machine."""


def secret_of(headers: Headers) -> str:
    """Return the API key that a request shows.

    Raises:
        Unauthenticated: There is none, or it is malformed.
    """
    authorization = headers.get("authorization")
    if authorization is None:
        secret = headers.get("x-api-key", "").strip()
        if not secret:
            raise Unauthenticated("An API key is needed: Authorization: Bearer <key>, or X-API-Key.")
        return secret
    scheme, _, secret = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("Authorization is: Bearer <key>.")
    return secret.strip()


def _shown(headers: Headers, secret_of: Callable[[Headers], str]) -> str:
    try:
        return secret_of(headers)
    except Unauthenticated:
        return ""


def _visiting(visit: Visit) -> Access:
    return Access(
        tenant_id=visit.tenant_id, scope=Scope.VISITOR, bot_id=visit.bot_id, entity_id=visit.entity_id, visit=visit
    )


class Gate:
    """Tells who is calling."""

    def __init__(self, store: Store, keys: KeyRing, visitors: Visitors) -> None:
        self._store = store
        self._keys = keys
        self._visitors = visitors
        self._closed = False
        self._looked_at: float | None = None

    async def is_open(self) -> bool:
        """Whether no key was ever made.

        Another process may make the first one: the store is asked again at most each second. Once closed, for good.
        """
        if self._closed:
            return False
        now = time.monotonic()
        if self._looked_at is None or now - self._looked_at >= OPEN_LOOK_SECONDS:
            try:
                self._closed = await self._store.any_key_ever()
            except StoreUnavailable:
                if self._looked_at is None:
                    raise
            else:
                self._looked_at = now
        return not self._closed

    def key_made(self) -> None:
        """A key was made here: the server is closed from this request on."""
        self._closed = True

    async def admit(
        self, headers: Headers, secret_of: Callable[[Headers], str] = secret_of, *, token: str | None = None
    ) -> Access:
        """Return what the caller may do. ``secret_of`` reads the key from where this surface's clients put it.

        ``token`` is that of a browser that signed in, in the place of a key.

        Raises:
            Unauthenticated: The server is closed and the credentials are none, malformed, unknown, revoked or expired; or a
                visitor's token is no good.
        """
        shown = _shown(headers, secret_of)
        if shown.startswith(BEGIN):
            return _visiting(await self._visitors.admit(shown))
        if await self.is_open():
            return OPEN_ACCESS
        key = await (self._keys.authenticate(secret_of(headers)) if token is None else self._keys.signed_in(token))
        return Access(
            tenant_id=key.tenant_id, scope=key.scope, key_id=key.id, bot_id=key.bot_id, entity_id=key.entity_id
        )
