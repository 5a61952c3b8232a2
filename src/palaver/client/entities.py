"""``hub.entities`` over HTTP."""

from __future__ import annotations

from typing import Unpack

from palaver.arguments import EntityFields, PageQuery
from palaver.client.nouns import Noun, path_of
from palaver.client.transport import Call
from palaver.entity import Entity
from palaver.page import Page


class HttpEntities(Noun):
    """See ``surface.Entities``."""

    async def create(self, *, idempotency_key: str | None = None, **fields: Unpack[EntityFields]) -> Entity:
        return await self._send(Entity, Call(method="POST", path="/v1/entities", body=fields).keyed(idempotency_key))

    async def get(self, entity_id: str) -> Entity:
        return await self._get(Entity, path_of("entities", "ent", entity_id))

    async def list(self, **page: Unpack[PageQuery]) -> Page[Entity]:
        return await self._page(Entity, "/v1/entities", page)

    async def update(self, entity_id: str, *, if_version: int | None = None, **fields: Unpack[EntityFields]) -> Entity:
        call = Call(method="PATCH", path=path_of("entities", "ent", entity_id), body=fields)
        return await self._send(Entity, call.if_version(if_version))

    async def delete(self, entity_id: str, *, if_version: int | None = None) -> None:
        call = Call(method="DELETE", path=path_of("entities", "ent", entity_id))
        await self._transport.send(call.if_version(if_version))
