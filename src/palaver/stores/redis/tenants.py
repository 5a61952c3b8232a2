"""Tenants and their keys."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from palaver.clock import from_micros
from palaver.errors import Conflict, NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.orders import KeyDraft
from palaver.stores.record_columns import key_record_columns
from palaver.stores.records import KeyRecord
from palaver.stores.redis.access import Access
from palaver.stores.redis.kept import dump, names_in
from palaver.stores.redis.keys import Keys
from palaver.stores.redis.session import Session, answer
from palaver.stores.redis.walks import id_in, position_in, stretch
from palaver.stores.rows import key_of
from palaver.stores.scan import Scan
from palaver.tenant import ApiKey, Tenant

_KEY = names_in("id tenant_id name prefix scope bot_id entity_id created_at expires_at last_used_at revoked_at")


class RedisTenants(Access):
    """``stores.base.TenantRows``"""

    async def ensure_tenant(self, tenant_id: str) -> Tenant:
        return await self._write(partial(ensure_tenant, tenant_id=tenant_id), "tenants")

    async def page_tenants(self, window: Window) -> Slice[Tenant]:
        return await self._read(partial(_page_tenants, window=window))

    async def create_key(self, draft: KeyDraft) -> ApiKey:
        return await self._write(partial(_create_key, draft=draft), "keys")

    async def any_key_ever(self) -> bool:
        there: int = await self._read(lambda db: db.one(answer("EXISTS", self._keys.all("closed"))))
        return there == 1

    async def find_key(self, digest: bytes) -> ApiKey | None:
        raw = await self._read(lambda db: db.one(answer("HGET", self._keys.all("api-keys"), digest.hex())))
        return None if raw is None else key_record_of(raw).key

    async def touch_key(self, key_id: str) -> None:
        await self._write(partial(_stamp, tenant_id=None, key_id=key_id, column="last_used_at"), key_id)

    async def page_keys(self, tenant_id: str | None, window: Window) -> Slice[ApiKey]:
        return await self._read(partial(_page_keys, tenant_id=tenant_id, window=window))

    async def revoke_key(self, tenant_id: str | None, key_id: str) -> ApiKey:
        operation = partial(_stamp, tenant_id=tenant_id, key_id=key_id, column="revoked_at")
        key = await self._write(operation, key_id)
        if key is None:
            raise NotFound
        return key


def listed_keys(keys: Keys, tenant_id: str | None) -> str:
    """Return the list of a tenant's keys, or of all."""
    return keys.all("keys" if tenant_id is None else f"keys/{tenant_id}")


async def ensure_tenant(db: Session, tenant_id: str) -> Tenant:
    """``TenantRows.ensure_tenant``"""
    table = db.keys.all("tenants")
    created_at = await db.one(answer("HGET", table, tenant_id))
    if created_at is None:
        db.check("", "HGET", table, tenant_id)
        db.do("HSET", table, tenant_id, db.now)
        db.do("ZADD", db.keys.all("tenant-names"), 0, tenant_id)
    return Tenant(id=tenant_id, created_at=from_micros(db.now if created_at is None else int(created_at)))


async def _page_tenants(db: Session, window: Window) -> Slice[Tenant]:
    scan = Scan.over(window, Order.ASC)
    low, high = ("+", "-") if not scan.ascending else ("-", "+")
    start = low if scan.start is None else f"({scan.start[0]}"
    order = () if scan.ascending else ("REV",)
    names = await db.one(
        answer("ZRANGE", db.keys.all("tenant-names"), start, high, "BYLEX", *order, "LIMIT", 0, scan.rows)
    )
    times = await db.read(*(answer("HGET", db.keys.all("tenants"), name) for name in names))
    tenants = [
        Tenant(id=name.decode(), created_at=from_micros(int(time))) for name, time in zip(names, times, strict=True)
    ]
    return scan.slice([(tenant,) for tenant in tenants], lambda row: row[0], lambda row: (row[0].id,))


async def _create_key(db: Session, draft: KeyDraft) -> ApiKey:
    await ensure_tenant(db, draft.key.tenant_id)
    await put_key(db, KeyRecord(key=draft.key, digest=draft.digest, place=0), db.place("keys"))
    return draft.key


async def put_key(db: Session, record: KeyRecord, place: str) -> None:
    """Keep a key.

    Raises:
        Conflict: Its id or its secret is another's.
    """
    keys, key, digest = db.keys, record.key, record.digest.hex()
    known = await db.read(answer("HGET", keys.all("api-keys"), digest), answer("HGET", keys.all("api-key-ids"), key.id))
    if known != [None, None]:
        raise Conflict("A key with this id or this secret exists already.")
    db.check("", "HGET", keys.all("api-key-ids"), key.id)
    columns = {**key_record_columns(record), "digest": digest, "tenant_id": key.tenant_id}
    del columns["n"]
    db.do("HSET", keys.all("api-keys"), digest, dump(columns, place))
    db.do("HSET", keys.all("api-key-ids"), key.id, digest)
    db.do("SET", keys.all("closed"), 1)
    for tenant_id in (None, key.tenant_id):
        db.do("ZADD", listed_keys(keys, tenant_id), 0, f"{place} {key.id}")


def key_record_of(raw: bytes) -> KeyRecord:
    """Read a row."""
    row: dict[str, Any] = json.loads(raw)
    key = key_of([row.get(name) for name in _KEY])
    return KeyRecord(key=key, digest=bytes.fromhex(row["digest"]), place=int(row["n"]))


async def _stamp(db: Session, *, tenant_id: str | None, key_id: str, column: str) -> ApiKey | None:
    """Note when a key was used or, once, revoked."""
    digest = await db.one(answer("HGET", db.keys.all("api-key-ids"), key_id))
    raw = None if digest is None else await db.one(answer("HGET", db.keys.all("api-keys"), digest))
    record = None if raw is None else key_record_of(raw)
    if raw is None or record is None or tenant_id not in (None, record.key.tenant_id):
        return None
    row: dict[str, Any] = json.loads(raw)
    if column == "last_used_at" or row.get(column) is None:
        row[column] = db.now
        db.check(raw.decode(), "HGET", db.keys.all("api-keys"), digest)
        db.do("HSET", db.keys.all("api-keys"), digest, dump(row))
    return key_of([row.get(name) for name in _KEY])


async def key_records(db: Session, members: list[str]) -> list[KeyRecord]:
    """Return the keys that members of a list stand for."""
    digests = await db.read(*(answer("HGET", db.keys.all("api-key-ids"), id_in(member)) for member in members))
    raws = await db.read(*(answer("HGET", db.keys.all("api-keys"), digest) for digest in digests))
    return [key_record_of(raw) for raw in raws]


async def _page_keys(db: Session, tenant_id: str | None, window: Window) -> Slice[ApiKey]:
    scan = Scan.over(window, Order.DESC)
    found = await db.one(answer(*stretch(listed_keys(db.keys, tenant_id), scan, scan.rows)))
    members = [member.decode() for member in found]
    rows = list(zip(await key_records(db, members), members, strict=True))
    return scan.slice(rows, lambda row: row[0].key, lambda row: position_in(row[1]))
