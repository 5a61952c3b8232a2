"""Nothing of one tenant reaches another: every route of the OpenAPI document, with foreign ids in path, query and body."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

import pictures
from server.world import UNKNOWN, World

CANARY = "kanarienvogel"


@dataclass(frozen=True, slots=True)
class Probe:
    """A request with ``{bot}``, ``{conv}`` … for the foreign ids; ``empty``: the answer is an empty page, not a 404."""

    path: str
    body: Any = None
    status: int = 404
    header: tuple[str, str] | None = None


BOT, ENTITY, CONV = "/v1/bots/{bot}", "/v1/entities/{ent}", "/v1/conversations/{conv}"
MSG, QUESTION, TURN = "/v1/messages/{msg}", "/v1/messages/{question}", "/v1/turns/{turn}"
DOC, DOCS = "/v1/documents/{doc}", "/v1/bots/{bot}/documents"
OWN_CONV, OWN_TURN = "/v1/conversations/{own_conv}", "/v1/turns/{own_turn}"
TEXT = {"text": "x"}
NOWHERE: tuple[Probe, ...] = ()
"""There is no place for an id in the route."""

WALK: Mapping[str, tuple[Probe, ...]] = {
    "bots_create": NOWHERE,
    "bots_listing": (Probe("/v1/bots?after={cursor}", status=422), Probe("/v1/bots?before={cursor}", status=422)),
    "bots_get": (Probe(BOT),),
    "bots_update": (Probe(BOT, {"name": "x"}),),
    "bots_delete": (Probe(BOT),),
    "bots_restore": (Probe(BOT + "/restore"), Probe("/v1/bots/{gone}/restore")),
    "entities_create": NOWHERE,
    "entities_listing": (Probe("/v1/entities?after={cursor}", status=422),),
    "entities_get": (Probe(ENTITY),),
    "entities_update": (Probe(ENTITY, {"name": "x"}),),
    "entities_delete": (Probe(ENTITY),),
    "conversations_create": (
        Probe("/v1/conversations", {"bot_id": "{bot}"}),
        Probe("/v1/conversations", {"bot_id": "{own_bot}", "entity_id": "{ent}"}),
    ),
    "conversations_listing": (
        Probe("/v1/conversations?bot_id={bot}", status=200),
        Probe("/v1/conversations?entity_id={ent}", status=200),
        Probe(f"/v1/conversations?q={CANARY}", status=200),
        Probe(f"/v1/conversations?external_id={CANARY}", status=200),
        Probe(f"/v1/conversations?metadata.secret={CANARY}", status=200),
        Probe("/v1/conversations?deleted=true", status=200),
        Probe("/v1/conversations?after={cursor}", status=422),
    ),
    "conversations_get": (Probe(CONV),),
    "conversations_update": (Probe(CONV, {"title": "x"}),),
    "conversations_delete": (Probe(CONV),),
    "conversations_restore": (Probe(CONV + "/restore"),),
    "conversations_end": (Probe(CONV + "/end"),),
    "conversations_archive": (Probe(CONV + "/archive"),),
    "conversations_reopen": (Probe(CONV + "/reopen"),),
    "conversations_head": (
        Probe(CONV + "/head", {"turn_id": "{turn}"}),
        Probe(OWN_CONV + "/head", {"turn_id": "{turn}"}, status=422),
    ),
    "conversations_branches": (Probe(CONV + "/branches"),),
    "messages_send": (
        Probe(CONV + "/messages", TEXT),
        Probe(CONV + "/messages", TEXT, header=("Idempotency-Key", "b-key")),
        Probe(CONV + "/messages", TEXT, header=("Accept", "text/event-stream")),
        Probe(OWN_CONV + "/messages", {"text": "x", "parent_id": "{turn}"}, status=422),
        Probe(OWN_CONV + "/messages", {"text": "x", "attachments": ["{att}"]}),
        Probe(OWN_CONV + "/messages", {"text": "x", "attachments": ["{sent_att}"]}),
    ),
    "messages_listing": (
        Probe(CONV + "/messages"),
        Probe(OWN_CONV + "/messages?after={cursor}", status=422),
    ),
    "messages_append": (
        Probe(CONV + "/messages:append", {"messages": [{"role": "user", "text": "x"}]}),
        Probe(
            OWN_CONV + "/messages:append", {"messages": [{"role": "user", "text": "x", "attachments": ["{sent_att}"]}]}
        ),
    ),
    "messages_regenerate": (Probe(MSG + "/regenerate"),),
    "messages_edit": (
        Probe(QUESTION + "/edit", TEXT),
        Probe("/v1/messages/{own_question}/edit", {"text": "x", "attachments": ["{att}"]}),
    ),
    "messages_rate": (Probe(MSG + "/rating", {"rating": 1}),),
    "messages_delete": (Probe(MSG), Probe(QUESTION)),
    "files_create": NOWHERE,
    "files_get": (Probe("/v1/files/{att}"), Probe("/v1/files/{sent_att}")),
    "files_content": (
        Probe("/v1/files/{att}/content"),
        Probe("/v1/files/{sent_att}/content"),
        Probe("/v1/files/{att}/content", header=("If-None-Match", "*")),
    ),
    "turns_listing": (Probe("/v1/turns?after={cursor}", status=422),),
    "turns_get": (Probe(TURN),),
    "turns_events": (
        Probe(TURN + "/events"),
        Probe(TURN + "/events?after=1"),
        Probe(OWN_TURN + "/events", header=("Last-Event-ID", "{turn}:1")),
    ),
    "turns_stop": (Probe(TURN + "/stop"),),
    "search_search": (
        Probe(f"/v1/search?q={CANARY}", status=200),
        Probe("/v1/search?q=said&bot_id={bot}"),
        Probe("/v1/search?q=said&after={cursor}", status=422),
    ),
    "documents_create": (Probe(DOCS, TEXT), Probe(DOCS, TEXT, header=("Idempotency-Key", "b-doc"))),
    "documents_listing": (Probe(DOCS), Probe("/v1/bots/{own_bot}/documents?after={cursor}", status=422)),
    "documents_get": (Probe(DOC),),
    "documents_replace": (Probe(DOC + "/replace"), Probe(DOC + "/replace", TEXT)),
    "documents_delete": (Probe(DOC),),
    "documents_restore": (Probe(DOC + "/restore"), Probe("/v1/documents/{gone_doc}/restore")),
    "documents_content": (Probe(DOC + "/content"),),
    "documents_chunks": (Probe(DOC + "/chunks"),),
    "documents_find": (
        Probe("/v1/bots/{bot}/search", {"query": "said"}),
        Probe("/v1/bots/{own_bot}/search", {"query": CANARY}, status=200),
    ),
    "documents_train": (Probe("/v1/bots/{bot}/train"), Probe("/v1/bots/{bot}/train", {"dry_run": True})),
    "keys_create": (
        Probe("/v1/keys", {"scope": "visitor", "bot_id": "{bot}", "entity_id": "{ent}"}),
        Probe("/v1/keys", {"scope": "visitor", "bot_id": "{own_bot}", "entity_id": "{ent}"}),
    ),
    "keys_listing": (Probe("/v1/keys?after={cursor}", status=422),),
    "keys_revoke": (Probe("/v1/keys/{key}"),),
    "keys_tenants": (Probe("/v1/tenants?after={cursor}", status=403),),
    "health_alive": NOWHERE,
    "health_ready": NOWHERE,
    "health_metrics": NOWHERE,
    "pages_welcome_html": NOWHERE,
    "pages_index_html": NOWHERE,
    "pages_page_js": NOWHERE,
    "pages_page_css": NOWHERE,
    "pages_openapi": NOWHERE,
}


async def _furnished(world: World, headers: dict[str, str], tenant: str, name: str) -> dict[str, str]:
    """Give a tenant one of everything, each text with ``name`` in it; return the ids."""
    bot = await world.made("/v1/bots", {"name": name, "instructions": name}, headers=headers)
    gone = await world.made("/v1/bots", {"name": f"{name} gone"}, headers=headers)
    await world.http.delete(f"/v1/bots/{gone['id']}", headers=headers)
    entity = await world.made("/v1/entities", {"name": name, "external_id": name}, headers=headers)
    body = {
        "bot_id": bot["id"],
        "entity_id": entity["id"],
        "title": name,
        "external_id": name,
        "metadata": {"secret": name},
    }
    conversation = await world.made("/v1/conversations", body, headers=headers)
    docs, known = f"/v1/bots/{bot['id']}/documents", {**headers, "Idempotency-Key": "b-doc"}
    document = await world.made(docs, {"text": f"It was said: {name}.", "metadata": {"secret": name}}, headers=known)
    gone_document = await world.made(docs, {"text": f"It was taken back: {name}."}, headers=headers)
    await world.root.for_tenant(tenant).documents.wait(document["id"])
    await world.root.for_tenant(tenant).documents.wait(gone_document["id"])
    await world.http.delete(f"/v1/documents/{gone_document['id']}", headers=headers)
    picture = {"data": pictures.data_url(pictures.photo()), "name": f"{name}.jpg"}
    unsent = await world.made("/v1/files", picture, headers={**headers, "Idempotency-Key": "b-key"})
    message = {"text": name, "attachments": [picture]}
    path = f"/v1/conversations/{conversation['id']}/messages"
    sent = await world.made(path, message, headers={**headers, "Idempotency-Key": "b-key"})
    await world.made("/v1/bots", {"name": f"{name} 2"}, headers=headers)
    keys = (await world.http.get("/v1/keys", headers=headers)).json()["data"]
    cursor = (await world.http.get("/v1/bots?limit=1", headers=headers)).json()["next"]
    return {
        "bot": bot["id"],
        "gone": gone["id"],
        "ent": entity["id"],
        "conv": conversation["id"],
        "turn": sent["turn"]["id"],
        "msg": sent["message"]["id"],
        "question": sent["user_message"]["id"],
        "doc": document["id"],
        "gone_doc": gone_document["id"],
        "att": unsent["id"],
        "sent_att": sent["user_message"]["parts"][1]["attachment_id"],
        "key": keys[0]["id"],
        "cursor": cursor,
    }


def _filled(value: Any, things: Mapping[str, str]) -> Any:
    match value:
        case str():
            return re.sub(r"\{(\w+)\}", lambda found: things[found[1]], value)
        case dict():
            return {name: _filled(item, things) for name, item in value.items()}
        case list():
            return [_filled(item, things) for item in value]
        case _:
            return value


async def _probe(
    world: World, method: str, probe: Probe, things: Mapping[str, str], headers: dict[str, str]
) -> httpx2.Response:
    extra = {} if probe.header is None else {probe.header[0]: _filled(probe.header[1], things)}
    body = _filled(probe.body, things)
    return await world.http.request(method, _filled(probe.path, things), json=body, headers={**headers, **extra})


def _said(answer: httpx2.Response, things: Mapping[str, str]) -> tuple[int, str, dict[str, str]]:
    """What an answer says, with what must differ between two requests taken out."""
    text = answer.text.replace(answer.headers["x-request-id"], "REQUEST")
    for name, value in things.items():
        text = text.replace(value, name)
    kept = {k: v for k, v in answer.headers.items() if k not in {"x-request-id", "content-length"}}
    return answer.status_code, text, kept


async def _snapshot(world: World, things: Mapping[str, str], headers: dict[str, str]) -> list[Any]:
    paths = [BOT, ENTITY, CONV, CONV + "/messages", TURN, DOCS, DOC, DOC + "/chunks"]
    paths += ["/v1/bots?deleted=true", "/v1/keys", "/v1/turns"]
    answers = [(await world.http.get(_filled(path, things), headers=headers)).json() for path in paths]
    for key in answers[-2]["data"]:
        key.pop("last_used_at")
    return answers


async def test_a_foreign_id_is_like_an_unknown_one_on_every_route(world: World) -> None:
    """With another tenant's ids every route answers exactly as with unknown ones, shows none of its bytes, changes nothing."""
    a, b = await world.key("admin", tenant="a"), await world.key("admin", tenant="b")
    mine, theirs = await _furnished(world, a, "a", "plain"), await _furnished(world, b, "b", CANARY)
    own = {f"own_{name}": value for name, value in mine.items()}
    prefixes = {"question": "msg", "gone": "bot", "gone_doc": "doc"}
    prefixes = {"question": "msg", "gone": "bot", "sent_att": "att"}
    nobodys = {
        name: f"{prefixes.get(name, name)}_{UNKNOWN[:-2]}{number:02x}"
        for number, name in enumerate(theirs)
        if name != "cursor"
    }
    before = await _snapshot(world, theirs, b)
    calls = world.model.call_count
    for path, operations in world.app.openapi()["paths"].items():
        for method, operation in operations.items():
            assert operation["operationId"] in WALK, f"{method} {path} is not walked: add it"
            for probe in WALK[operation["operationId"]]:
                foreign = await _probe(world, method.upper(), probe, {**theirs, **own}, a)
                assert foreign.status_code == probe.status, (probe, foreign.text)
                echoed = foreign.request.url.query.decode() + foreign.request.content.decode()
                assert CANARY in echoed or CANARY not in foreign.text, probe
                if probe.status == 200:
                    listed = foreign.json()
                    assert listed.get("data", listed.get("hits")) == [], probe
                if "{cursor}" not in probe.path:
                    absent = await _probe(world, method.upper(), probe, {**nobodys, **own}, a)
                    assert _said(foreign, theirs) == _said(absent, nobodys), probe
    assert world.model.call_count == calls
    assert await _snapshot(world, theirs, b) == before


