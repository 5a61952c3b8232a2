"""``hub.storage`` over HTTP."""

from __future__ import annotations

from palaver.client.nouns import Noun
from palaver.stores.report import StoreReport


class HttpStorage(Noun):
    """See ``surface.Storage``. Where the store is, and its settings, are told to operators."""

    async def report(self) -> StoreReport:
        return await self._get(StoreReport, "/v1/store")
