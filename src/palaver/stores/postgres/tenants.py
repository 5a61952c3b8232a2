"""Tenants and their keys."""

from __future__ import annotations

from functools import partial

from palaver.clock import to_micros
from palaver.errors import NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.keyset import by_key
from palaver.stores.orders import KeyDraft
from palaver.stores.postgres.access import Access
from palaver.stores.postgres.session import Session
from palaver.stores.rows import key_of, tenant_of
from palaver.stores.scan import Scan
from palaver.tenant import ApiKey, Tenant


class PostgresTenants(Access):
    """``stores.tenants.TenantRows``"""

    async def ensure_tenant(self, tenant_id: str) -> Tenant:
        row = await self._read(lambda db: db.row("tenant", id=tenant_id))
        return tenant_of(row) if row else await self._write(partial(_ensure, tenant_id=tenant_id))

    async def page_tenants(self, window: Window) -> Slice[Tenant]:
        return await self._read(partial(_page_tenants, window=window))

    async def create_key(self, draft: KeyDraft) -> ApiKey:
        return await self._write(partial(_create_key, draft=draft))

    async def any_key_ever(self) -> bool:
        row = await self._read(lambda db: db.row("any_key"))
        return bool(row and row[0])

    async def find_key(self, digest: bytes) -> ApiKey | None:
        row = await self._read(lambda db: db.row("key_by_digest", digest=digest))
        return key_of(row) if row else None

    async def touch_key(self, key_id: str) -> None:
        await self._step(lambda db: db.run("touch_key", id=key_id, now=db.now))

    async def page_keys(self, tenant_id: str | None, window: Window) -> Slice[ApiKey]:
        return await self._read(partial(_page_keys, tenant_id=tenant_id, window=window))

    async def revoke_key(self, tenant_id: str | None, key_id: str) -> ApiKey:
        row = await self._step(lambda db: db.row("revoke_key", id=key_id, tenant_id=tenant_id, now=db.now))
        if row is None:
            raise NotFound
        return key_of(row)


async def _ensure(db: Session, tenant_id: str) -> Tenant:
    await db.run("insert_tenant", id=tenant_id, now=db.now)
    row = await db.row("tenant", id=tenant_id)
    if row is None:
        raise NotFound
    return tenant_of(row)


async def _page_tenants(db: Session, window: Window) -> Slice[Tenant]:
    scan = Scan.over(window, Order.ASC)
    sign, direction = (">", "ASC") if scan.ascending else ("<", "DESC")
    where = f"WHERE id {sign} :start" if scan.start else ""
    rows = await db.select(
        f"SELECT id, created_at FROM tenants {where} ORDER BY id {direction} LIMIT :limit",  # noqa: S608 - constants
        {"start": scan.start[0] if scan.start else None, "limit": scan.rows},
    )
    return scan.slice(rows, tenant_of, lambda row: (row[0],))


async def _create_key(db: Session, draft: KeyDraft) -> ApiKey:
    key = draft.key
    await _ensure(db, key.tenant_id)
    await db.run(
        "insert_key",
        id=key.id,
        tenant_id=key.tenant_id,
        name=key.name,
        prefix=key.prefix,
        digest=draft.digest,
        scope=key.scope.value,
        bot_id=key.bot_id,
        entity_id=key.entity_id,
        created_at=to_micros(key.created_at),
        expires_at=None if key.expires_at is None else to_micros(key.expires_at),
    )
    return key


async def _page_keys(db: Session, tenant_id: str | None, window: Window) -> Slice[ApiKey]:
    scan = Scan.over(window, Order.DESC)
    where, order, start = by_key(scan, "k.n")
    if tenant_id is not None:
        where += " AND k.tenant_id = :tenant_id"
    columns = db.queries["key_columns"]
    rows = await db.select(
        f"SELECT {columns}, k.n FROM api_keys k WHERE {where} ORDER BY {order} LIMIT :limit",  # noqa: S608 - constants
        {"start": start, "tenant_id": tenant_id, "limit": scan.rows},
    )
    return scan.slice(rows, lambda row: key_of(row[:-1]), lambda row: (row[-1],))
