"""``/lead`` and ``/sdk/lead``: the entities who are leads."""

from __future__ import annotations

from starlette.responses import Response

from palaver.compat.base import SurfaceRoute
from palaver.compat.knowrithm.answers import answer, body, done, named, query
from palaver.compat.knowrithm.paging import each, is_plain, stretch, those
from palaver.compat.knowrithm.schemas import LeadChange, LeadCreate, LeadNotes, LeadStatus, RecordQuery
from palaver.compat.knowrithm.translate import STATUS, lead_fields, lead_record, with_copy
from palaver.entity import Entity, EntityType
from palaver.errors import NotFound
from palaver.serving import Caller
from palaver.tenant import Scope

_ALL, _ID = "/v1/lead", "/v1/lead/{id}"
_SDK, _SDK_ID = "/v1/sdk/lead", "/v1/sdk/lead/{id}"
_NOTES = "notes"


def _one(entity: Entity, status: int = 200) -> Response:
    return answer(with_copy("lead", lead_record(entity)), status)


async def _lead(caller: Caller) -> Entity:
    entity = await caller.hub.entities.get(named(caller))
    if entity.type is not EntityType.LEAD:
        raise NotFound
    return entity


async def create(caller: Caller) -> Response:
    wanted = await body(caller, LeadCreate)
    if wanted.agent_id is not None:
        await caller.hub.bots.get(wanted.agent_id)
    fields = lead_fields(wanted.given(), wanted.further())
    return _one(await caller.hub.entities.create(type=EntityType.LEAD, **fields), 201)


async def listing(caller: Caller) -> Response:
    asked = query(caller, RecordQuery)
    plain = is_plain(caller.request)
    rows = those(each(caller.hub.entities.list), lambda entity: _fits(entity, asked))
    part = await stretch(rows, asked, counted=not plain)
    records = [lead_record(each) for each in part.rows]
    return answer(records if plain else {"leads": records, "data": records, "pagination": part.pagination()})


def _fits(entity: Entity, asked: RecordQuery) -> bool:
    words = f"{entity.name or ''} {entity.email or ''}".casefold()
    is_lead = entity.type is EntityType.LEAD
    return (
        is_lead
        and asked.status in (None, entity.metadata.get(STATUS, "new"))
        and (asked.search or "").casefold() in words
    )


async def get(caller: Caller) -> Response:
    return _one(await _lead(caller))


async def update(caller: Caller) -> Response:
    change = await body(caller, LeadChange, optional=True)
    lead = await _lead(caller)
    given, further = change.given(), change.further()
    parts = {part: lead.metadata[part] for part in ("first_name", "last_name") if part in lead.metadata}
    if parts and {"first_name", "last_name"} & given.keys():
        given = {**parts, **given}
    return _one(await caller.hub.entities.update(lead.id, **lead_fields(given, further)))


async def set_status(caller: Caller) -> Response:
    wanted = await body(caller, LeadStatus)
    noted = {} if wanted.notes is None else {_NOTES: wanted.notes}
    return _one(await caller.hub.entities.update((await _lead(caller)).id, metadata={STATUS: wanted.status, **noted}))


async def note(caller: Caller) -> Response:
    wanted = await body(caller, LeadNotes)
    return _one(await caller.hub.entities.update((await _lead(caller)).id, metadata={_NOTES: wanted.notes}))


async def delete(caller: Caller) -> Response:
    await caller.hub.entities.delete((await _lead(caller)).id)
    return done("The lead is forgotten; its conversations stay.", id=named(caller))


ROUTES = (
    SurfaceRoute(method="POST", path=_ALL, run=create, scope=Scope.WRITE),
    SurfaceRoute(method="POST", path=_SDK, run=create, scope=Scope.WRITE),
    SurfaceRoute(method="POST", path=_ALL + "/register", run=create, scope=Scope.WRITE),
    SurfaceRoute(method="GET", path=_ALL + "/company", run=listing),
    SurfaceRoute(method="GET", path=_ID, run=get),
    SurfaceRoute(method="PUT", path=_ID, run=update, scope=Scope.WRITE),
    SurfaceRoute(method="PATCH", path=_ID, run=update, scope=Scope.WRITE),
    SurfaceRoute(method="PUT", path=_SDK_ID, run=update, scope=Scope.WRITE),
    SurfaceRoute(method="DELETE", path=_ID, run=delete, scope=Scope.WRITE),
    SurfaceRoute(method="DELETE", path=_SDK_ID, run=delete, scope=Scope.WRITE),
    SurfaceRoute(method="PATCH", path=_ID + "/status", run=set_status, scope=Scope.WRITE),
    SurfaceRoute(method="POST", path=_ID + "/notes", run=note, scope=Scope.WRITE),
)
