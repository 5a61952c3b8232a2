"""``/v1/search``"""

from __future__ import annotations

from starlette.responses import Response

from palaver.conversation import Message
from palaver.server.call import Answered, Call, Endpoint, page
from palaver.wire.pages import SearchQuery


async def search(call: Call) -> Response:
    return page(await call.hub.messages.search(**call.query(SearchQuery).given()))


ROUTES = (
    Endpoint(
        method="GET",
        path="/v1/search",
        run=search,
        summary="Find the messages that hold all these words, newest first",
        tag="search",
        query=SearchQuery,
        codes=(404, 501),
        answers={200: Answered(kind=Message, wrapped="page")},
    ),
)
