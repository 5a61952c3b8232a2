"""API keys: making them, and telling who holds one.

A secret is ``pk_<prefix>_<43 characters>``: 256 random bits, so a fast keyed hash keeps them as well as a slow one would.
The store keeps HMAC-SHA256 under its own secret and never sees the key.

A browser that signed in with a key holds a token instead: ``ps_<expiry>_<hash>_<seal>``, hexadecimal, the hash being the one that
the store keeps and the seal an HMAC over it and the expiry. So nothing is stored for it, it can't be turned back into the key,
and it ends with the key: revoked or expired, both are.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from palaver.clock import Clock, SystemClock, from_micros
from palaver.errors import Forbidden, NotFound, Unauthenticated
from palaver.ids import is_id, new_id
from palaver.results import NewKey
from palaver.stores.base import Store
from palaver.stores.orders import KeyDraft
from palaver.tenant import ApiKey, Scope
from palaver.wire.keys import VISITOR_SECONDS, KeyCreate

_SHAPE = re.compile(r"pk_[0-9a-f]{8}_[A-Za-z0-9_-]{43}\Z")
_TOKEN = re.compile(r"ps_([0-9a-f]{1,16})_([0-9a-f]{64})_([0-9a-f]{64})\Z")
SIGNED_IN_SECONDS = 7 * 86_400
_TOUCH_EVERY_MICROS = 60_000_000
_TOUCHED_MAX = 10_000
_NOT_VALID = "This API key is not valid."


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A key, and the token of a browser that showed it once; ``seconds``: how long that is good."""

    key: ApiKey
    token: str
    seconds: int


class KeyRing:
    """The API keys of a store, of all its tenants. It checks no scope: its callers do."""

    def __init__(self, store: Store, secret: bytes, clock: Clock | None = None) -> None:
        self._store = store
        self._secret = secret
        self._clock = clock or SystemClock()
        self._touched: dict[str, int] = {}

    async def create(self, tenant_id: str, order: KeyCreate) -> NewKey:
        """Make a key of ``tenant_id``, whatever tenant the order names. The first key closes an open server.

        Raises:
            NotFound: A visitor's bot or entity is none of this tenant.
        """
        if order.scope is Scope.VISITOR:
            await self._check_visit(tenant_id, order.bot_id or "", order.entity_id or "")
        prefix = secrets.token_hex(4)
        secret = f"pk_{prefix}_{secrets.token_urlsafe(32)}"
        now = from_micros(self._clock.micros())
        lives = order.expires_in_seconds or (VISITOR_SECONDS if order.scope is Scope.VISITOR else None)
        key = ApiKey(
            id=new_id("key"),
            tenant_id=tenant_id,
            name=order.name or "",
            prefix=f"pk_{prefix}",
            scope=order.scope,
            bot_id=order.bot_id,
            entity_id=order.entity_id,
            created_at=now,
            expires_at=None if lives is None else now + timedelta(seconds=lives),
        )
        kept = await self._store.create_key(KeyDraft(key=key, digest=self._digest(secret)))
        return NewKey(key=kept, secret=secret)

    async def authenticate(self, secret: str) -> ApiKey:
        """Return the key that this is the secret of.

        Raises:
            Unauthenticated: It is malformed, unknown, revoked or expired; the answer does not say which.
        """
        if _SHAPE.match(secret) is None:
            raise Unauthenticated(_NOT_VALID)
        return await self._known(self._digest(secret))

    async def sign_in(self, secret: str) -> SignedIn:
        """Return a token for a browser that shows a key, good for a week at most.

        Raises:
            Unauthenticated: As ``authenticate``.
            Forbidden: It is a visitor's: that is for a widget, whose page is another's.
        """
        key = await self.authenticate(secret)
        if key.scope is Scope.VISITOR:
            raise Forbidden("A visitor's key opens the widget, not this page.")
        now = self._clock.micros()
        left = SIGNED_IN_SECONDS
        if key.expires_at is not None:
            left = min(left, int((key.expires_at - from_micros(now)).total_seconds()))
        told = f"{now + left * 1_000_000:x}_{self._digest(secret).hex()}"
        return SignedIn(key=key, token=f"ps_{told}_{self._seal(told)}", seconds=left)

    async def signed_in(self, token: str) -> ApiKey:
        """Return the key of a browser that signed in.

        Raises:
            Unauthenticated: The token is malformed, forged or too old, or its key was revoked or has expired.
        """
        found = _TOKEN.match(token)
        if found is None or not hmac.compare_digest(found[3], self._seal(f"{found[1]}_{found[2]}")):
            raise Unauthenticated(_NOT_VALID)
        if int(found[1], 16) <= self._clock.micros():
            raise Unauthenticated(_NOT_VALID)
        return await self._known(bytes.fromhex(found[2]))

    async def _known(self, digest: bytes) -> ApiKey:
        key = await self._store.find_key(digest)
        if key is None or key.revoked_at is not None:
            raise Unauthenticated(_NOT_VALID)
        now = self._clock.micros()
        if key.expires_at is not None and key.expires_at <= from_micros(now):
            raise Unauthenticated(_NOT_VALID)
        await self._touch(key.id, now)
        return key

    async def _check_visit(self, tenant_id: str, bot_id: str, entity_id: str) -> None:
        if not (is_id("bot", bot_id) and is_id("ent", entity_id)):
            raise NotFound
        await self._store.get_bot(tenant_id, bot_id)
        await self._store.get_entity(tenant_id, entity_id)

    async def _touch(self, key_id: str, now: int) -> None:
        if now - self._touched.get(key_id, 0) < _TOUCH_EVERY_MICROS:
            return
        if len(self._touched) >= _TOUCHED_MAX:
            self._touched.clear()
        self._touched[key_id] = now
        await self._store.touch_key(key_id)

    def _digest(self, secret: str) -> bytes:
        return hmac.digest(self._secret, b"api-key\0" + secret.encode(), hashlib.sha256)

    def _seal(self, told: str) -> str:
        return hmac.digest(self._secret, b"signed-in\0" + told.encode(), hashlib.sha256).hex()
