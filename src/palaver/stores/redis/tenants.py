"""Tenants and their keys."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from palaver.clock import to_micros
from palaver.errors import NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.orders import KeyDraft
from palaver.stores.redis.access import Access
from palaver.stores.redis.claims import find_claim, take
from palaver.stores.redis.indexes import mapped, page
from palaver.stores.redis.places import take_place
from palaver.stores.redis.server import Command
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredKey
from palaver.stores.redis.values import api_key
from palaver.stores.rows import tenant_of
from palaver.stores.scan import Scan
from palaver.tenant import ApiKey, Tenant

_TENANTS = "tenants"
_CLOSED = "closed"


class RedisTenants(Access):
    """``stores.tenants.TenantRows``"""

    async def ensure_tenant(self, tenant_id: str) -> Tenant:
        return await self._run(partial(ensure_tenant, tenant_id=tenant_id))

    async def page_tenants(self, window: Window) -> Slice[Tenant]:
        return await self._run(partial(_page_tenants, window=window))

    async def create_key(self, draft: KeyDraft) -> ApiKey:
        return await self._run(partial(_create_key, draft=draft))

    async def any_key_ever(self) -> bool:
        (closed,) = await self._run(lambda db: db.ask(("EXISTS", db.keys.named(_CLOSED))))
        return bool(closed)

    async def find_key(self, digest: bytes) -> ApiKey | None:
        return await self._run(partial(_find_key, digest=digest))

    async def touch_key(self, key_id: str) -> None:
        await self._run(partial(_touch, key_id=key_id))

    async def page_keys(self, tenant_id: str | None, window: Window) -> Slice[ApiKey]:
        return await self._run(partial(_page_keys, tenant_id=tenant_id, window=window))

    async def revoke_key(self, tenant_id: str | None, key_id: str) -> ApiKey:
        return await self._run(partial(_revoke, tenant_id=tenant_id, key_id=key_id))


async def ensure_tenant(db: Session, tenant_id: str) -> Tenant:
    """``TenantRows.ensure_tenant``"""
    times = db.keys.named("tenants.made")
    (made_at,) = await db.ask(("HGET", times, tenant_id))
    if made_at is None:  # a name without a time is not listed yet
        await db.ask(("ZADD", db.keys.named(_TENANTS), 0, tenant_id), ("HSETNX", times, tenant_id, db.now))
        (made_at,) = await db.ask(("HGET", times, tenant_id))
    return tenant_of((tenant_id, int(made_at)))


async def put_tenant(db: Session, tenant: Tenant) -> None:
    """Keep a tenant as it was elsewhere."""
    await ensure_tenant(db, tenant.id)
    await db.ask(("HSET", db.keys.named("tenants.made"), tenant.id, to_micros(tenant.created_at)))


async def _page_tenants(db: Session, window: Window) -> Slice[Tenant]:
    scan = Scan.over(window, Order.ASC)
    start = None if scan.start is None else f"({scan.start[0]}"
    names = db.keys.named(_TENANTS)
    if scan.ascending:
        look: Command = ("ZRANGEBYLEX", names, start or "-", "+", "LIMIT", 0, scan.rows)
    else:
        look = ("ZREVRANGEBYLEX", names, start or "+", "-", "LIMIT", 0, scan.rows)
    (ids,) = await db.ask(look)
    times = (await db.ask(("HMGET", db.keys.named("tenants.made"), *ids)))[0] if ids else []
    rows = [(each.decode(), int(at)) for each, at in zip(ids, times, strict=True) if at is not None]
    return scan.slice(rows, tenant_of, lambda row: (row[0],))


async def _create_key(db: Session, draft: KeyDraft) -> ApiKey:
    key = draft.key
    await ensure_tenant(db, key.tenant_id)
    kept = StoredKey(
        tenant_id=key.tenant_id,
        id=key.id,
        n=await take_place(db, StoredKey),
        name=key.name,
        prefix=key.prefix,
        digest=draft.digest.hex(),
        scope=key.scope.value,
        bot_id=key.bot_id,
        entity_id=key.entity_id,
        created_at=to_micros(key.created_at),
        expires_at=None if key.expires_at is None else to_micros(key.expires_at),
    )
    await put_key(db, kept)
    return api_key(kept)


async def put_key(db: Session, key: StoredKey) -> None:
    """Keep a new key as part of the step."""
    await db.ask(("SET", db.keys.named(_CLOSED), 1))  # before there is a key: a store is never open that has one
    take(db, digest_name(key.digest), key.id, None)
    db.put(key)


def digest_name(digest: str) -> str:
    """The name of the claim of a secret's hash."""
    return f"digest:{digest}"


async def _find_key(db: Session, digest: bytes) -> ApiKey | None:
    claim = await find_claim(db, digest_name(digest.hex()))
    kept = None if claim is None else await db.find(StoredKey, claim.owner_id)
    return None if kept is None else api_key(kept)


async def _touch(db: Session, key_id: str) -> None:
    kept = await db.find(StoredKey, key_id)
    if kept is not None:
        db.put(replace(kept, last_used_at=db.now))


async def _page_keys(db: Session, tenant_id: str | None, window: Window) -> Slice[ApiKey]:
    index = "keys" if tenant_id is None else f"keys:{tenant_id}"
    found = await page(db, StoredKey, index, window, Order.DESC)
    return mapped(found, api_key)


async def _revoke(db: Session, tenant_id: str | None, key_id: str) -> ApiKey:
    kept = await db.find(StoredKey, key_id)
    if kept is None or tenant_id not in (None, kept.tenant_id):
        raise NotFound
    if kept.revoked_at is None:
        kept = replace(kept, revoked_at=db.now)
        db.put(kept)
    return api_key(kept)
