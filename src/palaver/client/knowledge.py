"""``hub.search``, ``hub.train`` and ``hub.untrain`` over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from palaver.client.documents import HttpDocuments
from palaver.client.nouns import Noun, path_of, shaped, value_of
from palaver.client.transport import Call, Transport
from palaver.document import Document, TrainingReport, check_trained, report_of
from palaver.results import SearchResult

ACCEPTED = 202


class HttpKnowledge(Noun):
    """What a bot knows, as a whole."""

    def __init__(self, transport: Transport, documents: HttpDocuments) -> None:
        super().__init__(transport)
        self._documents = documents

    async def search(
        self, bot_id: str, query: str, *, k: int | None = None, where: Mapping[str, str] | None = None
    ) -> SearchResult:
        """See ``surface.Hub.search``."""
        body: dict[str, Any] = {"query": query, "k": k, "where": where}
        path = path_of("bots", "bot", bot_id, "search")
        return await self._send(SearchResult, Call(method="POST", path=path, body=body, repeatable=True))

    async def train(
        self,
        bot_id: str,
        *,
        policy: str = "all",
        min_rating: int | None = None,
        dry_run: bool = False,
        wait: bool = True,
    ) -> TrainingReport:
        """See ``surface.Hub.train``."""
        body = {"policy": policy, "min_rating": min_rating, "dry_run": dry_run}
        answer = await self._transport.send(
            Call(method="POST", path=path_of("bots", "bot", bot_id, "train"), body=body)
        )
        if answer.status != ACCEPTED:
            return value_of(TrainingReport, answer)
        document = shaped(Document, answer.body)
        return report_of(await self._documents.wait(document.id)) if wait else TrainingReport(document=document)

    async def untrain(self, document_id: str) -> None:
        """See ``surface.Hub.untrain``."""
        check_trained(await self._documents.get(document_id))
        await self._documents.delete(document_id)
