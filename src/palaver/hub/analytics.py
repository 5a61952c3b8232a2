"""``hub.analytics`` in this process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Unpack

from palaver.analytics.conversation import ConversationReader
from palaver.analytics.days import begin_of_day, moment_of
from palaver.analytics.report import Question, Reports
from palaver.analytics.table import COLUMNS, figures_csv
from palaver.analytics.unfound import Unfound
from palaver.arguments import AnalyticsQuery, UnfoundQuestionQuery, wire_names
from palaver.figures import ConversationAnalytics, FiguresReport, UnfoundQuestion
from palaver.hub.place import Place
from palaver.page import Page
from palaver.wire.analytics import FiguresQuery, TableQuery, TimeQuery, UnfoundQuery
from palaver.wire.checking import check


class LocalAnalytics:
    """See ``surface.Analytics``."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._conversations = ConversationReader(place.store)
        self._reports = Reports(place.store)
        self._unfound = Unfound(place.store)

    async def conversation(self, conversation_id: str) -> ConversationAnalytics:
        """See ``surface.Analytics.conversation``."""
        place = self._place
        return await self._conversations.read(place.tenant_id, place.known("conv", conversation_id))

    async def figures(self, **query: Unpack[AnalyticsQuery]) -> FiguresReport:
        """See ``surface.Analytics.figures``."""
        return await self.report(check(FiguresQuery, wire_names(query)))

    async def csv(self, *, columns: Sequence[str] | None = None, **query: Unpack[AnalyticsQuery]) -> bytes:
        """See ``surface.Analytics.csv``."""
        return (await self.table(check(TableQuery, {"columns": columns, **wire_names(query)})))[1]

    async def unfound(self, **query: Unpack[UnfoundQuestionQuery]) -> Page[UnfoundQuestion]:
        """See ``surface.Analytics.unfound``."""
        asked = check(UnfoundQuery, wire_names(query))
        place = self._place
        filters = {name: getattr(asked, name) for name in ("from_", "to", "timezone", "bot_id", "model")}
        listing = place.listing("unfound", {name: each and str(each) for name, each in filters.items()})
        window = listing.window(limit=asked.limit, after=asked.after, before=asked.before)
        return listing.page(await self._unfound.page(place.tenant_id, self._question(asked), window))

    async def report(self, asked: FiguresQuery) -> FiguresReport:
        """Return the figures that a request asks for."""
        place = self._place
        entity_id = None if asked.entity_id is None else place.known("ent", asked.entity_id)
        question = replace(self._question(asked), by=asked.by, entity_id=entity_id, limit=asked.limit)
        return await self._reports.make(place.tenant_id, question)

    async def table(self, asked: TableQuery) -> tuple[FiguresReport, bytes]:
        """Return the figures that a request asks for, and the same as CSV."""
        report = await self.report(asked)
        return report, b"".join(figures_csv(report, asked.columns or COLUMNS))

    def _question(self, asked: TimeQuery) -> Question:
        return Question(
            from_=_begin(asked, asked.from_),
            to=_end(asked, asked.to),
            zone=asked.zone,
            bot_id=None if asked.bot_id is None else self._place.known("bot", asked.bot_id),
            model=asked.model,
        )


def _begin(asked: TimeQuery, said: date | None) -> datetime | None:
    """Return the moment that was said, of a day its begin."""
    return said if said is None or isinstance(said, datetime) else moment_of(begin_of_day(said, asked.zone))


def _end(asked: TimeQuery, said: date | None) -> datetime | None:
    """Return the moment that was said, of a day its end."""
    return said if said is None or isinstance(said, datetime) else _begin(asked, said + timedelta(days=1))
