"""What can't be taken is refused by name, in the clients' form, before anything is spent or stored; and nothing breaks a route."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest_asyncio

from palaver.compat.base import SurfaceRoute
from palaver.compat.knowrithm import SURFACE
from server.foreign import filled
from server.world import World

JSON = {"Content-Type": "application/json"}
CHAT = "/knowrithm/v1/conversation/{conv}/chat"
UPLOAD = "/knowrithm/v1/document/upload"
FORM = (
    b'--b\r\nContent-Disposition: form-data; name="agent_id"\r\n\r\nAGENT\r\n'
    b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nText.\r\n--b--\r\n'
)

CASES = [
    ("empty", CHAT, b"", JSON, 400, "invalid_body"),
    ("a list", CHAT, b"[]", JSON, 400, "invalid_body"),
    ("cut off", CHAT, b'{"message":"x"', JSON, 400, "invalid_json"),
    ("no UTF-8", CHAT, b'{"message":"\xff"}', JSON, 400, "invalid_encoding"),
    ("deep", CHAT, b'{"message":' + b"[" * 100 + b"]" * 100 + b"}", JSON, 400, "json_too_deep"),
    ("twice", CHAT, b'{"message":"x","message":"y"}', JSON, 400, "duplicate_key"),
    ("no type", CHAT, b'{"message":"x"}', {}, 415, "unsupported_media_type"),
    ("NUL", CHAT, b'{"message":"x\\u0000"}', JSON, 400, "invalid_character"),
    ("half a pair", CHAT, b'{"message":"x\\ud800"}', JSON, 400, "invalid_unicode"),
    ("blanks", CHAT, b'{"message":" \\u200b"}', JSON, 400, "empty_message"),
    ("no text", CHAT, b"{}", JSON, 400, "empty_message"),
    ("a number", CHAT, b'{"message":7}', JSON, 400, "invalid_type"),
    ("long", CHAT, b'{"message":"' + b"x" * 200_001 + b'"}', JSON, 400, "message_too_long"),
    ("large", CHAT, b'{"message":"' + b"x" * 4_000_001 + b'"}', JSON, 413, "body_too_large"),
    ("the system", CHAT, b'{"content":"x","role":"system"}', JSON, 400, "invalid_role"),
    ("a large list of pages", UPLOAD, b'{"urls":["' + b"x" * 4_000_001 + b'"]}', JSON, 413, "body_too_large"),
    ("no source", UPLOAD, b'{"agent_id":"{bot}"}', JSON, 400, "missing_field"),
    ("no agent", UPLOAD, FORM.replace(b'name="agent_id"', b'name="agent"'), JSON, 400, "missing_field"),
    (
        "a form cut off",
        UPLOAD,
        FORM[:-8],
        {"Content-Type": "multipart/form-data; boundary=b"},
        400,
        "invalid_multipart",
    ),
    ("no file", UPLOAD, FORM.replace(b'; filename="a.txt"', b""), JSON, 400, "missing_field"),
    ("six stars", "/knowrithm/v1/message/{msg}/rate", b'{"rating":6}', JSON, 400, "invalid_parameter"),
    ("a word", "/knowrithm/v1/message/{msg}/rate", b'{"rating":"5"}', JSON, 400, "invalid_type"),
    ("a line break", "/knowrithm/v1/agent", b'{"name":"a\\nb"}', JSON, 400, "invalid_character"),
    ("a hot model", "/knowrithm/v1/agent", b'{"name":"a","llm_temperature":3}', JSON, 400, "invalid_parameter"),
    ("no address", "/knowrithm/v1/lead", b'{"email":"nobody"}', JSON, 400, "invalid_parameter"),
    ("no scope", "/knowrithm/v1/auth/api-keys", b'{"scopes":["root"]}', JSON, 400, "invalid_parameter"),
]

ODD: list[Any] = [
    None,
    [],
    {},
    {"agent_id": "bot_x", "query": "x", "name": "x", "message": "x", "rating": 1, "notes": "x", "type": "usage"},
    {"agent_id": [], "metadata": [], "name": {}, "message": [], "rating": 1.5, "settings": 3, "urls": {}, "scopes": {}},
    {"agent_id": "", "name": "", "message": "", "status": "", "url": "", "type": "", "document_ids": []},
    {"metadata": {"__class__": "x"}, "status": None, "permissions": {"a": []}, "first_name": "x", "limit": 10**300},
    {"document_ids": ["../x"], "agent_id": "../x", "query": "\u202e", "name": "\u202e", "page": -1, "stream": "yes"},
]
QUERIES = (
    "",
    "?page=-1&limit=x&status=%00",
    "?agent_id=../x&search=&sort_by=;",
    "?start_date=x&end_date=9999-12-31&role=",
)


KINDS = {"agent": "bot", "message": "msg", "messages": "msg", "document": "doc", "lead": "lead", "tasks": "turn"}


@pytest_asyncio.fixture
async def things(world: World) -> dict[str, str]:
    """One of everything, and a key that may all."""
    world.http.headers.update(await world.key("admin"))
    bot = await world.made("/knowrithm/v1/agent", {"name": "bot"})
    lead = await world.made("/knowrithm/v1/lead", {"name": "Ada"})
    conversation = await world.made("/knowrithm/v1/conversation", {"agent_id": bot["id"]})
    reply = (await world.http.post(CHAT.replace("{conv}", conversation["id"]), json={"message": "Hello?"})).json()
    document = await world.made(f"/v1/bots/{bot['id']}/documents", {"text": "Refunds take a week."})
    turn = reply["metadata"]["turn_id"]
    made = {"bot": bot, "lead": lead, "conv": conversation, "msg": reply, "doc": document}
    return {"turn": turn, **{name: str(each["id"]) for name, each in made.items()}}


async def test_what_cant_be_taken_is_refused(world: World, things: dict[str, str]) -> None:
    """The status, the word and the clients' envelope fit what is wrong, and the model is not asked."""
    before = world.model.call_count
    for name, path, body, headers, status, code in CASES:
        raw = body.replace(b"AGENT", things["bot"].encode()).replace(b"{bot}", things["bot"].encode())
        answer = await world.http.post(filled(path, things), content=raw, headers=headers)
        assert (answer.status_code, answer.json()["details"]["code"]) == (status, code), (name, answer.text)
    assert world.model.call_count == before


