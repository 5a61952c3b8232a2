"""Entities: found by their external id, made once, forgotten for good.

A conversation whose entity was forgotten still has its id, which names nothing any more: it has no entity.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from palaver.clock import from_micros
from palaver.entity import Entity
from palaver.errors import Conflict, NameTaken, NotFound
from palaver.page import Order, Slice, Window
from palaver.stores.changes import changed_entity, check_version, new_entity
from palaver.stores.orders import EntityChange, EntityDraft, Made, Once
from palaver.stores.redis.access import Access
from palaver.stores.redis.kept import KeptEntity
from palaver.stores.redis.once import claim, claim_of, release
from palaver.stores.redis.session import Session, answer
from palaver.stores.redis.walks import id_in, members, position_in
from palaver.stores.scan import Scan


class RedisEntities(Access):
    """The entities of ``stores.base.BotRows``"""

    async def create_entity(self, tenant_id: str, draft: EntityDraft, once: Once | None = None) -> Made[Entity]:
        return await self._write(partial(_create, tenant_id=tenant_id, draft=draft, once=once), tenant_id)

    async def get_entity(self, tenant_id: str, entity_id: str) -> Entity:
        return (await self._read(partial(_get, tenant_id=tenant_id, entity_id=entity_id))).entity

    async def page_entities(self, tenant_id: str, window: Window) -> Slice[Entity]:
        return await self._read(partial(_page, tenant_id=tenant_id, window=window))

    async def update_entity(
        self, tenant_id: str, entity_id: str, change: EntityChange, *, if_version: int | None = None
    ) -> Entity:
        return await self._write(lambda db: _update(db, tenant_id, entity_id, change, if_version), tenant_id)

    async def delete_entity(self, tenant_id: str, entity_id: str, *, if_version: int | None = None) -> None:
        await self._write(lambda db: _delete(db, tenant_id, entity_id, if_version), tenant_id)


def person_of(entity: Entity | EntityDraft) -> str:
    """Return the name by which an entity with an external id is found."""
    return f"{entity.type} {entity.external_id}"


async def _get(db: Session, tenant_id: str, entity_id: str) -> KeptEntity:
    kept = await db.one(db.entity(tenant_id, entity_id))
    if kept is None:
        raise NotFound
    return kept


async def entity_of_draft(db: Session, tenant_id: str, wanted: str | EntityDraft | None) -> Entity | None:
    """Return the entity that a draft of a conversation names, found by its external id or made."""
    if wanted is None:
        return None
    if isinstance(wanted, str):
        return (await _get(db, tenant_id, wanted)).entity
    holder = await _holder(db, tenant_id, wanted)
    if holder is not None and holder != wanted.id:
        return (await _get(db, tenant_id, holder)).entity
    there = await db.one(db.entity(tenant_id, wanted.id))
    return there.entity if there is not None else await _make(db, tenant_id, wanted, None)


async def _holder(db: Session, tenant_id: str, entity: Entity | EntityDraft) -> str | None:
    if entity.external_id is None:
        return None
    found = await db.one(answer("HGET", db.keys.tenant(tenant_id, "people"), person_of(entity)))
    return None if found is None else str(found.decode())


async def take_external_id(db: Session, tenant_id: str, entity: Entity, before: Entity | None = None) -> None:
    """Let an entity be found by its external id, and not by the one that it had.

    Raises:
        NameTaken: Another one of its type has it.
    """
    people = db.keys.tenant(tenant_id, "people")
    if before is not None and person_of(before) == person_of(entity):
        return
    if before is not None and before.external_id is not None:
        db.do("HDEL", people, person_of(before))
    if entity.external_id is not None:
        holder = await _holder(db, tenant_id, entity)
        if holder not in (None, entity.id):
            raise NameTaken("An entity of this type has that external id already.")
        db.check(holder or "", "HGET", people, person_of(entity))
        db.do("HSET", people, person_of(entity), entity.id)


async def _make(db: Session, tenant_id: str, draft: EntityDraft, once: Once | None) -> Entity:
    entity = new_entity(draft, from_micros(db.now))
    await take_external_id(db, tenant_id, entity)
    db.put(KeptEntity(tenant_id=tenant_id, entity=entity, once=once, place=db.place("entities")))
    return entity


async def _create(db: Session, tenant_id: str, draft: EntityDraft, once: Once | None) -> Made[Entity]:
    known, there = await db.read(claim_of(db, tenant_id, "entity", once), db.entity(tenant_id, draft.id))
    if known is not None:
        return Made(value=(await _get(db, tenant_id, known)).entity, replayed=True)
    if there is not None:
        raise Conflict("An entity with this id exists already.")
    claim(db, tenant_id, "entity", once, draft.id)
    return Made(value=await _make(db, tenant_id, draft, once))


async def _page(db: Session, tenant_id: str, window: Window) -> Slice[Entity]:
    scan = Scan.over(window, Order.DESC)
    rows: list[tuple[KeptEntity, str]] = []
    async for page in members(db, db.keys.tenant(tenant_id, "entities"), scan):
        entities = await db.read(*(db.entity(tenant_id, id_in(member)) for member in page))
        rows += [(kept, member) for kept, member in zip(entities, page, strict=True) if kept is not None]
        if len(rows) >= scan.rows:
            break
    return scan.slice(rows[: scan.rows], lambda row: row[0].entity, lambda row: position_in(row[1]))


async def _update(db: Session, tenant_id: str, entity_id: str, change: EntityChange, if_version: int | None) -> Entity:
    before = await _get(db, tenant_id, entity_id)
    check_version("entity", before.entity.version, if_version)
    entity = changed_entity(before.entity, change, from_micros(db.now))
    await take_external_id(db, tenant_id, entity, before.entity)
    db.put(replace(before, entity=entity))
    return entity


async def _delete(db: Session, tenant_id: str, entity_id: str, if_version: int | None) -> None:
    kept = await _get(db, tenant_id, entity_id)
    check_version("entity", kept.entity.version, if_version)
    if kept.entity.external_id is not None:
        db.do("HDEL", db.keys.tenant(tenant_id, "people"), person_of(kept.entity))
    release(db, tenant_id, "entity", kept.once)
    db.remove(kept)
