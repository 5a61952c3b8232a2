"""Nothing of one tenant reaches another: every route of the OpenAPI document, with foreign ids in path, query and body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2

from palaver.imports.tree import schema_line
from server.foreign import CANARY, Probe, asked, filled, furnished, said, snapshot, unknown_like
from server.world import World

BOT, ENTITY, CONV = "/v1/bots/{bot}", "/v1/entities/{ent}", "/v1/conversations/{conv}"
MSG, QUESTION, TURN = "/v1/messages/{msg}", "/v1/messages/{question}", "/v1/turns/{turn}"
DOC, DOCS = "/v1/documents/{doc}", "/v1/bots/{bot}/documents"
OWN_CONV, OWN_TURN = "/v1/conversations/{own_conv}", "/v1/turns/{own_turn}"
TEXT = {"text": "x"}
SCHEMA_LINE = schema_line()
NOWHERE: tuple[Probe, ...] = ()
"""There is no place for an id in the route."""

WALK: Mapping[str, tuple[Probe, ...]] = {
    "bots_create": NOWHERE,
    "bots_listing": (Probe("/v1/bots?after={cursor}", status=422), Probe("/v1/bots?before={cursor}", status=422)),
    "bots_get": (Probe(BOT),),
    "bots_update": (Probe(BOT, {"name": "x"}),),
    "bots_delete": (Probe(BOT),),
    "bots_restore": (Probe(BOT + "/restore"), Probe("/v1/bots/{gone}/restore")),
    "bots_ask": (Probe(BOT + "/ask", TEXT),),
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
    "conversations_update": (Probe(CONV, {"title": "x"}), Probe(OWN_CONV, {"bot_id": "{bot}"})),
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
    "messages_restore": (Probe(MSG + "/restore"), Probe("/v1/messages/{gone_msg}/restore")),
    "messages_listing_deleted": (
        Probe("/v1/messages:deleted?conversation_id={conv}", status=200),
        Probe("/v1/messages:deleted?after={cursor}", status=422),
    ),
    "exports_one": (Probe(CONV + "/export"), Probe(CONV + "/export?format=jsonl")),
    "exports_every": (
        Probe("/v1/export?bot_id={bot}", status=200),
        Probe("/v1/export?entity_id={ent}", status=200),
        Probe(f"/v1/export?q={CANARY}", status=200),
        Probe(f"/v1/export?metadata.secret={CANARY}", status=200),
    ),
    "exports_load": (Probe("/v1/import", {"lines": [SCHEMA_LINE], "bot_id": "{bot}"}),),
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
    "analytics_conversation": (Probe("/v1/analytics/conversations/{conv}"),),
    "analytics_figures": (
        Probe("/v1/analytics/figures?bot_id={bot}"),
        Probe("/v1/analytics/figures?entity_id={ent}"),
    ),
    "analytics_table": (
        Probe("/v1/analytics/figures.csv?bot_id={bot}"),
        Probe("/v1/analytics/figures.csv?entity_id={ent}"),
    ),
    "analytics_unfound": (
        Probe("/v1/analytics/unfound?bot_id={bot}"),
        Probe("/v1/analytics/unfound?after={cursor}", status=422),
    ),
    "keys_create": (
        Probe("/v1/keys", {"scope": "visitor", "bot_id": "{bot}", "entity_id": "{ent}"}),
        Probe("/v1/keys", {"scope": "visitor", "bot_id": "{own_bot}", "entity_id": "{ent}"}),
    ),
    "keys_listing": (Probe("/v1/keys?after={cursor}", status=422),),
    "keys_revoke": (Probe("/v1/keys/{key}"),),
    "keys_tenants": (Probe("/v1/tenants?after={cursor}", status=403),),
    "store_report": NOWHERE,
    "visitors_look": (Probe("/v1/widgets/{bot}"), Probe("/v1/widgets/{bot}?tenant_id=b")),
    "visitors_enter": (Probe("/v1/widgets/{bot}/visitors"), Probe("/v1/widgets/{bot}/visitors", {"tenant_id": "b"})),
    "visitors_create": (
        Probe("/v1/visitors", {"bot_id": "{bot}", "entity_id": "{ent}"}),
        Probe("/v1/visitors", {"bot_id": "{own_bot}", "entity_id": "{ent}"}),
        Probe("/v1/visitors", {"bot_id": "{bot}", "entity_id": "{own_ent}"}),
    ),
    "visitors_renew": NOWHERE,
    "visitors_introduce": NOWHERE,
    "session_get": NOWHERE,
    "session_sign_in": NOWHERE,
    "session_sign_out": NOWHERE,
    "health_alive": NOWHERE,
    "health_ready": NOWHERE,
    "health_metrics": NOWHERE,
    "pages_index_html": NOWHERE,
    "pages_page_js": NOWHERE,
    "pages_page_css": NOWHERE,
    "pages_openapi": NOWHERE,
}


async def test_a_foreign_id_is_like_an_unknown_one_on_every_route(world: World) -> None:
    """With another tenant's ids every route answers exactly as with unknown ones, shows none of its bytes, changes nothing."""
    a, b = await world.key("admin", tenant="a"), await world.key("admin", tenant="b")
    mine, theirs = await furnished(world, a, "a", "plain"), await furnished(world, b, "b", CANARY)
    own = {f"own_{name}": value for name, value in mine.items()}
    nobodys = unknown_like(theirs)
    before = await snapshot(world, theirs, b)
    calls = world.model.call_count
    for path, operations in world.app.openapi()["paths"].items():
        for method, operation in operations.items():
            assert operation["operationId"] in WALK, f"{method} {path} is not walked: add it"
            for probe in WALK[operation["operationId"]]:
                foreign = await asked(world, method.upper(), probe, {**theirs, **own}, a)
                assert foreign.status_code == probe.status, (probe, foreign.text)
                echoed = foreign.request.url.query.decode() + foreign.request.content.decode()
                assert CANARY in echoed or CANARY not in foreign.text, probe
                if probe.status == 200:
                    assert _listed(foreign) == [], probe
                if "{cursor}" not in probe.path:
                    absent = await asked(world, method.upper(), probe, {**nobodys, **own}, a)
                    assert said(foreign, theirs) == said(absent, nobodys), probe
    assert world.model.call_count == calls
    assert await snapshot(world, theirs, b) == before


