"""Tenants and their keys."""

from __future__ import annotations

from functools import partial

from palaver.clock import to_micros
from palaver.errors import NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.keyset import by_key
from palaver.stores.orders import KeyDraft
from palaver.stores.rows import key_of, tenant_of
from palaver.stores.scan import Scan
from palaver.stores.sqlite.access import Access
from palaver.stores.sqlite.transaction import Transaction
from palaver.tenant import ApiKey, Tenant


class SqliteTenants(Access):
    """``stores.tenants.TenantRows``"""

    async def ensure_tenant(self, tenant_id: str) -> Tenant:
        row = await self._read(lambda tx: tx.row("tenant", id=tenant_id))
        return tenant_of(row) if row else await self._write(partial(_ensure, tenant_id=tenant_id))

    async def page_tenants(self, window: Window) -> Slice[Tenant]:
        return await self._read(partial(_page_tenants, window=window))

    async def create_key(self, draft: KeyDraft) -> ApiKey:
        return await self._write(partial(_create_key, draft=draft))

    async def any_key_ever(self) -> bool:
        row = await self._read(lambda tx: tx.row("any_key"))
        return bool(row and row[0])

    async def find_key(self, digest: bytes) -> ApiKey | None:
        row = await self._read(lambda tx: tx.row("key_by_digest", digest=digest))
        return key_of(row) if row else None

    async def touch_key(self, key_id: str) -> None:
        await self._write(lambda tx: tx.run("touch_key", id=key_id, now=tx.now), cheap=True)

    async def page_keys(self, tenant_id: str | None, window: Window) -> Slice[ApiKey]:
        return await self._read(partial(_page_keys, tenant_id=tenant_id, window=window))

    async def revoke_key(self, tenant_id: str | None, key_id: str) -> ApiKey:
        return await self._write(partial(_revoke, tenant_id=tenant_id, key_id=key_id))


def _ensure(tx: Transaction, tenant_id: str) -> Tenant:
    tx.run("insert_tenant", id=tenant_id, now=tx.now)
    row = tx.row("tenant", id=tenant_id)
    if row is None:
        raise NotFound
    return tenant_of(row)


def _page_tenants(tx: Transaction, window: Window) -> Slice[Tenant]:
    scan = Scan.over(window, Order.ASC)
    sign, direction = (">", "ASC") if scan.ascending else ("<", "DESC")
    where = f"WHERE id {sign} :start" if scan.start else ""
    rows = tx.select(
        f"SELECT id, created_at FROM tenants {where} ORDER BY id {direction} LIMIT :limit",  # noqa: S608 - constants
        {"start": scan.start[0] if scan.start else None, "limit": scan.rows},
    )
    return scan.slice(rows, tenant_of, lambda row: (row[0],))


def _create_key(tx: Transaction, draft: KeyDraft) -> ApiKey:
    key = draft.key
    _ensure(tx, key.tenant_id)
    tx.insert(
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


def _page_keys(tx: Transaction, tenant_id: str | None, window: Window) -> Slice[ApiKey]:
    scan = Scan.over(window, Order.DESC)
    where, order, start = by_key(scan, "k.n")
    if tenant_id is not None:
        where += " AND k.tenant_id = :tenant_id"
    columns = tx.queries["key_columns"]
    rows = tx.select(
        f"SELECT {columns}, k.n FROM api_keys k WHERE {where} ORDER BY {order} LIMIT :limit",  # noqa: S608 - constants
        {"start": start, "tenant_id": tenant_id, "limit": scan.rows},
    )
    return scan.slice(rows, lambda row: key_of(row[:-1]), lambda row: (row[-1],))


def _revoke(tx: Transaction, tenant_id: str | None, key_id: str) -> ApiKey:
    row = tx.row("key", id=key_id)
    if row is None or tenant_id not in (None, row[1]):
        raise NotFound
    tx.run("revoke_key", id=key_id, now=tx.now)
    return key_of(tx.row("key", id=key_id) or row)