async def test_listings_show_the_callers_tenant_only(world: World) -> None:
    """Every listing without a filter holds nothing of the other tenant; an operator sees keys, turns and tenants of all."""
    a, b = await world.key("admin", tenant="a"), await world.key("admin", tenant="b")
    await _furnished(world, a, "a", "plain")
    theirs = await _furnished(world, b, "b", CANARY)
    for path in ("bots", "bots?deleted=true", "entities", "conversations", "turns", "keys", "search?q=said"):
        answer = await world.http.get(f"/v1/{path}", headers=a)
        assert answer.json()["data"], path
        assert CANARY not in answer.text
        assert not any(value in answer.text for value in theirs.values()), path
    operator = await world.key("operator")
    assert theirs["turn"] in (await world.http.get("/v1/turns", headers=operator)).text
    assert theirs["key"] in (await world.http.get("/v1/keys", headers=operator)).text
    tenants = (await world.http.get("/v1/tenants", headers=operator)).json()["data"]
    assert {tenant["id"] for tenant in tenants} >= {"a", "b", "default"}
    assert (await world.http.get(_filled(CONV, theirs), headers=operator)).status_code == 404


def test_the_walk_has_no_route_that_is_gone(world: World) -> None:
    """The table names routes that exist."""
    named = {each["operationId"] for methods in world.app.openapi()["paths"].values() for each in methods.values()}
    assert set(WALK) == named