async def test_a_form_that_says_it_is_json_is_a_form(world: World, things: dict[str, str]) -> None:
    """The releases up to 0.1.4 upload so."""
    answer = await world.http.post(UPLOAD, content=FORM.replace(b"AGENT", things["bot"].encode()), headers=JSON)
    assert (answer.status_code, answer.json()["name"]) == (201, "a.txt")


def _last(route: SurfaceRoute) -> tuple[bool, bool]:
    """What takes things away comes after what needs them."""
    return route.method == "DELETE", route.method == "PUT" or route.path.endswith(("/end", "/archive"))


async def test_nothing_breaks_a_route(world: World, things: dict[str, str]) -> None:
    """Whatever is sent to it, no route answers that something broke here."""
    answered: Counter[int] = Counter()
    for route in sorted(SURFACE.routes, key=_last):
        if route.path.startswith("/v1/auth/api-key/"):
            continue  # the key is needed to the end
        noun = route.path.removeprefix("/v1/").removeprefix("sdk/").removeprefix("analytic/").split("/")[0]
        path = route.path.replace("{id}", things[KINDS.get(noun, "conv")]).replace("{name:path}", "bot")
        asked = [(query, None) for query in QUERIES] if route.method == "GET" else [("", odd) for odd in ODD]
        for query, odd in asked:
            answer = await world.http.request(route.method, SURFACE.prefix + path + query, json=odd)
            assert answer.status_code not in {500, 502}, (route.name, query, odd, answer.text)
            answered[answer.status_code] += 1
    assert answered[200] > 80
    assert answered[400] > 80
    assert 401 not in answered
