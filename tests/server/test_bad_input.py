"""Contract, section 4: every row that has a route here, with its exact status and code."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx2
import pytest
import pytest_asyncio

import pictures
from server.bad_documents import DOCUMENTS
from server.rows import Row, a_form, a_part, get, post
from server.world import World, a_world, unknown

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"Content-Type": "application/json"}
LONG_ID = "x" * 10_000


BOTS, CONVS, SEND = "/v1/bots", "/v1/conversations", "/v1/conversations/{conv}/messages"

BODIES = [
    post("empty", BOTS, b"", 400, "invalid_body"),
    post("blank", BOTS, b" \n", 400, "invalid_body"),
    post("null", BOTS, b"null", 400, "invalid_body"),
    post("a list", BOTS, b"[]", 400, "invalid_body"),
    post("a string", BOTS, b'"x"', 400, "invalid_body"),
    post("broken", BOTS, b'{"name": ', 400, "invalid_json"),
    post("trailing comma", BOTS, b'{"name": "x",}', 400, "invalid_json"),
    post("two documents", BOTS, b"{}{}", 400, "invalid_json"),
    post("invalid UTF-8", BOTS, b'{"name": "\xff"}', 400, "invalid_encoding"),
    post("UTF-16", BOTS, '{"name": "x"}'.encode("utf-16"), 400, "invalid_encoding"),
    post("UTF-16, no mark", BOTS, '{"name": "x"}'.encode("utf-16-le"), 400, "invalid_encoding"),
    post("a byte order mark", BOTS, b'\xef\xbb\xbf{"name": "x"}', 400, "invalid_encoding"),
    post("100,000 brackets", BOTS, b"[" * 100_000, 400, "json_too_deep"),
    post("65 levels", BOTS, b'{"metadata":' + b'{"a":' * 64 + b"1" + b"}" * 65, 400, "json_too_deep"),
    post("NaN", BOTS, b'{"metadata": {"a": NaN}}', 400, "invalid_number"),
    post("Infinity", BOTS, b'{"metadata": {"a": -Infinity}}', 400, "invalid_number"),
    post("1e400", BOTS, b'{"metadata": {"a": 1e400}}', 400, "invalid_number"),
    post("5,000 digits", BOTS, b'{"metadata": {"a": ' + b"9" * 5_000 + b"}}", 400, "invalid_number"),
    post("duplicate keys", BOTS, b'{"name": "a", "name": "b"}', 400, "duplicate_key"),
    post("duplicate keys inside", BOTS, b'{"name": "a", "metadata": {"b": 1, "b": 2}}', 400, "duplicate_key"),
    post("too large", BOTS, b'{"name": "' + b"x" * 4_000_000 + b'"}', 413, "body_too_large"),
    Row("no Content-Type", "POST", BOTS, 415, "unsupported_media_type", b"{}", {"Content-Type": ""}),
    Row(
        "a form",
        "POST",
        BOTS,
        415,
        "unsupported_media_type",
        b"name=x",
        {"Content-Type": "application/x-www-form-urlencoded"},
    ),
    Row("text", "POST", BOTS, 415, "unsupported_media_type", b"{}", {"Content-Type": "text/plain"}),
    Row(
        "Latin-1",
        "POST",
        BOTS,
        415,
        "unsupported_media_type",
        b"{}",
        {"Content-Type": "application/json; charset=latin-1"},
    ),
    Row("multipart", "POST", SEND, 415, "unsupported_media_type", b"x", {"Content-Type": "multipart/form-data"}),
]

FIELDS = [
    post("unknown field", BOTS, {"name": "x", "colour": "red"}, 422, "unknown_field"),
    *(
        post(f"{name} in a create", BOTS, {"name": "x", name: "y"}, 422, "unknown_field")
        for name in ("id", "tenant_id", "status", "created_at", "self", "idempotency_key")
    ),
    post("a provider URL", BOTS, {"name": "x", "params": {"base_url": "http://169.254.169.254"}}, 422, "unknown_field"),
    post("headers", BOTS, {"name": "x", "params": {"headers": {"a": "b"}}}, 422, "unknown_field"),
    post(
        "instructions among a bot's params", BOTS, {"name": "x", "params": {"instructions": "x"}}, 422, "unknown_field"
    ),
    post("metadata of a bot's params", BOTS, {"name": "x", "params": {"metadata": {}}}, 422, "unknown_field"),
    post("a turn's metadata: list", SEND, {"text": "x", "params": {"metadata": []}}, 422, "invalid_type"),
    post("a turn's metadata: number", SEND, {"text": "x", "params": {"metadata": {"a": 1}}}, 422, "invalid_type"),
    post("a turn's metadata: NUL", SEND, {"text": "x", "params": {"metadata": {"\x00": ""}}}, 422, "invalid_character"),
    *(
        post(
            f"a turn's metadata: {name}", SEND, {"text": "x", "params": {"metadata": value}}, 422, "metadata_too_large"
        )
        for name, value in {
            "17 names": {str(number): "" for number in range(17)},
            "a name of 65": {"x" * 65: ""},
            "a text of 513": {"x": "x" * 513},
        }.items()
    ),
    post("instructions: list", SEND, {"text": "x", "params": {"instructions": ["x"]}}, 422, "invalid_type"),
    post("a provider URL in a send", SEND, {"text": "x", "params": {"api_base": "http://x"}}, 422, "unknown_field"),
    post("name missing", BOTS, {}, 422, "missing_field"),
    post("name: number", BOTS, {"name": 1}, 422, "invalid_type"),
    post("name: list", BOTS, {"name": ["x"]}, 422, "invalid_type"),
    post("minutes: string", BOTS, {"name": "x", "idle_timeout_minutes": "5"}, 422, "invalid_type"),
    post("minutes: 1.0", BOTS, {"name": "x", "idle_timeout_minutes": 1.0}, 422, "invalid_type"),
    post("metadata: list", BOTS, {"name": "x", "metadata": []}, 422, "invalid_type"),
    post("temperature: string", BOTS, {"name": "x", "params": {"temperature": "1"}}, 422, "invalid_type"),
    post("temperature: bool", BOTS, {"name": "x", "params": {"temperature": True}}, 422, "invalid_type"),
    post("temperature -1", BOTS, {"name": "x", "params": {"temperature": -1}}, 422, "invalid_parameter"),
    post("temperature 3", BOTS, {"name": "x", "params": {"temperature": 3}}, 422, "invalid_parameter"),
    post("max_tokens 0", BOTS, {"name": "x", "params": {"max_tokens": 0}}, 422, "invalid_parameter"),
    post("temperature 3 in a send", SEND, {"text": "x", "params": {"temperature": 3}}, 422, "invalid_parameter"),
    post("a malformed model", BOTS, {"name": "x", "model": "a\nb"}, 422, "invalid_parameter"),
    post("an empty model", BOTS, {"name": "x", "model": ""}, 422, "invalid_parameter"),
    post("a blank name", BOTS, {"name": " \u200b"}, 422, "invalid_parameter"),
    post("a control in a name", BOTS, {"name": "a\x07b"}, 422, "invalid_character"),
    post("bidi override in a name", BOTS, {"name": "a\u202eb"}, 422, "invalid_character"),
    post("bidi override in a title", CONVS, {"bot_id": "{bot}", "title": "a\u202eb"}, 422, "invalid_character"),
    post("NUL in a name", BOTS, {"name": "a\x00b"}, 422, "invalid_character"),
    post("NUL in metadata", BOTS, {"name": "x", "metadata": {"a": ["\x00"]}}, 422, "invalid_character"),
    post("NUL in a metadata key", BOTS, {"name": "x", "metadata": {"\x00": 1}}, 422, "invalid_character"),
    post("NUL in instructions", BOTS, {"name": "x", "instructions": "\x00"}, 422, "invalid_character"),
    post("a lone surrogate in a name", BOTS, b'{"name": "\\ud800"}', 422, "invalid_unicode"),
    post("a lone surrogate in metadata", BOTS, b'{"name": "x", "metadata": {"a": "\\udc00"}}', 422, "invalid_unicode"),
    post("metadata of 65 KB", BOTS, {"name": "x", "metadata": {"a": "x" * 66_000}}, 422, "metadata_too_large"),
    post("1,001 keys", BOTS, {"name": "x", "metadata": {str(n): 1 for n in range(1_001)}}, 422, "metadata_too_large"),
    Row(
        "metadata of 65 KB in an edit",
        "PATCH",
        BOTS + "/{bot}",
        422,
        "metadata_too_large",
        {"metadata": {"a": "x" * 66_000}},
    ),
    post("rating 0", "/v1/messages/{msg}/rating", {"rating": 0}, 422, "invalid_parameter"),
    post("rating 6", "/v1/messages/{msg}/rating", {"rating": 6}, 422, "invalid_parameter"),
    post("rating '5'", "/v1/messages/{msg}/rating", {"rating": "5"}, 422, "invalid_type"),
    post("rating true", "/v1/messages/{msg}/rating", {"rating": True}, 422, "invalid_type"),
    post("an unknown reason", CONVS + "/{conv}/end", {"reason": "bored"}, 422, "invalid_parameter"),
    post("an unknown kind", CONVS, {"bot_id": "{bot}", "kind": "audio"}, 422, "invalid_parameter"),
    post("a visitor's key for no bot", "/v1/keys", {"scope": "visitor"}, 422, "missing_field"),
    post("a tenant's name with a slash", "/v1/keys", {"tenant_id": "../x"}, 422, "invalid_parameter"),
]

TEXTS = [
    post("missing", SEND, {}, 422, "empty_message"),
    post("empty", SEND, {"text": ""}, 422, "empty_message"),
    post("blanks", SEND, {"text": " \t\n\u00a0"}, 422, "empty_message"),
    post("zero width", SEND, {"text": "\u200b\u200d\ufeff\u2060"}, 422, "empty_message"),
    post("list", SEND, {"text": ["x"]}, 422, "invalid_type"),
    post("null", SEND, {"text": None}, 422, "invalid_type"),
    post("200,001 code points", SEND, {"text": "x" * 200_001}, 422, "message_too_long"),
    post("NUL", SEND, {"text": "a\x00b"}, 422, "invalid_character"),
    post("a lone surrogate", SEND, b'{"text": "a\\ud83d"}', 422, "invalid_unicode"),
    post("an unknown policy", SEND, {"text": "x", "policy": "wait"}, 422, "invalid_parameter"),
    post("a client id with a blank", SEND, {"text": "x", "client_id": "a b"}, 422, "invalid_parameter"),
    post("a parent elsewhere", SEND, {"text": "x", "parent_id": "{other_turn}"}, 422, "invalid_parent"),
    post("an unknown parent", SEND, {"text": "x", "parent_id": unknown("turn")}, 422, "invalid_parent"),
    post("a malformed parent", SEND, {"text": "x", "parent_id": "../x"}, 422, "invalid_parent"),
    post("a head elsewhere", CONVS + "/{conv}/head", {"turn_id": "{other_turn}"}, 422, "invalid_parent"),
    post("system in an append", SEND + ":append", {"messages": [{"role": "system", "text": "x"}]}, 422, "invalid_role"),
    post("tool in an append", SEND + ":append", {"messages": [{"role": "tool", "text": "x"}]}, 422, "invalid_role"),
    post(
        "an empty text in an append",
        SEND + ":append",
        {"messages": [{"role": "user", "text": ""}]},
        422,
        "empty_message",
    ),
    post("nothing to append", SEND + ":append", {"messages": []}, 422, "invalid_parameter"),
    post("an edit of nothing", "/v1/messages/{question}/edit", {}, 422, "empty_message"),
]

IDS = [
    *(
        get(f"{about} {kind}", f"/v1/{kind}/{value}", 404, "not_found")
        for kind in ("bots", "entities", "conversations", "turns")
        for about, value in (
            ("empty", ""),
            ("10 KB of", LONG_ID),
            ("dotted", "..%2Fx"),
            ("percent-encoded", "%62ot_1"),
            ("NUL", "%00"),
            ("unknown", unknown({"bots": "bot", "entities": "ent", "conversations": "conv", "turns": "turn"}[kind])),
        )
    ),
    get("a turn of no one", f"/v1/turns/{unknown('turn')}/events", 404, "not_found"),
    get("messages of no one", f"/v1/conversations/{unknown('conv')}/messages", 404, "not_found"),
    get("another kind's id", "/v1/bots/{conv}", 404, "not_found"),
    post("a send to no one", f"/v1/conversations/{unknown('conv')}/messages", {"text": "x"}, 404, "not_found"),
    post("a conversation with no bot", CONVS, {"bot_id": unknown("bot")}, 404, "not_found"),
    post("a conversation with a malformed bot", CONVS, {"bot_id": "../x"}, 404, "not_found"),
    post("a conversation of no entity", CONVS, {"bot_id": "{bot}", "entity_id": unknown("ent")}, 404, "not_found"),
    Row("a delete of no one", "DELETE", f"/v1/bots/{unknown('bot')}", 404, "not_found"),
    Row("a deleted bot", "GET", BOTS + "/{gone}", 404, "not_found"),
    get("no such route", "/v1/agents", 404, "not_found"),
    get("a trailing slash", "/v1/bots/", 404, "not_found"),
    Row("a method that is not", "PUT", BOTS, 405, "method_not_allowed", {}),
]

LISTS = [
    *(
        get(f"limit {value}", f"{BOTS}?limit={value}", 422, "invalid_page")
        for value in ("0", "-1", "201", "1000000000", "abc", "1.5", "", "9" * 5000)
    ),
    get("limit twice", BOTS + "?limit=1&limit=2", 422, "invalid_page"),
    *(
        get(f"cursor {value[:9]}", f"{BOTS}?after={value}", 422, "invalid_cursor")
        for value in ("garbage", "", "%00", "a" * 5000, "é")
    ),
    get("a changed cursor", BOTS + "?after={changed_cursor}", 422, "invalid_cursor"),
    get("a foreign cursor", "/v1/entities?after={cursor}", 422, "invalid_cursor"),
    get("another filter's cursor", BOTS + "?deleted=true&after={cursor}", 422, "invalid_cursor"),
    get("both cursors", BOTS + "?after={cursor}&before={cursor}", 422, "invalid_page"),
    get("an unknown sort", CONVS + "?sort=title", 422, "invalid_filter"),
    get("an unknown order", CONVS + "?order=up", 422, "invalid_filter"),
    get("an unknown filter", CONVS + "?colour=red", 422, "invalid_filter"),
    get("an unknown filter of bots", BOTS + "?name=x", 422, "invalid_filter"),
    get("an unknown status", CONVS + "?status=open", 422, "invalid_filter"),
    get("a filter twice", CONVS + "?status=ended&status=active", 422, "invalid_filter"),
    get("a metadata key with a quote", CONVS + "?metadata.a%27=x", 422, "invalid_filter"),
    get("a metadata key with quotes", CONVS + "?metadata.%22a%22=x", 422, "invalid_filter"),
    get("metadata with no key", CONVS + "?metadata=x", 422, "invalid_filter"),
    get("deleted=maybe", CONVS + "?deleted=maybe", 422, "invalid_filter"),
    get("an empty q", CONVS + "?q=", 422, "invalid_filter"),
    get("a time with no offset", CONVS + "?created_after=2026-01-01T00:00:00", 422, "invalid_filter"),
    get("a search of 1,001 characters", "/v1/search?q=" + "x" * 1_001, 422, "query_too_long"),
    get("a search in conversations of 1,001 characters", CONVS + "?q=" + "x" * 1_001, 422, "query_too_long"),
    get("a search of nothing", "/v1/search", 422, "missing_field"),
    get("a search of NUL", "/v1/search?q=%00", 422, "invalid_character"),
    get("an unknown status of turns", "/v1/turns?status=open", 422, "invalid_filter"),
]

HEADERS = [
    *(
        Row(f"a key {about}", "POST", SEND, 400, "invalid_idempotency_key", {"text": "x"}, {"Idempotency-Key": value})
        for about, value in (
            ("empty", ""),
            ("empty and quoted", '""'),
            ("of 256", "x" * 256),
            ("of blanks", "a b"),
            ("quoted, with blanks", '"a b"'),
            ("not closed", '"a'),
            ("of emoji", "🙂"),
        )
    ),
    Row("a key of a create", "POST", BOTS, 400, "invalid_idempotency_key", {"name": "x"}, {"Idempotency-Key": "a b"}),
    *(
        get(f"Last-Event-ID {value}", "/v1/turns/{turn}/events", 400, "invalid_event_id", Last_Event_ID=value)
        for value in ("a", "-1", "{turn}:", "{turn}:-1", "{turn}:1:2", "1.5")
    ),
    *(
        get(f"after={value}", "/v1/turns/{turn}/events?after=" + value, 400, "invalid_event_id")
        for value in ("a", "-1", "")
    ),
    get("another turn's event", "/v1/turns/{turn}/events", 404, "not_found", Last_Event_ID="{other_turn}:1"),
    get("an event at 10^30", "/v1/turns/{turn}/events", 410, "resume_window_gone", Last_Event_ID="{turn}:1" + "0" * 30),
    get("after=10^30", "/v1/turns/{turn}/events?after=1" + "0" * 30, 410, "resume_window_gone"),
    get("an unknown parameter of events", "/v1/turns/{turn}/events?foo=1", 422, "invalid_filter"),
    get("after twice", "/v1/turns/{turn}/events?after=1&after=2", 400, "invalid_event_id"),
    get("an event beyond the log", "/v1/turns/{turn}/events?after=1000", 410, "resume_window_gone"),
    Row("a malformed If-Match", "PATCH", BOTS + "/{bot}", 400, "invalid_if_match", {}, {"If-Match": "1"}),
    Row("a stale If-Match", "PATCH", BOTS + "/{bot}", 412, "version_conflict", {}, {"If-Match": '"99"'}),
    Row("a weak If-Match", "PATCH", BOTS + "/{bot}", 412, "version_conflict", {}, {"If-Match": 'W/"1"'}),
    Row("a word in If-Match", "PATCH", BOTS + "/{bot}", 412, "version_conflict", {}, {"If-Match": '"abc"'}),
]

STATES = [
    post("a send to an ended conversation", CONVS + "/{ended}/messages", {"text": "x"}, 409, "conversation_ended"),
    post("a send to an archived one", CONVS + "/{archived}/messages", {"text": "x"}, 409, "conversation_archived"),
    post("a name that is taken", BOTS, {"name": "Helper"}, 409, "name_taken"),
]

FILES = "/v1/files"
RED = pictures.data_url(pictures.plain())
UPLOADS = [
    post("empty", FILES, b"", 400, "invalid_body"),
    post("no data", FILES, {"name": "x"}, 422, "missing_field"),
    post("data: number", FILES, {"data": 5}, 422, "invalid_type"),
    post("an id", FILES, {"data": RED, "id": "att_1"}, 422, "unknown_field"),
    post("a type", FILES, {"data": RED, "media_type": "image/svg+xml"}, 422, "unknown_field"),
    post("a path", FILES, {"data": "/etc/passwd"}, 422, "invalid_file"),
    post("a URL", FILES, {"data": "http://169.254.169.254/"}, 422, "invalid_file"),
    post("no base64", FILES, {"data": "data:image/png,abc"}, 422, "invalid_file"),
    post("bad base64", FILES, {"data": "data:image/png;base64,???"}, 422, "invalid_file"),
    post("0 bytes", FILES, {"data": "data:image/png;base64,"}, 422, "invalid_file"),
    post("a cut PNG", FILES, {"data": pictures.data_url(pictures.plain()[:80])}, 422, "invalid_file"),
    post("SVG", FILES, {"data": pictures.data_url(pictures.SVG, "image/svg+xml")}, 422, "unsupported_type"),
    post("SVG that says PNG", FILES, {"data": pictures.data_url(pictures.SVG)}, 422, "unsupported_type"),
    post("HTML", FILES, {"data": pictures.data_url(pictures.HTML, "text/html")}, 422, "unsupported_type"),
    post("a bomb", FILES, {"data": pictures.data_url(pictures.bomb())}, 422, "file_too_complex"),
    post("a name of 1,001", FILES, {"data": RED, "name": "x" * 1_001}, 422, "invalid_parameter"),
    Row("text", "POST", FILES, 415, "unsupported_media_type", b"x", {"Content-Type": "image/png"}),
    a_form("no boundary", b"x", 400, "invalid_multipart", "multipart/form-data"),
    a_form("no parts", b"--xx--\r\n", 400, "invalid_multipart"),
    a_form("cut", a_part(pictures.plain()), 400, "invalid_multipart"),
    a_form("another field", a_part(b"x", 'name="photo"; filename="a"') + b"--xx--\r\n", 400, "invalid_multipart"),
    a_form("no file", a_part(b"x", 'name="file"') + b"--xx--\r\n", 400, "invalid_multipart"),
    a_form("two files", a_part(b"x") * 2 + b"--xx--\r\n", 422, "too_many_files"),
    a_form("a field more", a_part(b"x") + a_part(b"x", 'name="bot"') + b"--xx--\r\n", 422, "unknown_field"),
    a_form("an empty file", a_part(b"") + b"--xx--\r\n", 422, "invalid_file"),
    a_form("HTML in a form", a_part(pictures.HTML) + b"--xx--\r\n", 422, "unsupported_type"),
    Row("a key of blanks", "POST", FILES, 400, "invalid_idempotency_key", {"data": RED}, {"Idempotency-Key": "a b"}),
    get("a file of no one", FILES + "/" + unknown("att"), 404, "not_found"),
    get("content of no one", FILES + "/" + unknown("att") + "/content", 404, "not_found"),
    get("a dotted file", FILES + "/..%2Fx", 404, "not_found"),
    post("attachments: string", SEND, {"text": "x", "attachments": RED}, 422, "invalid_type"),
    post("attachments: numbers", SEND, {"text": "x", "attachments": [5]}, 422, "invalid_type"),
    post("11 attachments", SEND, {"text": "x", "attachments": [RED] * 11}, 422, "too_many_attachments"),
    post("an attachment of no one", SEND, {"text": "x", "attachments": [unknown("att")]}, 404, "not_found"),
    post(
        "a bomb in a send",
        SEND,
        {"text": "x", "attachments": [pictures.data_url(pictures.bomb())]},
        422,
        "file_too_complex",
    ),
    post("an image and no text", SEND, {"text": "", "attachments": [RED]}, 422, "empty_message"),
    post(
        "a broken image in an append",
        SEND + ":append",
        {"messages": [{"role": "user", "text": "x", "attachments": [pictures.data_url(b"x")]}]},
        422,
        "unsupported_type",
    ),
    post("attachments of a regenerate", "/v1/messages/{msg}/regenerate", {"attachments": [RED]}, 422, "unknown_field"),
]

TABLE = [*BODIES, *FIELDS, *TEXTS, *IDS, *LISTS, *HEADERS, *STATES, *UPLOADS, *DOCUMENTS]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[World, dict[str, str]]]:
    async with a_world(tmp_path_factory.mktemp("table")) as world:
        yield world, await _things(world)


async def _things(world: World) -> dict[str, str]:
    conversation_id = await world.conversation()
    bot_id = (await world.http.get(f"/v1/conversations/{conversation_id}")).json()["bot_id"]
    sent, other = await world.sent(conversation_id), await world.sent(await world.conversation("Other"))
    gone = await world.made("/v1/bots", {"name": "Gone"})
    assert (await world.http.delete(f"/v1/bots/{gone['id']}")).status_code == 204
    states = {}
    for name, action in (("ended", "end"), ("archived", "archive")):
        made = await world.made("/v1/conversations", {"bot_id": bot_id})
        states[name] = made["id"]
        assert (await world.http.post(f"/v1/conversations/{made['id']}/{action}")).status_code == 200
    cursor = (await world.http.get("/v1/bots?limit=1")).json()["next"]
    return {
        "bot": bot_id,
        "conv": conversation_id,
        "turn": sent["turn"]["id"],
        "msg": sent["message"]["id"],
        "question": sent["user_message"]["id"],
        "other_turn": other["turn"]["id"],
        "gone": gone["id"],
        "cursor": cursor,
        "changed_cursor": cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB"),
        **states,
    }


def _filled(template: str, things: dict[str, str]) -> str:
    for name, value in things.items():
        template = template.replace("{" + name + "}", value)
    return template


async def _ask(world: World, row: Row, things: dict[str, str]) -> httpx2.Response:
    content = row.body if isinstance(row.body, bytes) else None
    headers = [
        (name, _filled(value, things).encode())
        for name, value in row.headers.items()
        if value or name != "Content-Type"
    ]
    if row.body is not None and "Content-Type" not in row.headers:
        headers.append(("Content-Type", b"application/json"))
    if row.body is not None and content is None:
        content = _filled(json.dumps(row.body), things).encode()
    return await world.http.request(row.method, _filled(row.path, things), content=content, headers=headers)


@pytest.mark.parametrize("row", TABLE, ids=[f"{row.method} {row.path[:40]}: {row.about}" for row in TABLE])
async def test_bad_input_gets_its_status_and_code(scene: tuple[World, dict[str, str]], row: Row) -> None:
    """Every row of the table is refused with its exact status and code, in a problem document, and calls no model."""
    world, things = scene
    calls = world.model.call_count
    answer = await _ask(world, row, things)
    assert answer.status_code == row.status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == row.code
    assert {"type", "title", "status", "detail", "instance", "code", "request_id"} <= set(problem)
    assert (problem["status"], problem["request_id"]) == (row.status, answer.headers["x-request-id"])
    assert "Traceback" not in answer.text
    assert world.model.call_count == calls


@pytest.mark.parametrize("query", ['"', "*", "NEAR(", "AND OR", "a AND", "col:x", "-x", "'", "(", "^a", "\\", "%", "é"])
async def test_a_search_is_literal(scene: tuple[World, dict[str, str]], query: str) -> None:
    """Whatever is searched for is text: no query language shows through."""
    world, _ = scene
    answer = await world.http.get("/v1/search", params={"q": query})
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json()["data"], list)


async def test_odd_keys_of_metadata_are_data(scene: tuple[World, dict[str, str]]) -> None:
    """Keys such as ``__class__``, ``lc`` and ``$where`` come back as they were sent."""
    world, things = scene
    metadata = {"__class__": "x", "lc": 1, "$where": {"a": [None, True, 1.5]}, "a.b": "c", "'\"": "q", "": "empty"}
    made = await world.made("/v1/conversations", {"bot_id": things["bot"], "metadata": metadata})
    assert made["metadata"] == metadata
    assert (await world.http.get(f"/v1/conversations/{made['id']}")).json()["metadata"] == metadata


async def test_metadata_does_not_grow_past_its_limit_by_small_edits(scene: tuple[World, dict[str, str]]) -> None:
    """Edits that are small enough each are refused once their sum is too large; what was there stays."""
    world, things = scene
    made = await world.made("/v1/conversations", {"bot_id": things["bot"], "metadata": {"a": "x" * 40_000}})
    url = f"/v1/conversations/{made['id']}"
    answer = await world.http.patch(url, json={"metadata": {"b": "x" * 40_000}})
    assert (answer.status_code, answer.json()["code"]) == (422, "metadata_too_large")
    assert (await world.http.get(url)).json() == made
    assert (await world.http.patch(url, json={"metadata": {"a": None, "b": "x" * 40_000}})).status_code == 200


async def test_controls_are_kept_in_messages(scene: tuple[World, dict[str, str]]) -> None:
    """Control characters and bidi overrides of a message come back unchanged."""
    world, things = scene
    text = "a\x07b\u202ec\u2028d\u0085e\r\nf\ttail 🙂"
    result = await world.sent(things["conv"], text)
    assert result["user_message"]["text"] == text


async def test_a_body_with_no_length_is_cut_at_the_limit(scene: tuple[World, dict[str, str]]) -> None:
    """A body of unknown length is read up to the limit and no further."""
    world, _ = scene
    pulled = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal pulled
        for _ in range(1_000):
            pulled += 1
            yield b" " * 100_000

    answer = await world.http.post("/v1/bots", content=endless(), headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert pulled <= 42


async def test_every_wrong_field_is_listed(scene: tuple[World, dict[str, str]]) -> None:
    """``errors`` names each wrong field with its own code; the first one's is the problem's."""
    world, _ = scene
    answer = await world.http.post("/v1/bots", json={"params": {"temperature": 3, "x": 1}, "name": 5})
    problem = answer.json()
    assert {(each["path"], each["code"]) for each in problem["errors"]} == {
        ("name", "invalid_type"),
        ("params.temperature", "invalid_parameter"),
        ("params.x", "unknown_field"),
    }
    assert problem["code"] == problem["errors"][0]["code"]


async def test_allow_names_every_method(scene: tuple[World, dict[str, str]]) -> None:
    """405 carries all methods of the path."""
    world, things = scene
    answer = await world.http.put(f"/v1/bots/{things['bot']}", json={})
    assert answer.headers["allow"] == "DELETE, GET, HEAD, PATCH"
