"""Entities: found by their external id, made once, forgotten for good.

A conversation whose entity was forgotten still has its id, which names nothing any more: it has no entity.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from palaver.clock import from_micros
from palaver.entity import Entity
from palaver.errors import NameTaken
from palaver.page import Order, Slice, Window
from palaver.stores.changes import changed_entity, check_version, new_entity
from palaver.stores.orders import EntityChange, EntityDraft, Made, Once
from palaver.stores.redis.access import Access
from palaver.stores.redis.claims import Claim, find_claim, forget_once, made_before, owner_of, release, take
from palaver.stores.redis.indexes import mapped, page
from palaver.stores.redis.places import take_place
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredEntity
from palaver.stores.redis.values import entity, stored_entity


class RedisEntities(Access):
    """The entities of ``stores.base.BotRows``"""

    async def create_entity(self, tenant_id: str, draft: EntityDraft, once: Once | None = None) -> Made[Entity]:
        operation = partial(_create, tenant_id=tenant_id, draft=draft, once=once)
        return await self._run(operation, draft.external_id or draft.id)

    async def get_entity(self, tenant_id: str, entity_id: str) -> Entity:
        return entity(await self._run(lambda db: db.get(StoredEntity, tenant_id, entity_id)))

    async def page_entities(self, tenant_id: str, window: Window) -> Slice[Entity]:
        found = await self._run(lambda db: page(db, StoredEntity, f"entities:{tenant_id}", window, Order.DESC))
        return mapped(found, entity)

    async def update_entity(
        self, tenant_id: str, entity_id: str, change: EntityChange, *, if_version: int | None = None
    ) -> Entity:
        return await self._run(lambda db: _update(db, tenant_id, entity_id, change, if_version), entity_id)

    async def delete_entity(self, tenant_id: str, entity_id: str, *, if_version: int | None = None) -> None:
        await self._run(lambda db: _delete(db, tenant_id, entity_id, if_version), entity_id)


Named = tuple[str, str | None]
"""What names an entity from outside: its type and its external id."""


def named(of: Entity | EntityDraft) -> Named:
    """Return what names an entity or a draft of one."""
    return of.type.value, of.external_id


def name_of(tenant_id: str, name: Named) -> str:
    """The name of the claim of an external id."""
    return f"entity:{tenant_id}:{name[0]}:{name[1]}"


async def _owner(db: Session, tenant_id: str, name: Named) -> tuple[Claim | None, StoredEntity | None]:
    claim = await find_claim(db, name_of(tenant_id, name))
    return claim, await owner_of(db, claim, StoredEntity, lambda kept: (kept.type, kept.external_id) == name)


async def take_name(db: Session, tenant_id: str, name: Named, entity_id: str) -> None:
    """Take an external id for an entity as part of the step, or raise ``NameTaken``."""
    if name[1] is None:
        return
    claim, owner = await _owner(db, tenant_id, name)
    if owner is not None and owner.id != entity_id:
        raise NameTaken("An entity of this type has that external id already.")
    take(db, name_of(tenant_id, name), entity_id, claim)


async def _give_up_name(db: Session, tenant_id: str, name: Named, entity_id: str) -> None:
    if name[1] is not None:
        release(db, name_of(tenant_id, name), await find_claim(db, name_of(tenant_id, name)), entity_id)


async def _make(db: Session, tenant_id: str, draft: EntityDraft, once: Once | None) -> StoredEntity:
    await take_name(db, tenant_id, named(draft), draft.id)
    place = await take_place(db, StoredEntity)
    kept = stored_entity(tenant_id, place, new_entity(draft, from_micros(db.now)), once)
    db.put(kept)
    return kept


async def entity_of_draft(db: Session, tenant_id: str, wanted: str | EntityDraft | None) -> StoredEntity | None:
    """Return the entity that a draft of a conversation names, found by its external id or made as part of the step."""
    if wanted is None:
        return None
    if isinstance(wanted, str):
        return await db.get(StoredEntity, tenant_id, wanted)
    if wanted.external_id is not None:
        _, owner = await _owner(db, tenant_id, named(wanted))
        if owner is not None:
            return owner
    return await _make(db, tenant_id, wanted, None)


async def _create(db: Session, tenant_id: str, draft: EntityDraft, once: Once | None) -> Made[Entity]:
    known = await made_before(db, tenant_id, StoredEntity, once, draft.id)
    if known is not None:
        return Made(value=entity(known), replayed=True)
    return Made(value=entity(await _make(db, tenant_id, draft, once)))


async def _update(db: Session, tenant_id: str, entity_id: str, change: EntityChange, if_version: int | None) -> Entity:
    kept = await db.get(StoredEntity, tenant_id, entity_id)
    check_version("entity", kept.version, if_version)
    changed = changed_entity(entity(kept), change, from_micros(db.now))
    if named(changed) != (kept.type, kept.external_id):
        await take_name(db, tenant_id, named(changed), entity_id)
        await _give_up_name(db, tenant_id, (kept.type, kept.external_id), entity_id)
    db.put(replace(stored_entity(tenant_id, kept.n, changed, None), key=kept.key, fingerprint=kept.fingerprint))
    return changed


async def _delete(db: Session, tenant_id: str, entity_id: str, if_version: int | None) -> None:
    kept = await db.get(StoredEntity, tenant_id, entity_id)
    check_version("entity", kept.version, if_version)
    await forget_once(db, tenant_id, StoredEntity, kept.key, entity_id)
    await _give_up_name(db, tenant_id, (kept.type, kept.external_id), entity_id)
    db.drop(kept)
