"""The OpenAPI document, made from the endpoints: every status, header and media type that they answer with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from palaver.events import EventType
from palaver.http.sse import MEDIA_TYPE as SSE
from palaver.page import PAGE_LIMIT, PAGE_LIMIT_MAX
from palaver.server.call import Answered, Endpoint
from palaver.server.problems import MEDIA_TYPE as PROBLEM
from palaver.server.shapes import Schema, components, reference
from palaver.wire.base import Wire

_PREFIXES: Mapping[str, str] = {
    "bots": "bot",
    "entities": "ent",
    "conversations": "conv",
    "documents": "doc",
    "messages": "msg",
    "files": "att",
    "turns": "turn",
    "keys": "key",
    "widgets": "bot",
}
_KEY = r'^([!#-~][!-~]{0,254}|"([!#-\[\]-~]|\\["\\]){1,255}")$'
_ETAG = r'^(\*|(W/)?"[!#-~]*")$'
_UUID7 = "[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}"
_HEADERS: Mapping[str, str] = {
    "Content-Disposition": "`attachment`, with a name to save it under.",
    "ETag": "The version, quoted: for If-Match.",
    "Idempotent-Replayed": "`true`: an earlier request with the same key did it.",
    "Location": "Where the thing is; of a send: its turn.",
    "Preference-Applied": "`respond-async`.",
    "Retry-After": "Seconds after which another try makes sense.",
    "WWW-Authenticate": "`Bearer`.",
    "X-Request-Id": "The request's id, in the log too.",
}
_EVENTS = (
    "Server-sent events. `id` is `<turn_id>:<seq>`, `event` one of "
    + ", ".join(f"`{kind}`" for kind in EventType)
    + ", `data` one line of JSON. Comments say that the stream is alive. The last event is a terminal one."
)

_EVENT: Schema = {
    "type": "object",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string", "pattern": f"^turn_{_UUID7}:[0-9]+$"},
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}


def describe(endpoint: Endpoint) -> Schema:
    """Return the operation object of an endpoint."""
    described: Schema = {
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "operationId": f"{endpoint.tag}_{endpoint.run.__name__}",
        "parameters": [*_path(endpoint), *_query(endpoint), *_headers(endpoint)],
        "responses": {**_answers(endpoint), **_problems(endpoint)},
    }
    if endpoint.scope is not None:
        described["description"] = f"Needs `{endpoint.scope}`" + (", or a visitor's key." if endpoint.visitor else ".")
        described["security"] = [{}, {"bearer": []}, {"key": []}]
    if endpoint.body is not None:
        described["requestBody"] = {"required": not endpoint.body_optional, "content": _bodies(endpoint)}
    return described


def _bodies(endpoint: Endpoint) -> Schema:
    found: Schema = {}
    if endpoint.body is not None:
        found["application/json"] = {"schema": reference(endpoint.body)}
    if endpoint.form is not None:
        file = {"file": {"type": "string", "format": "binary"}}
        schema = {**_inlined(endpoint.form), "required": ["file"]}
        found["multipart/form-data"] = {"schema": {**schema, "properties": {**file, **schema["properties"]}}}
    return found


def completed(document: Schema, endpoints: Sequence[Endpoint]) -> Schema:
    """Return the document with the endpoints, and with the schemas and security schemes that they refer to."""
    paths: Schema = dict(document.get("paths", {}))
    for endpoint in endpoints:
        paths[endpoint.path] = {**paths.get(endpoint.path, {}), endpoint.method.lower(): describe(endpoint)}
    known: Schema = document.get("components", {})
    schemes = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    bodies = [endpoint.body for endpoint in endpoints if endpoint.body is not None]
    schemas = {**known.get("schemas", {}), **components(bodies)}
    return {**document, "paths": paths, "components": {**known, "schemas": schemas, "securitySchemes": schemes}}


def _header(name: str) -> Schema:
    return {"description": _HEADERS[name], "schema": {"type": "string"}}


def _path(endpoint: Endpoint) -> list[Schema]:
    if "{id}" not in endpoint.path:
        return []
    prefix = _PREFIXES[endpoint.path.partition("/{id}")[0].rpartition("/")[2]]
    schema = {"type": "string", "pattern": f"^{prefix}_{_UUID7}$"}
    return [{"name": "id", "in": "path", "required": True, "schema": schema}]


def _parameter(name: str, where: str, schema: Schema, meaning: str = "") -> Schema:
    return {"name": name, "in": where, "required": False, "schema": schema, "description": meaning}


def _headers(endpoint: Endpoint) -> list[Schema]:
    text = {"type": "string"}
    found = []
    if endpoint.keyed:
        found.append(
            _parameter("Idempotency-Key", "header", {**text, "pattern": _KEY}, "Makes a retry the same request.")
        )
    if endpoint.versioned:
        found.append(
            _parameter(
                "If-Match", "header", {**text, "pattern": _ETAG}, "Only if this is the version; `*`: whichever is."
            )
        )
    if endpoint.resumed:
        meaning = "The last event that was seen."
        found.append(
            _parameter("Last-Event-ID", "header", {**text, "pattern": f"^((turn_{_UUID7}:)?[0-9]{{1,15}})?$"}, meaning)
        )
        found.append(_parameter("after", "query", {"type": "integer", "minimum": 0}, meaning))
    return found


def _query(endpoint: Endpoint) -> list[Schema]:
    if endpoint.query is None:
        return []
    kind = endpoint.query
    schema = _inlined(kind)
    required = schema.get("required", [])
    found = []
    for name, field in schema["properties"].items():
        if name == "metadata":
            continue  # metadata.<key> has no form in OpenAPI
        each = _parameter(name, "query", _plain(field), _meaning(name))
        found.append({**each, "required": name in required})
    return found


def _inlined(kind: type[Wire]) -> Schema:
    schema = kind.model_json_schema()
    kinds = schema.get("$defs", {})

    def resolved(field: Any) -> Any:
        if isinstance(field, dict) and "$ref" in field:
            found = kinds[field["$ref"].rpartition("/")[2]]
            return {"type": "string", "enum": found["enum"]}
        return field

    properties = {}
    for name, field in schema["properties"].items():
        options = [resolved(each) for each in field.get("anyOf", [field])]
        properties[name] = next(each for each in options if each.get("type") != "null")
    return {**schema, "properties": properties}


def _plain(field: Schema) -> Schema:
    return {name: item for name, item in field.items() if name not in {"title", "default", "description"}}


def _meaning(name: str) -> str:
    match name:
        case "limit":
            return f"Rows a page: 1–{PAGE_LIMIT_MAX}, {PAGE_LIMIT} if not said."
        case "after":
            return "The `next` of the page before."
        case "before":
            return "The `previous` of the page behind."
        case "from":
            return "A day, `2026-01-31`, or a moment, `2026-01-31T12:00:00Z`; 30 days before the end if not said."
        case "to":
            return "A day, which is included, or a moment, which is not; the end of today if not said."
        case "timezone":
            return "Whose days: an IANA name such as `Europe/Berlin`; `UTC` if not said."
        case _:
            return ""


def _wrapped(answered: Answered) -> Schema:
    assert answered.kind is not None
    one = reference(answered.kind)
    if answered.wrapped == "one":
        return one
    properties: Schema = {"data": {"type": "array", "items": one}}
    if answered.wrapped == "page":
        cursor = {"anyOf": [{"type": "string"}, {"type": "null"}]}
        properties |= {"next": cursor, "previous": cursor}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _answers(endpoint: Endpoint) -> Schema:
    found: Schema = {}
    for status, answered in endpoint.answers.items():
        content: Schema = {}
        if answered.kind is not None:
            content["application/json"] = {"schema": _wrapped(answered)}
        for media_type in answered.media_types:
            text = {"type": "object"} if media_type == "application/json" else {"type": "string"}
            content[media_type] = {"itemSchema": _EVENT} if media_type == SSE else {"schema": text}
        headers = ("X-Request-Id", *answered.headers)
        said: Schema = {
            "description": _EVENTS if SSE in answered.media_types else HTTPStatus(status).phrase,
            "headers": {name: _header(name) for name in headers},
        }
        found[str(status)] = {**said, "content": content} if content else said
    return found


def _problems(endpoint: Endpoint) -> Schema:
    statuses = {403, 503, 500, *endpoint.codes}
    if endpoint.scope is not None:
        statuses |= {401}
    if "{id}" in endpoint.path:
        statuses |= {404}
    if endpoint.body is not None:
        statuses |= {400, 408, 413, 415, 422}
    if endpoint.query is not None or endpoint.resumed:
        statuses |= {422}
    if endpoint.keyed:
        statuses |= {400, 422}
    if endpoint.versioned:
        statuses |= {400, 412}
    if endpoint.method != "GET":
        statuses |= {507}
    return {str(status): _problem(status) for status in sorted(statuses)}


def _problem(status: int) -> Schema:
    headers = ["X-Request-Id"]
    if status in {409, 429, 503, 507}:
        headers.append("Retry-After")
    if status == 401:
        headers.append("WWW-Authenticate")
    return {
        "description": HTTPStatus(status).phrase,
        "headers": {name: _header(name) for name in headers},
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
