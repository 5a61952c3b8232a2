"""``hub.keys`` and ``hub.visitors`` over HTTP."""

from __future__ import annotations

from typing import Unpack

from palaver.arguments import KeyFields, PageQuery
from palaver.client.nouns import Noun, path_of
from palaver.client.transport import Call
from palaver.page import Page
from palaver.results import NewKey, Visitor
from palaver.tenant import ApiKey


class HttpKeys(Noun):
    """See ``surface.Keys``."""

    async def create(self, **fields: Unpack[KeyFields]) -> NewKey:
        return await self._send(NewKey, Call(method="POST", path="/v1/keys", body=fields))

    async def list(self, **page: Unpack[PageQuery]) -> Page[ApiKey]:
        return await self._page(ApiKey, "/v1/keys", page)

    async def revoke(self, key_id: str) -> ApiKey:
        call = Call(method="DELETE", path=path_of("keys", "key", key_id), repeatable=True)
        return await self._send(ApiKey, call)


class HttpVisitors(Noun):
    """See ``surface.Visitors``."""

    async def create(self, bot_id: str, entity_id: str, *, expires_in_seconds: int | None = None) -> Visitor:
        body = {"bot_id": bot_id, "entity_id": entity_id, "expires_in_seconds": expires_in_seconds}
        return await self._send(Visitor, Call(method="POST", path="/v1/visitors", body=body))
