"""``hub.tenants`` over HTTP."""

from __future__ import annotations

from typing import Unpack

from palaver.arguments import PageQuery
from palaver.client.nouns import Noun
from palaver.page import Page
from palaver.tenant import Tenant


class HttpTenants(Noun):
    """See ``surface.Tenants``."""

    async def list(self, **page: Unpack[PageQuery]) -> Page[Tenant]:
        return await self._page(Tenant, "/v1/tenants", page)
