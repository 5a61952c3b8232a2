"""``hub.analytics`` over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from palaver.arguments import AnalyticsQuery, UnfoundQuestionQuery, wire_names
from palaver.client.nouns import Noun, path_of, query_string, value_of
from palaver.client.transport import Call
from palaver.figures import ConversationAnalytics, FiguresReport, UnfoundQuestion
from palaver.page import Page

_FIGURES = "/v1/analytics/figures"


class HttpAnalytics(Noun):
    """See ``surface.Analytics``."""

    async def conversation(self, conversation_id: str) -> ConversationAnalytics:
        """See ``surface.Analytics.conversation``."""
        return await self._get(ConversationAnalytics, path_of("analytics/conversations", "conv", conversation_id))

    async def figures(self, **query: Unpack[AnalyticsQuery]) -> FiguresReport:
        """See ``surface.Analytics.figures``."""
        return value_of(FiguresReport, await self._transport.send(_asking(_FIGURES, query)))

    async def csv(self, *, columns: Sequence[str] | None = None, **query: Unpack[AnalyticsQuery]) -> bytes:
        """See ``surface.Analytics.csv``."""
        chosen = {} if columns is None else {"columns": ",".join(columns)}
        return (await self._transport.fetch(_asking(f"{_FIGURES}.csv", {**query, **chosen}))).content

    async def unfound(self, **query: Unpack[UnfoundQuestionQuery]) -> Page[UnfoundQuestion]:
        """See ``surface.Analytics.unfound``."""
        return await self._page(UnfoundQuestion, "/v1/analytics/unfound", wire_names(query))


def _asking(path: str, query: Mapping[str, Any]) -> Call:
    return Call(method="GET", path=path, query=query_string(wire_names(query)))
