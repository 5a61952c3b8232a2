"""``/v1/analytics``: what conversations come to."""

from __future__ import annotations

from starlette.responses import Response

from palaver.figures import ConversationAnalytics, FiguresReport, UnfoundQuestion
from palaver.http.downloads import download
from palaver.server.call import Answered, Call, Endpoint, page, value
from palaver.sheet import MEDIA_TYPE
from palaver.wire.analytics import FiguresQuery, TableQuery, UnfoundQuery

_FIGURES = "/v1/analytics/figures"


async def conversation(call: Call) -> Response:
    return value(await call.hub.analytics.conversation(call.id("conv")))


async def figures(call: Call) -> Response:
    return value(await call.hub.analytics.report(call.query(FiguresQuery)))


async def table(call: Call) -> Response:
    report, content = await call.hub.analytics.table(call.query(TableQuery))
    return download(content, name=f"figures {report.from_at.date()} {report.by}.csv", media_type=MEDIA_TYPE)


async def unfound(call: Call) -> Response:
    return page(await call.hub.analytics.unfound(**call.query(UnfoundQuery).given()))


ROUTES = (
    Endpoint(
        method="GET",
        path="/v1/analytics/conversations/{id}",
        run=conversation,
        summary="Count a conversation: messages, flow, quality, tokens, cost, topics",
        tag="analytics",
        answers={200: Answered(kind=ConversationAnalytics)},
    ),
    Endpoint(
        method="GET",
        path=_FIGURES,
        run=figures,
        summary="Figures of all conversations of some time, per day, bot, entity or model",
        tag="analytics",
        query=FiguresQuery,
        codes=(404,),
        answers={200: Answered(kind=FiguresReport)},
    ),
    Endpoint(
        method="GET",
        path=f"{_FIGURES}.csv",
        run=table,
        summary="The same figures as CSV, in which no cell is a formula",
        tag="analytics",
        query=TableQuery,
        codes=(404,),
        answers={200: Answered(media_types={MEDIA_TYPE: "A row for each"}, headers=("Content-Disposition",))},
    ),
    Endpoint(
        method="GET",
        path="/v1/analytics/unfound",
        run=unfound,
        summary="List questions that were answered with nothing from documents, those asked last first",
        tag="analytics",
        query=UnfoundQuery,
        codes=(404,),
        answers={200: Answered(kind=UnfoundQuestion, wrapped="page")},
    ),
)
