"""Entities: found by their external id, made once, forgotten for good.

A conversation whose entity was forgotten still has its id, which names nothing any more: it has no entity.
"""

from __future__ import annotations

from functools import partial

from palaver.clock import from_micros
from palaver.entity import Entity
from palaver.errors import NameTaken, NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.changes import changed_entity, check_version, new_entity
from palaver.stores.keyset import by_key
from palaver.stores.orders import EntityChange, EntityDraft, Made, Once
from palaver.stores.postgres.access import Access
from palaver.stores.postgres.once import made_before
from palaver.stores.postgres.session import Session
from palaver.stores.rows import entity_columns, entity_of
from palaver.stores.scan import Scan


class PostgresEntities(Access):
    """The entities of ``stores.base.BotRows``"""

    async def create_entity(self, tenant_id: str, draft: EntityDraft, once: Once | None = None) -> Made[Entity]:
        return await self._write(partial(_create, tenant_id=tenant_id, draft=draft, once=once))

    async def get_entity(self, tenant_id: str, entity_id: str) -> Entity:
        return await self._read(partial(_get, tenant_id=tenant_id, entity_id=entity_id))

    async def page_entities(self, tenant_id: str, window: Window) -> Slice[Entity]:
        return await self._read(partial(_page, tenant_id=tenant_id, window=window))

    async def update_entity(
        self, tenant_id: str, entity_id: str, change: EntityChange, *, if_version: int | None = None
    ) -> Entity:
        return await self._write(lambda db: _update(db, tenant_id, entity_id, change, if_version))

    async def delete_entity(self, tenant_id: str, entity_id: str, *, if_version: int | None = None) -> None:
        await self._write(lambda db: _delete(db, tenant_id, entity_id, if_version))


async def _get(db: Session, tenant_id: str, entity_id: str, *, to_change: bool = False) -> Entity:
    row = await db.row("entity_to_change" if to_change else "entity", id=entity_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    return entity_of(row[:-1])


async def entity_id_of(db: Session, tenant_id: str, entity: str | EntityDraft | None) -> str | None:
    """Return the id of the entity that a draft of a conversation names, found by its external id or made."""
    if entity is None:
        return None
    if isinstance(entity, str):
        return (await _get(db, tenant_id, entity)).id
    if entity.external_id is not None:
        known = await _by_external_id(db, tenant_id, entity)
        if known is not None:
            return known
    await _insert(db, tenant_id, entity)
    return entity.id


async def _by_external_id(db: Session, tenant_id: str, entity: Entity | EntityDraft) -> str | None:
    row = await db.row(
        "entity_by_external_id", tenant_id=tenant_id, type=entity.type.value, external_id=entity.external_id
    )
    return None if row is None else str(row[0])


async def _insert(db: Session, tenant_id: str, draft: EntityDraft) -> None:
    columns = entity_columns(new_entity(draft, from_micros(db.now)))
    await db.run("insert_entity", tenant_id=tenant_id, **columns)


async def _refuse_taken(db: Session, tenant_id: str, entity: Entity | EntityDraft) -> None:
    if entity.external_id is None:
        return
    taken = await _by_external_id(db, tenant_id, entity)
    if taken not in (None, entity.id):
        raise NameTaken("An entity of this type has that external id already.")


async def _create(db: Session, tenant_id: str, draft: EntityDraft, once: Once | None) -> Made[Entity]:
    known = await made_before(db, tenant_id, "entity", once, draft.id)
    if known is not None:
        return Made(value=await _get(db, tenant_id, known), replayed=True)
    await _refuse_taken(db, tenant_id, draft)
    await _insert(db, tenant_id, draft)
    return Made(value=await _get(db, tenant_id, draft.id))


async def _page(db: Session, tenant_id: str, window: Window) -> Slice[Entity]:
    scan = Scan.over(window, Order.DESC)
    where, order, start = by_key(scan, "e.n")
    columns = db.queries["entity_columns"]
    rows = await db.select(
        f"SELECT {columns}, e.n FROM entities e WHERE e.tenant_id = :tenant_id AND {where} ORDER BY {order} LIMIT :limit",  # noqa: S608 - constants
        {"start": start, "tenant_id": tenant_id, "limit": scan.rows},
    )
    return scan.slice(rows, lambda row: entity_of(row[:-1]), lambda row: (row[-1],))


async def _update(db: Session, tenant_id: str, entity_id: str, change: EntityChange, if_version: int | None) -> Entity:
    entity = await _get(db, tenant_id, entity_id, to_change=True)
    check_version("entity", entity.version, if_version)
    changed = changed_entity(entity, change, from_micros(db.now))
    await _refuse_taken(db, tenant_id, changed)
    await db.run("update_entity", tenant_id=tenant_id, **entity_columns(changed))
    return changed


async def _delete(db: Session, tenant_id: str, entity_id: str, if_version: int | None) -> None:
    entity = await _get(db, tenant_id, entity_id, to_change=True)
    check_version("entity", entity.version, if_version)
    await db.run("delete_once_of", tenant_id=tenant_id, id=entity_id)
    await db.run("delete_entity", tenant_id=tenant_id, id=entity_id)
