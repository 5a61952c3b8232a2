"""API keys: making them, and telling who holds one.

A secret is ``pk_<prefix>_<43 characters>``: 256 random bits, so a fast keyed hash keeps them as well as a slow one would.
The store keeps HMAC-SHA256 under its own secret and never sees the key.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import timedelta

from palaver.clock import Clock, SystemClock, from_micros
from palaver.errors import NotFound, Unauthenticated
from palaver.ids import is_id, new_id
from palaver.stores.base import Store
from palaver.stores.orders import KeyDraft
from palaver.surface import NewKey
from palaver.tenant import ApiKey, Scope
from palaver.wire.keys import VISITOR_SECONDS, KeyCreate

_SHAPE = re.compile(r"pk_[0-9a-f]{8}_[A-Za-z0-9_-]{43}\Z")
_TOUCH_EVERY_MICROS = 60_000_000
_TOUCHED_MAX = 10_000


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
        refused = Unauthenticated("This API key is not valid.")
        if _SHAPE.match(secret) is None:
            raise refused
        key = await self._store.find_key(self._digest(secret))
        if key is None or key.revoked_at is not None:
            raise refused
        now = self._clock.micros()
        if key.expires_at is not None and key.expires_at <= from_micros(now):
            raise refused
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