def _listed(answer: httpx2.Response) -> list[Any]:
    """Return what an answer lists: of an export the lines below the schema."""
    if answer.headers["content-type"].startswith("application/x-ndjson"):
        return answer.text.splitlines()[1:]
    listed = answer.json()
    return listed.get("data", listed.get("hits"))


async def test_listings_show_the_callers_tenant_only(world: World) -> None:
    """Every listing without a filter holds nothing of the other tenant; an operator sees keys, turns and tenants of all."""
    a, b = await world.key("admin", tenant="a"), await world.key("admin", tenant="b")
    await furnished(world, a, "a", "plain")
    theirs = await furnished(world, b, "b", CANARY)
    for path in (
        "bots",
        "bots?deleted=true",
        "entities",
        "conversations",
        "messages:deleted",
        "turns",
        "keys",
        "search?q=said",
    ):
        answer = await world.http.get(f"/v1/{path}", headers=a)
        assert answer.json()["data"], path
        assert CANARY not in answer.text
        assert not any(value in answer.text for value in theirs.values()), path
    for kind in ("jsonl", "csv", "html"):
        file = (await world.http.get(f"/v1/export?format={kind}", headers=a)).text
        assert "plain" in file
        assert CANARY not in file
        assert not any(value in file for value in theirs.values()), kind
    for by in ("day", "bot", "entity", "model", "total"):
        for path in (f"figures?by={by}", f"figures.csv?by={by}", "unfound"):
            answer = await world.http.get(f"/v1/analytics/{path}", headers=a)
            assert CANARY not in answer.text
            assert not any(value in answer.text for value in theirs.values()), path
        total = (await world.http.get(f"/v1/analytics/figures?by={by}", headers=a)).json()["total"]
        assert (total["conversations"], total["turns"]) == (1, 1)
    operator = await world.key("operator")
    assert theirs["turn"] in (await world.http.get("/v1/turns", headers=operator)).text
    assert theirs["key"] in (await world.http.get("/v1/keys", headers=operator)).text
    tenants = (await world.http.get("/v1/tenants", headers=operator)).json()["data"]
    assert {tenant["id"] for tenant in tenants} >= {"a", "b", "default"}
    assert (await world.http.get(filled(CONV, theirs), headers=operator)).status_code == 404


def test_the_walk_has_no_route_that_is_gone(world: World) -> None:
    """The table names routes that exist."""
    named = {each["operationId"] for methods in world.app.openapi()["paths"].values() for each in methods.values()}
    assert set(WALK) == named
