"""``/v1/conversations/{id}/export``, ``/v1/export`` and ``/v1/import``: conversations as files, and back."""

from __future__ import annotations

from starlette.responses import Response

from palaver.exports.base import MEDIA_TYPES
from palaver.http.downloads import streamed
from palaver.results import Loaded
from palaver.server.call import Answered, Call, Endpoint, value
from palaver.tenant import Scope
from palaver.wire.exports import ExportAllQuery, ExportQuery
from palaver.wire.lines import ConversationLoad

_FILE = Answered(media_types=dict.fromkeys(MEDIA_TYPES.values(), "The file"), headers=("Content-Disposition",))


async def one(call: Call) -> Response:
    file = await call.hub.conversations.exported(call.id("conv"), **call.query(ExportQuery).given())
    return streamed(file.parts, name=file.name, media_type=file.media_type)


async def every(call: Call) -> Response:
    file = call.hub.conversations.exported_all(**call.query(ExportAllQuery).given())
    return streamed(file.parts, name=file.name, media_type=file.media_type)


async def load(call: Call) -> Response:
    body = await call.body(ConversationLoad, with_files=True)
    return value(await call.hub.conversations.load(body.lines, bot_id=body.bot_id))


ROUTES = (
    Endpoint(
        method="GET",
        path="/v1/conversations/{id}/export",
        run=one,
        summary="Read a conversation as a file: HTML, Markdown, CSV, JSONL, or JSONL to train a model on",
        tag="exports",
        query=ExportQuery,
        answers={200: _FILE},
    ),
    Endpoint(
        method="GET",
        path="/v1/export",
        run=every,
        summary="Read all conversations that fit as one file, in the order of their making",
        tag="exports",
        query=ExportAllQuery,
        answers={200: _FILE},
    ),
    Endpoint(
        method="POST",
        path="/v1/import",
        run=load,
        summary="Import conversations: the lines of a JSONL export; those that are there stay as they are",
        tag="exports",
        scope=Scope.ADMIN,
        body=ConversationLoad,
        codes=(404, 409),
        answers={200: Answered(kind=Loaded)},
    ),
)
