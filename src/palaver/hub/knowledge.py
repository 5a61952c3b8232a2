"""``hub.search``, ``hub.train`` and ``hub.untrain`` in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from palaver.document import TrainingReport, check_trained, report_of
from palaver.hub.documents import LocalDocuments
from palaver.hub.place import Place
from palaver.results import SearchResult
from palaver.stores.knowledge_orders import TrainingFilter
from palaver.wire.checking import check
from palaver.wire.knowledge import KnowledgeSearch, TrainStart


class LocalKnowledge:
    """What a bot knows, as a whole."""

    def __init__(self, place: Place, documents: LocalDocuments) -> None:
        self._place = place
        self._documents = documents

    async def search(
        self, bot_id: str, query: str, *, k: int | None = None, where: Mapping[str, str] | None = None
    ) -> SearchResult:
        """See ``surface.Hub.search``."""
        asked = check(KnowledgeSearch, {"query": query, "k": k, "where": where})
        place = self._place
        bot = await place.store.get_bot(place.tenant_id, place.known("bot", bot_id))
        found = await place.retrieval.search(place.tenant_id, bot, asked.query, k=asked.k, where=asked.where)
        return SearchResult(hits=tuple(found.hits), mode=str(found.mode))

    async def begin_training(
        self, bot_id: str, *, policy: str = "all", min_rating: int | None = None, dry_run: bool = False
    ) -> TrainingReport:
        """Begin a run: its document is ``processing`` (None: a dry run, or nothing is new)."""
        fields: dict[str, Any] = {"policy": policy, "min_rating": min_rating, "dry_run": dry_run}
        asked = check(TrainStart, fields)
        place = self._place
        rated = {} if asked.min_rating is None else {"min_rating": asked.min_rating}
        wanted = TrainingFilter(bot_id=place.known("bot", bot_id), policy=asked.policy, **rated)
        if asked.dry_run:
            return await place.trainer.preview(place.tenant_id, wanted)
        return TrainingReport(document=await place.trainer.start(place.tenant_id, wanted))

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
        begun = await self.begin_training(bot_id, policy=policy, min_rating=min_rating, dry_run=dry_run)
        if begun.document is None or not wait:
            return begun
        return report_of(await self._documents.wait(begun.document.id))

    async def untrain(self, document_id: str) -> None:
        """See ``surface.Hub.untrain``."""
        check_trained(await self._documents.get(document_id))
        await self._documents.delete(document_id)
