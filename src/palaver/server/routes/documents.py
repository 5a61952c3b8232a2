"""``/v1/bots/{id}/documents`` and ``/v1/documents``: what bots know."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from palaver.document import Chunk, Document
from palaver.http.bodies import parse_object
from palaver.http.downloads import download, streamed
from palaver.http.multipart import is_form, read_form
from palaver.jsonable import encode
from palaver.server.call import Answered, Call, Endpoint, Run, json_response, nothing, page
from palaver.sources import File
from palaver.tenant import Scope
from palaver.wire.base import Empty, Wire
from palaver.wire.checking import check
from palaver.wire.documents import DocumentCreate, DocumentEdit, DocumentForm, DocumentQuery
from palaver.wire.pages import PageQuery

_IN, _ID = "/v1/bots/{id}/documents", "/v1/documents/{id}"
_ONE = Answered(kind=Document)


def document(found: Document, status: int = 200, **headers: str) -> Response:
    """Return a document, with no ``ETag``: its version is its content's, and its state changes without it."""
    return json_response(encode(found), status, headers)


async def create(call: Call) -> Response:
    bot_id, key = call.id("bot"), call.idempotency_key()
    file, fields = await _given(call, DocumentCreate)
    made = await call.hub.documents.make(key, bot_id, file, **fields)
    replayed = {"Idempotent-Replayed": "true"} if made.replayed else {}
    return document(made.value, 201, Location=call.url(f"/v1/documents/{made.value.id}"), **replayed)


async def listing(call: Call) -> Response:
    return page(await call.hub.documents.list(call.id("bot"), **call.query(DocumentQuery).given()))


async def get(call: Call) -> Response:
    return document(await call.hub.documents.get(call.id("doc")))


async def replace(call: Call) -> Response:
    document_id = call.id("doc")
    file, fields = await _given(call, DocumentEdit, optional=True)
    return document(await call.hub.documents.renew(document_id, file, **fields))


async def delete(call: Call) -> Response:
    await call.hub.documents.delete(call.id("doc"))
    return nothing()


async def restore(call: Call) -> Response:
    document_id = call.id("doc")
    await call.body(Empty, optional=True)
    return document(await call.hub.documents.restore(document_id))


async def content(call: Call) -> Response:
    found, content = await call.hub.documents.read(call.id("doc"))
    if isinstance(content, bytes):
        return download(content, name=found.title, media_type=found.media_type)
    return streamed(content, name=f"{found.title}.csv", media_type=found.media_type)


async def chunks(call: Call) -> Response:
    return page(await call.hub.documents.chunks(call.id("doc"), **call.query(PageQuery).given()))


async def _given(call: Call, kind: type[Wire], *, optional: bool = False) -> tuple[File | None, dict[str, Any]]:
    """Return the file of a form, or None, and the fields that come along."""
    if not is_form(call.request):
        return None, (await call.body(kind, optional=optional)).given()
    form = await read_form(call.request, call.serving.settings.limits.file_bytes)
    part, fields = form.file, dict[str, Any](form.fields)
    if "metadata" in fields:
        fields["metadata"] = parse_object(fields["metadata"].encode())
    file = File(content=part.content, name=part.name, media_type=part.media_type or None)
    return file, check(DocumentForm, fields).given()


def _one(method: str, path: str, run: Run, summary: str, **more: Any) -> Endpoint:
    return Endpoint(
        method=method, path=path, run=run, summary=summary, tag="documents", **{"answers": {200: _ONE}, **more}
    )


ROUTES = (
    _one(
        "POST",
        _IN,
        create,
        "Give a bot a document",
        scope=Scope.WRITE,
        body=DocumentCreate,
        form=DocumentForm,
        keyed=True,
        codes=(409, 502),
        answers={201: Answered(kind=Document, headers=("Location", "Idempotent-Replayed"))},
    ),
    _one(
        "GET",
        _IN,
        listing,
        "List the documents of a bot, newest first",
        query=DocumentQuery,
        answers={200: Answered(kind=Document, wrapped="page")},
    ),
    _one("GET", _ID, get, "Read a document"),
    _one(
        "POST",
        _ID + "/replace",
        replace,
        "Give a document a next version; with an empty body its content is read anew",
        scope=Scope.WRITE,
        body=DocumentEdit,
        body_optional=True,
        form=DocumentForm,
        codes=(409, 502),
    ),
    _one("DELETE", _ID, delete, "Delete a document", scope=Scope.ADMIN, answers={204: Answered()}),
    _one(
        "POST",
        _ID + "/restore",
        restore,
        "Bring a deleted document back",
        scope=Scope.ADMIN,
        body=Empty,
        body_optional=True,
    ),
    _one(
        "GET",
        _ID + "/content",
        content,
        "Read the newest content, as it was given, to be saved and not shown",
        answers={200: Answered(media_types={"*/*": "The content"}, headers=("Content-Disposition",))},
    ),
    _one(
        "GET",
        _ID + "/chunks",
        chunks,
        "List the chunks that answers come from, in the order of the text",
        query=PageQuery,
        answers={200: Answered(kind=Chunk, wrapped="page")},
    ),
)
