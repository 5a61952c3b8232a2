"""Entities: found by their external id, made once, forgotten for good."""

from __future__ import annotations

from functools import partial

from palaver.clock import from_micros
from palaver.entity import Entity
from palaver.errors import NameTaken, NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.changes import changed_entity, check_version, new_entity
from palaver.stores.keyset import by_key
from palaver.stores.orders import EntityChange, EntityDraft, Made, Once
from palaver.stores.rows import entity_columns, entity_of
from palaver.stores.scan import Scan
from palaver.stores.sqlite.access import Access
from palaver.stores.sqlite.once import made_before, note_made
from palaver.stores.sqlite.residue import note_residue
from palaver.stores.sqlite.transaction import Transaction


class SqliteEntities(Access):
    """The entities of ``stores.base.BotRows``"""

    async def create_entity(self, tenant_id: str, draft: EntityDraft, once: Once | None = None) -> Made[Entity]:
        return await self._write(partial(_create, tenant_id=tenant_id, draft=draft, once=once))

    async def get_entity(self, tenant_id: str, entity_id: str) -> Entity:
        return await self._read(lambda tx: entity_with_key(tx, tenant_id, entity_id)[0])

    async def page_entities(self, tenant_id: str, window: Window) -> Slice[Entity]:
        return await self._read(partial(_page, tenant_id=tenant_id, window=window))

    async def update_entity(
        self, tenant_id: str, entity_id: str, change: EntityChange, *, if_version: int | None = None
    ) -> Entity:
        return await self._write(lambda tx: _update(tx, tenant_id, entity_id, change, if_version))

    async def delete_entity(self, tenant_id: str, entity_id: str, *, if_version: int | None = None) -> None:
        await self._write(lambda tx: _delete(tx, tenant_id, entity_id, if_version))


def entity_with_key(tx: Transaction, tenant_id: str, entity_id: str) -> tuple[Entity, int]:
    """Return an entity and its integer key, or raise ``NotFound``."""
    row = tx.row("entity", id=entity_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    return entity_of(row[:-1]), row[-1]


def insert_entity(tx: Transaction, tenant_id: str, draft: EntityDraft) -> int:
    """Keep a new entity and return its integer key."""
    entity = new_entity(draft, from_micros(tx.now))
    return tx.insert("insert_entity", tenant_id=tenant_id, **entity_columns(entity))


def _refuse_taken(tx: Transaction, tenant_id: str, entity: Entity | EntityDraft) -> None:
    if entity.external_id is None:
        return
    taken = tx.row("entity_by_external_id", tenant_id=tenant_id, type=entity.type.value, external_id=entity.external_id)
    if taken is not None and taken[0] != entity.id:
        raise NameTaken("An entity of this type has that external id already.")


def _create(tx: Transaction, tenant_id: str, draft: EntityDraft, once: Once | None) -> Made[Entity]:
    known = made_before(tx, tenant_id, "entity", once)
    if known is not None:
        return Made(value=entity_with_key(tx, tenant_id, known)[0], replayed=True)
    _refuse_taken(tx, tenant_id, draft)
    insert_entity(tx, tenant_id, draft)
    note_made(tx, tenant_id, "entity", once, draft.id)
    return Made(value=entity_with_key(tx, tenant_id, draft.id)[0])


def _page(tx: Transaction, tenant_id: str, window: Window) -> Slice[Entity]:
    scan = Scan.over(window, Order.DESC)
    where, order, start = by_key(scan, "e.n")
    columns = tx.queries["entity_columns"]
    rows = tx.select(
        f"SELECT {columns}, e.n FROM entities e WHERE e.tenant_id = :tenant_id AND {where} ORDER BY {order} LIMIT :limit",  # noqa: S608 - constants
        {"start": start, "tenant_id": tenant_id, "limit": scan.rows},
    )
    return scan.slice(rows, lambda row: entity_of(row[:-1]), lambda row: (row[-1],))


def _update(tx: Transaction, tenant_id: str, entity_id: str, change: EntityChange, if_version: int | None) -> Entity:
    entity, _ = entity_with_key(tx, tenant_id, entity_id)
    check_version("entity", entity.version, if_version)
    changed = changed_entity(entity, change, from_micros(tx.now))
    _refuse_taken(tx, tenant_id, changed)
    tx.run("update_entity", **entity_columns(changed))
    return changed


def _delete(tx: Transaction, tenant_id: str, entity_id: str, if_version: int | None) -> None:
    entity, n = entity_with_key(tx, tenant_id, entity_id)
    check_version("entity", entity.version, if_version)
    tx.run("forget_entity", n=n)
    tx.run("forget_entity_in_deleted", n=n)
    tx.run("delete_once_of", id=entity_id)
    tx.run("delete_entity", n=n)
    note_residue(tx)
