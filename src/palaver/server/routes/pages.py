"""``/docs`` and ``/openapi.json``. Every asset comes with the package; the web page itself is in ``server.web``."""

from __future__ import annotations

import asyncio
from importlib.resources import files

from starlette.responses import Response

from palaver.server.call import Answered, Call, Endpoint, Run, json_response

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'"
)
_SAFE = {"Content-Security-Policy": _CSP, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def _asset(name: str, media_type: str) -> Run:
    content = files("palaver.server").joinpath("docs", name)

    async def answer(call: Call) -> Response:
        del call
        return Response(await asyncio.to_thread(content.read_bytes), media_type=media_type, headers=_SAFE)

    answer.__name__ = name.replace(".", "_")
    return answer


async def openapi(call: Call) -> Response:
    return json_response(call.request.app.openapi())


def _page(path: str, run: Run, summary: str, media_type: str) -> Endpoint:
    answers = {200: Answered(media_types={media_type: summary})}
    return Endpoint(method="GET", path=path, run=run, summary=summary, tag="pages", scope=None, answers=answers)


ROUTES = (
    _page("/docs", _asset("index.html", "text/html"), "The API as a page", "text/html"),
    _page("/docs/page.js", _asset("page.js", "text/javascript"), "The page's script", "text/javascript"),
    _page("/docs/page.css", _asset("page.css", "text/css"), "The page's style", "text/css"),
    _page("/openapi.json", openapi, "The API as an OpenAPI document", "application/json"),
)
