"""A hub on a server."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import httpx2

from palaver.client.analytics import HttpAnalytics
from palaver.client.bots import HttpBots
from palaver.client.conversations import HttpConversations
from palaver.client.documents import HttpDocuments
from palaver.client.entities import HttpEntities
from palaver.client.files import HttpFiles
from palaver.client.keys import HttpKeys, HttpVisitors
from palaver.client.knowledge import HttpKnowledge
from palaver.client.messages import HttpMessages
from palaver.client.nouns import shaped
from palaver.client.storage import HttpStorage
from palaver.client.tenants import HttpTenants
from palaver.client.transport import Call, Patience, Transport
from palaver.client.turns import HttpTurns
from palaver.stores.orders import StoreHealth


class HttpHub:
    """Implements ``surface.Hub`` over HTTP, for the tenant of the key.

    Args:
        base_url: Where the server is, such as ``http://127.0.0.1:8000``.
        api_key: What ``palaver keys create`` printed; an open server needs none.
        patience: Time limits and retries.
        wire: What carries the requests; the network when omitted.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        patience: Patience | None = None,
        wire: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._transport = Transport(base_url, api_key=api_key, patience=patience or Patience(), wire=wire)
        self.bots = HttpBots(self._transport)
        self.entities = HttpEntities(self._transport)
        self.conversations = HttpConversations(self._transport)
        self.messages = HttpMessages(self._transport)
        self.files = HttpFiles(self._transport)
        self.turns = HttpTurns(self._transport)
        self.documents = HttpDocuments(self._transport)
        self.analytics = HttpAnalytics(self._transport)
        self.keys = HttpKeys(self._transport)
        self.visitors = HttpVisitors(self._transport)
        self.tenants = HttpTenants(self._transport)
        self.storage = HttpStorage(self._transport)
        knowledge = HttpKnowledge(self._transport, self.documents)
        self.search, self.train, self.untrain = knowledge.search, knowledge.train, knowledge.untrain

    async def ready(self) -> StoreHealth:
        """Say what an acknowledgement of this server means. No key is needed.

        Raises:
            Unavailable: It does not take requests now, or does not answer.
        """
        answer = await self._transport.send(Call(method="GET", path="/readyz"))
        return shaped(StoreHealth, answer.body.get("store"))

    async def aclose(self) -> None:
        """Close every connection. Turns go on at the server."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
