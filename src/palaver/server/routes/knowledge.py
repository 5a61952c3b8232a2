"""``/v1/bots/{id}/search`` and ``/v1/bots/{id}/train``: what a bot knows, as a whole."""

from __future__ import annotations

from starlette.responses import Response

from palaver.document import Document, TrainingReport
from palaver.results import SearchResult
from palaver.server.call import Answered, Call, Endpoint, value
from palaver.server.routes.documents import document
from palaver.tenant import Scope
from palaver.wire.knowledge import KnowledgeSearch, TrainStart


async def find(call: Call) -> Response:
    bot_id = call.id("bot")
    wanted = await call.body(KnowledgeSearch)
    return value(await call.hub.search(bot_id, wanted.query, k=wanted.k, where=wanted.where))


async def train(call: Call) -> Response:
    bot_id = call.id("bot")
    wanted = await call.body(TrainStart, optional=True)
    begun = await call.hub.knowledge.begin_training(bot_id, **wanted.given())
    if begun.document is None:
        return value(begun)
    return document(begun.document, 202, Location=call.url(f"/v1/documents/{begun.document.id}"))


ROUTES = (
    Endpoint(
        method="POST",
        path="/v1/bots/{id}/search",
        run=find,
        summary="Find the chunks of a bot's documents that fit a query best; no model is called",
        tag="documents",
        body=KnowledgeSearch,
        codes=(501, 502),
        answers={200: Answered(kind=SearchResult)},
    ),
    Endpoint(
        method="POST",
        path="/v1/bots/{id}/train",
        run=train,
        summary="Make past conversations a document; 200 is for a dry run, and where nothing is new",
        tag="documents",
        scope=Scope.WRITE,
        body=TrainStart,
        body_optional=True,
        codes=(409,),
        answers={200: Answered(kind=TrainingReport), 202: Answered(kind=Document, headers=("Location",))},
    ),
)
