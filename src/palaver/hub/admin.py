"""``hub.keys``, ``hub.visitors``, ``hub.tenants`` and ``hub.storage`` in this process."""

from __future__ import annotations

from typing import Unpack

from palaver.arguments import KeyFields, PageQuery
from palaver.hub.place import Place
from palaver.keys import KeyRing
from palaver.page import Page
from palaver.results import NewKey, Visitor
from palaver.stores.report import StoreReport
from palaver.tenant import ApiKey, Tenant
from palaver.visitors import Visitors
from palaver.wire.checking import check
from palaver.wire.keys import KeyCreate
from palaver.wire.pages import PageQuery as WirePageQuery
from palaver.wire.visitors import VisitorCreate


class LocalKeys:
    """See ``surface.Keys``. In process nobody is asked for a key: whoever has the file has the data."""

    def __init__(self, place: Place, ring: KeyRing) -> None:
        self._place = place
        self._ring = ring

    async def create(self, **fields: Unpack[KeyFields]) -> NewKey:
        """See ``surface.Keys.create``."""
        order = check(KeyCreate, fields)
        return await self._ring.create(order.tenant_id or self._place.tenant_id, order)

    async def list(self, *, all_tenants: bool = False, **page: Unpack[PageQuery]) -> Page[ApiKey]:
        """See ``surface.Keys.list``. An operator lists the keys of all tenants."""
        query = check(WirePageQuery, page)
        listing = self._place.listing("keys", {"all_tenants": all_tenants})
        window = listing.window(limit=query.limit, after=query.after, before=query.before)
        tenant_id = None if all_tenants else self._place.tenant_id
        return listing.page(await self._place.store.page_keys(tenant_id, window))

    async def revoke(self, key_id: str, *, all_tenants: bool = False) -> ApiKey:
        """See ``surface.Keys.revoke``. An operator revokes the key of any tenant."""
        tenant_id = None if all_tenants else self._place.tenant_id
        return await self._place.store.revoke_key(tenant_id, self._place.known("key", key_id))


class LocalVisitors:
    """See ``surface.Visitors``."""

    def __init__(self, place: Place, desk: Visitors) -> None:
        self._place = place
        self._desk = desk

    async def create(self, bot_id: str, entity_id: str, *, expires_in_seconds: int | None = None) -> Visitor:
        """See ``surface.Visitors.create``."""
        fields = {"bot_id": bot_id, "entity_id": entity_id, "expires_in_seconds": expires_in_seconds}
        order = check(VisitorCreate, fields)
        self._place.known("bot", order.bot_id)
        self._place.known("ent", order.entity_id)
        return await self._desk.create(self._place.tenant_id, order)


class LocalTenants:
    """See ``surface.Tenants``."""

    def __init__(self, place: Place) -> None:
        self._place = place

    async def list(self, **page: Unpack[PageQuery]) -> Page[Tenant]:
        """See ``surface.Tenants.list``."""
        query = check(WirePageQuery, page)
        listing = self._place.listing("tenants")
        window = listing.window(limit=query.limit, after=query.after, before=query.before)
        return listing.page(await self._place.store.page_tenants(window))


class LocalStorage:
    """See ``surface.Storage``. ``location`` is where the store is, without a password."""

    def __init__(self, place: Place, location: str) -> None:
        self._place = place
        self._location = location

    async def report(self) -> StoreReport:
        """See ``surface.Storage.report``."""
        store = self._place.store
        return StoreReport.of(
            await store.health(),
            features=store.features,
            size_bytes=await store.size_bytes(),
            location=self._location,
        )
