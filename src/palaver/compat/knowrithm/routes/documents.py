"""``/document`` and ``/search/document``: what agents know."""

from __future__ import annotations

from contextlib import aclosing

from starlette.responses import Response

from palaver.compat.base import SurfaceRoute
from palaver.compat.knowrithm.agents import agent_id_of
from palaver.compat.knowrithm.answers import Record, answer, body, done, hub_of, named, no_body, query
from palaver.compat.knowrithm.paging import Rows, each, is_plain, stretch
from palaver.compat.knowrithm.schemas import BulkDelete, DocumentSearch, Numbers, RecordQuery
from palaver.compat.knowrithm.translate import chunk_record, document_record, document_status, hit_record, with_copy
from palaver.compat.knowrithm.uploads import Upload, read_upload
from palaver.document import Document
from palaver.errors import InvalidInput, NotFound
from palaver.serving import Caller
from palaver.tenant import Scope

_ALL, _ID = "/v1/document", "/v1/document/{id}"
_SEARCH_LIMIT = 6


def _one(document: Document, status: int = 200) -> Response:
    return answer(with_copy("document", document_record(document)), status)


async def upload(caller: Caller) -> Response:
    wanted = await read_upload(caller)
    made, refused = await _added(caller, wanted)
    if not made:
        raise refused[0]
    records = [document_record(each) for each in made]
    errors = [{"code": each.code, "message": each.message} for each in refused]
    return answer({**records[0], "document": records[0], "documents": records, "errors": errors}, 201)


async def _added(caller: Caller, wanted: Upload) -> tuple[list[Document], list[InvalidInput]]:
    """Add each source; one that can't be taken keeps no other out."""
    bot_id = await agent_id_of(hub_of(caller), wanted.agent)
    made: list[Document] = []
    refused: list[InvalidInput] = []
    sources = [*((file, {}) for file in wanted.files), *((None, {"url": url}) for url in wanted.addresses)]
    for file, said in sources:
        try:
            kept = await caller.hub.documents.make(None, bot_id, file, **said, metadata=wanted.metadata)
        except InvalidInput as error:
            refused.append(error)
        else:
            made.append(kept.value)
    return made, refused


async def listing(caller: Caller) -> Response:
    return await _listed(caller, deleted=False)


async def deleted(caller: Caller) -> Response:
    return await _listed(caller, deleted=True)


async def _listed(caller: Caller, *, deleted: bool) -> Response:
    asked = query(caller, RecordQuery)
    plain = is_plain(caller.request)
    agent_id = None if asked.agent_id is None else await agent_id_of(hub_of(caller), asked.agent_id)
    part = await stretch(_rows(caller, agent_id, asked.status, deleted=deleted), asked, counted=not plain)
    records = [document_record(each) for each in part.rows]
    return answer(records if plain else {"documents": records, "data": records, "pagination": part.pagination()})


async def _rows(caller: Caller, agent_id: str | None, status: str | None, *, deleted: bool) -> Rows[Document]:
    """Yield the documents of an agent, or of all agents, one after the other."""
    asked = {} if status is None else {"status": _status(status)}
    bots = [agent_id] if agent_id else [bot.id async for bot in each(caller.hub.bots.list)]
    for bot_id in bots:
        async with aclosing(each(caller.hub.documents.list, bot_id=bot_id, deleted=deleted, **asked)) as documents:
            async for document in documents:
                yield document


def _status(word: str) -> str:
    try:
        return document_status(word)
    except ValueError:
        raise InvalidInput("A status is pending, processing, processed or failed.", code="invalid_filter") from None


async def get(caller: Caller) -> Response:
    return _one(await caller.hub.documents.get(named(caller)))


async def reprocess(caller: Caller) -> Response:
    await no_body(caller)
    return _one(await caller.hub.documents.renew(named(caller)))


async def delete(caller: Caller) -> Response:
    await caller.hub.documents.delete(named(caller))
    return done("The document is deleted; it can be restored.", id=named(caller))


async def delete_many(caller: Caller) -> Response:
    wanted = await body(caller, BulkDelete)
    for document_id in wanted.document_ids:
        await caller.hub.documents.get(document_id)
    for document_id in wanted.document_ids:
        await caller.hub.documents.delete(document_id)
    return done("The documents are deleted; they can be restored.", deleted_count=len(wanted.document_ids))


async def restore(caller: Caller) -> Response:
    await no_body(caller)
    return _one(await caller.hub.documents.restore(named(caller)))


async def chunks(caller: Caller) -> Response:
    asked = query(caller, Numbers)
    plain = is_plain(caller.request)
    part = await stretch(each(caller.hub.documents.chunks, document_id=named(caller)), asked, counted=not plain)
    records = [chunk_record(each) for each in part.rows]
    return answer(records if plain else {"chunks": records, "data": records, "pagination": part.pagination()})


async def chunk(caller: Caller) -> Response:
    document_id = named(caller).partition(":")[0]
    async with aclosing(each(caller.hub.documents.chunks, document_id=document_id)) as found:
        async for one in found:
            record = chunk_record(one)
            if record["id"] == named(caller):
                return answer(with_copy("chunk", record))
    raise NotFound


async def search(caller: Caller) -> Response:
    wanted = await body(caller, DocumentSearch)
    bot_id = await agent_id_of(hub_of(caller), wanted.agent_id)
    found = await caller.hub.search(bot_id, wanted.query, k=wanted.limit or _SEARCH_LIMIT)
    results: list[Record] = [hit_record(each) for each in found]
    return answer({"query": wanted.query, "results": results, "total": len(results)})


ROUTES = (
    SurfaceRoute(method="POST", path=_ALL + "/upload", run=upload, scope=Scope.WRITE),
    SurfaceRoute(method="GET", path=_ALL, run=listing),
    SurfaceRoute(method="GET", path=_ALL + "/deleted", run=deleted),
    SurfaceRoute(method="POST", path=_ALL + "/search", run=search),
    SurfaceRoute(method="POST", path="/v1/search/document", run=search),
    SurfaceRoute(method="DELETE", path=_ALL + "/bulk-delete", run=delete_many, scope=Scope.ADMIN),
    SurfaceRoute(method="GET", path=_ID, run=get),
    SurfaceRoute(method="GET", path=_ID + "/status", run=get),
    SurfaceRoute(method="POST", path=_ID + "/reprocess", run=reprocess, scope=Scope.WRITE),
    SurfaceRoute(method="DELETE", path=_ID, run=delete, scope=Scope.ADMIN),
    SurfaceRoute(method="PATCH", path=_ID + "/restore", run=restore, scope=Scope.ADMIN),
    SurfaceRoute(method="GET", path=_ID + "/chunks", run=chunks),
    SurfaceRoute(method="GET", path="/v1/chunks/{id}", run=chunk),
)
