"""Who may come in: hosts and origins of an open server, keys that close it, scopes, visitors."""

from __future__ import annotations

from pathlib import Path

import pytest

from palaver.errors import InvalidInput
from palaver.server.serve import check_bind
from server.world import World, a_world, unknown


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "127.0.0.1:8000", "127.9.9.9", "[::1]:8000", "LOCALHOST."]
)
async def test_an_open_server_answers_to_loopback_names(world: World, host: str) -> None:
    """This machine's own names are answered."""
    assert (await world.http.get("/v1/bots", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "10.0.0.1", "0.0.0.0", "127.0.0.1.nip.io", "", "["]
)
async def test_an_open_server_refuses_other_hosts(world: World, host: str) -> None:
    """A name that a web page pointed at this machine is refused on every route."""
    for path in ("/v1/bots", "/", "/docs", "/healthz", "/nothing"):
        answer = await world.http.get(path, headers={"Host": host})
        assert (answer.status_code, answer.json()["code"]) == (403, "host_not_allowed")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:3000", "http://localhost.evil", ""]
)
async def test_an_open_server_refuses_foreign_origins(world: World, origin: str) -> None:
    """Pages of other origins are refused, also with a method that needs no preflight; nothing is stored."""
    answer = await world.http.post("/v1/bots", json={"name": "x"}, headers={"Origin": origin})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
    assert "access-control-allow-origin" not in answer.headers
    assert (await world.http.get("/v1/bots")).json()["data"] == []


async def test_an_open_server_answers_its_own_pages(world: World) -> None:
    """A page that the server itself served may call it."""
    assert (await world.http.get("/v1/bots", headers={"Origin": "http://localhost"})).status_code == 200


async def test_an_allowed_origin_gets_cors(tmp_path: Path) -> None:
    """With ``allow_origin`` a preflight and an answer carry CORS headers for that origin and no other."""
    async with a_world(tmp_path, allow_origin=("https://www.example.com",)) as world:
        asked = {"Origin": "https://www.example.com", "Access-Control-Request-Method": "POST"}
        preflight = await world.http.options("/v1/bots", headers=asked)
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == "https://www.example.com"
        assert "Idempotency-Key" in preflight.headers["access-control-allow-headers"]
        answer = await world.http.get("/v1/bots", headers={"Origin": "https://www.example.com"})
        assert answer.headers["access-control-allow-origin"] == "https://www.example.com"
        assert "Location" in answer.headers["access-control-expose-headers"]
        key = await world.key("read")
        other = await world.http.get("/v1/bots", headers={"Origin": "https://other.example", **key})
        assert "access-control-allow-origin" not in other.headers
        assert other.headers["vary"] == "Origin"


PAGE = {"Origin": "https://www.example.com"}
STAINLESS = (
    "x-stainless-arch, x-stainless-helper-method, x-stainless-lang, x-stainless-os, x-stainless-package-version, "
    "x-stainless-retry-count, x-stainless-runtime, x-stainless-runtime-version, x-stainless-timeout"
)


@pytest.mark.parametrize(
    ("path", "method", "sent", "read"),
    [
        ("/v1/bots", "PATCH", "content-type, if-match", "etag"),
        ("/openai/v1/chat/completions", "POST", f"authorization, openai-project, {STAINLESS}", "x-should-retry"),
        ("/openai/v1/responses", "POST", "user-agent, x-conversation-id, idempotency-key", "x-conversation-id"),
        ("/knowrithm/api/v1/conversation/x", "PUT", "x-api-key, x-api-secret, content-type", "retry-after"),
        ("/abacusai/api/getStreamingConversationResponse", "POST", "apikey, content-type", "x-request-id"),
        ("/longtrainer/bots/b/prompt", "PUT", "x-api-key", "x-request-id"),
        ("/chat", "POST", "content-type, accept", "x-request-id"),
    ],
)
async def test_a_path_lets_its_clients_cross(tmp_path: Path, path: str, method: str, sent: str, read: str) -> None:
    """A page of an allowed origin may send what the clients of that path send from a browser, and read what they read."""
    async with a_world(tmp_path, allow_origin=(PAGE["Origin"],)) as world:
        asked = {**PAGE, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": sent}
        preflight = await world.http.options(path, headers=asked)
        assert method in preflight.headers["access-control-allow-methods"].split(", ")
        allowed = preflight.headers["access-control-allow-headers"].lower().split(", ")
        assert set(sent.split(", ")) <= set(allowed)
        answer = await world.http.get(path, headers=PAGE)
        assert read in answer.headers["access-control-expose-headers"].lower().split(", ")


async def test_our_own_paths_know_no_others_headers(tmp_path: Path) -> None:
    """What one system's clients send is allowed at its paths, and at no others."""
    async with a_world(tmp_path, allow_origin=(PAGE["Origin"],)) as world:
        for path in ("/v1/bots", "/sessions", "/longtrainer/health"):
            asked = {**PAGE, "Access-Control-Request-Method": "GET"}
            allowed = (await world.http.options(path, headers=asked)).headers["access-control-allow-headers"].lower()
            assert "stainless" not in allowed
            assert "apikey" not in allowed


async def test_a_server_behind_a_door_answers_any_host(tmp_path: Path) -> None:
    """``--open`` leaves the host to the door in front; foreign origins are refused all the same."""
    async with a_world(tmp_path, open=True) as world:
        assert (await world.http.get("/v1/bots", headers={"Host": "chat.example"})).status_code == 200
        foreign = {"Host": "chat.example", "Origin": "https://evil.example"}
        assert (await world.http.get("/v1/bots", headers=foreign)).status_code == 403


async def test_an_open_server_leaves_loopback_only_when_told_to(tmp_path: Path) -> None:
    """Without keys it refuses to bind another address; with ``--open``, or once a key exists, it does."""
    async with a_world(tmp_path, host="0.0.0.0") as world:
        settings = world.root.settings
        with pytest.raises(InvalidInput, match="keys create"):
            await check_bind(world.root, settings)
        await check_bind(world.root, settings.model_copy(update={"open": True}))
        await check_bind(world.root, settings.model_copy(update={"host": "127.0.0.1"}))
        await world.key("read")
        await check_bind(world.root, settings)


async def test_credentials_are_not_looked_at_while_open(world: World) -> None:
    """Whatever a client sends, an open server is open."""
    for headers in ({"Authorization": "Bearer nonsense"}, {"Authorization": "x"}, {"X-API-Key": ""}):
        assert (await world.http.get("/v1/bots", headers=headers)).status_code == 200


async def test_the_first_key_closes_the_server_for_good(world: World) -> None:
    """From the first key on, credentials are needed; revoking the last key does not reopen it."""
    made = await world.http.post("/v1/keys", json={"scope": "admin"})
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    secret, key_id = made.json()["secret"], made.json()["key"]["id"]
    assert (await world.http.get("/v1/bots")).status_code == 401
    assert (await world.http.get("/v1/bots", headers={"X-API-Key": secret})).status_code == 200
    bearer = {"Authorization": f"bearer {secret}"}
    listed = await world.http.get("/v1/keys", headers=bearer)
    assert secret not in listed.text
    assert listed.json()["data"][0]["prefix"] in secret
    assert (await world.http.delete(f"/v1/keys/{key_id}", headers=bearer)).json()["revoked_at"] is not None
    assert (await world.http.get("/v1/bots", headers=bearer)).status_code == 401
    assert (await world.http.get("/v1/bots")).status_code == 401


async def test_a_key_of_another_process_closes_it_within_a_second(tmp_path: Path) -> None:
    """An open server notices a key that the command line made: it asks the store at most each second."""
    async with a_world(tmp_path) as world:
        assert (await world.http.get("/v1/bots")).status_code == 200
        await world.key("read")
        world.app.state.serving.gate._looked_at -= 1.0
        assert (await world.http.get("/v1/bots")).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic dTpw"},
        {"Authorization": "Bearer pk_00000000_" + "A" * 43},
        {"Authorization": "Bearer " + "x" * 10_000},
        {"X-API-Key": "é".encode()},
        {"X-API-Key": "pk_00000000_short"},
    ],
    ids=["none", "empty", "no secret", "basic", "unknown", "long", "not ascii", "short"],
)
async def test_bad_credentials_are_401(world: World, headers: dict[str, str | bytes]) -> None:
    """No, malformed and unknown credentials: 401 ``unauthenticated`` with ``WWW-Authenticate``."""
    await world.key("read")
    raw = [(name, value if isinstance(value, bytes) else value.encode()) for name, value in headers.items()]
    answer = await world.http.get("/v1/bots", headers=raw)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_an_expired_key_is_401(world: World) -> None:
    """A key is good until its second, and looks like an unknown one from then on."""
    headers = await world.key("read", expires_in_seconds=60)
    assert (await world.http.get("/v1/bots", headers=headers)).status_code == 200
    world.root.keys._clock = _Later()
    assert (await world.http.get("/v1/bots", headers=headers)).status_code == 401


async def test_the_use_of_a_key_is_noted(world: World) -> None:
    """``last_used_at`` tells that a key is in use: empty before, set after."""
    admin = await world.key("admin")
    assert (await world.root.for_tenant().keys.list()).data[0].last_used_at is None
    await world.http.get("/v1/bots", headers=admin)
    assert (await world.root.for_tenant().keys.list()).data[0].last_used_at is not None


class _Later:
    def micros(self) -> int:
        return 4_000_000_000_000_000


SCOPES = [
    ("GET", "/v1/bots", "read", 200),
    ("GET", "/v1/search?q=x", "read", 200),
    ("POST", "/v1/bots", "read", 403),
    ("POST", "/v1/bots", "write", 422),
    ("DELETE", f"/v1/bots/{unknown('bot')}", "write", 403),
    ("DELETE", f"/v1/bots/{unknown('bot')}", "admin", 404),
    ("GET", "/v1/keys", "write", 403),
    ("GET", "/v1/keys", "admin", 200),
    ("GET", "/v1/tenants", "admin", 403),
    ("GET", "/v1/tenants", "operator", 200),
    ("GET", "/v1/store", "write", 403),
    ("GET", "/v1/store", "admin", 200),
    ("GET", "/metrics", "read", 403),
    ("GET", "/metrics", "operator", 200),
]


@pytest.mark.parametrize(
    ("method", "path", "scope", "status"), SCOPES, ids=[f"{r[2]} {r[0]} {r[1][:12]}" for r in SCOPES]
)
async def test_a_scope_holds_those_below_it_and_no_more(
    world: World, method: str, path: str, scope: str, status: int
) -> None:
    """``operator`` > ``admin`` > ``write`` > ``read``; what is missing is 403 ``forbidden``."""
    body = {} if method == "POST" else None
    answer = await world.http.request(method, path, json=body, headers=await world.key(scope))
    assert answer.status_code == status, answer.text
    if status == 403:
        assert answer.json()["code"] == "forbidden"


@pytest.mark.parametrize(
    ("maker", "wanted", "status"),
    [
        ("read", {"scope": "read"}, 403),
        ("write", {"scope": "read"}, 403),
        ("write", {"scope": "admin"}, 403),
        ("admin", {"scope": "admin"}, 201),
        ("admin", {"scope": "operator"}, 403),
        ("admin", {"scope": "read", "tenant_id": "other"}, 403),
        ("operator", {"scope": "operator", "tenant_id": "other"}, 201),
    ],
)
async def test_a_key_makes_no_key_that_can_do_more(
    world: World, maker: str, wanted: dict[str, str], status: int
) -> None:
    """Nobody gets beyond their own scope and tenant by making a key; a refused one is not made."""
    headers = await world.key(maker)
    answer = await world.http.post("/v1/keys", json=wanted, headers=headers)
    assert answer.status_code == status, answer.text
    count = len((await world.http.get("/v1/keys", headers=await world.key("operator"))).json()["data"])
    assert count == 2 + (status == 201)


async def test_a_visitor_talks_to_its_bot_as_its_entity_and_sees_nothing_else(world: World) -> None:
    """A visitor's conversations are its own; those of others, and every other noun, are not there for it."""
    write = await world.key("write")
    theirs = await world.conversation("Theirs", headers=write)
    bot = await world.made("/v1/bots", {"name": "Mine"}, headers=write)
    entity = await world.made("/v1/entities", {}, headers=write)
    asked = {"scope": "visitor", "bot_id": bot["id"], "entity_id": entity["id"]}
    minted = await world.made("/v1/keys", asked, headers=write)
    assert minted["key"]["expires_at"] is not None
    me = {"X-API-Key": minted["secret"]}
    mine = await world.made("/v1/conversations", {"bot_id": bot["id"]}, headers=me)
    assert mine["entity"]["id"] == entity["id"]
    result = await world.sent(mine["id"], headers=me)
    other = await world.sent(theirs, headers=write)
    listed = (await world.http.get("/v1/conversations", headers=me)).json()["data"]
    assert [each["id"] for each in listed] == [mine["id"]]
    for path in (
        f"/v1/turns/{result['turn']['id']}",
        f"/v1/turns/{result['turn']['id']}/events",
        f"/v1/conversations/{mine['id']}/messages",
    ):
        assert (await world.http.get(path, headers=me)).status_code == 200
    for method, path, body in (
        ("GET", f"/v1/conversations/{theirs}", None),
        ("GET", f"/v1/conversations/{theirs}/messages", None),
        ("GET", f"/v1/conversations/{theirs}/branches", None),
        ("POST", f"/v1/conversations/{theirs}/messages", {"text": "x"}),
        ("POST", f"/v1/conversations/{theirs}/end", {}),
        ("GET", f"/v1/turns/{other['turn']['id']}", None),
        ("GET", f"/v1/turns/{other['turn']['id']}/events", None),
        ("POST", f"/v1/turns/{other['turn']['id']}/stop", None),
        ("POST", f"/v1/messages/{other['message']['id']}/rating", {"rating": 1}),
        ("POST", f"/v1/messages/{other['message']['id']}/regenerate", {}),
        ("POST", f"/v1/messages/{other['user_message']['id']}/edit", {"text": "x"}),
        ("POST", "/v1/conversations", {"bot_id": unknown("bot")}),
        ("POST", "/v1/conversations", {"bot_id": bot["id"], "entity_id": unknown("ent")}),
        ("GET", f"/v1/conversations?bot_id={unknown('bot')}", None),
    ):
        answer = await world.http.request(method, path, json=body, headers=me)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    for method, path, body in (
        ("GET", f"/v1/bots/{bot['id']}", None),
        ("GET", "/v1/entities", None),
        ("GET", "/v1/search?q=x", None),
        ("GET", "/v1/turns", None),
        ("GET", "/v1/keys", None),
        ("POST", "/v1/keys", asked),
        ("PATCH", f"/v1/conversations/{mine['id']}", {}),
        ("DELETE", f"/v1/conversations/{mine['id']}", None),
        ("POST", f"/v1/conversations/{mine['id']}/messages:append", {"messages": [{"role": "assistant", "text": "x"}]}),
        ("POST", f"/v1/conversations/{mine['id']}/messages", {"text": "x", "params": {"max_tokens": 1000000}}),
        ("POST", "/v1/conversations", {"bot_id": bot["id"], "entity": {"name": "Someone else"}}),
        ("GET", "/v1/conversations?deleted=true", None),
        ("POST", f"/v1/conversations/{mine['id']}/end", {"reason": "admin"}),
    ):
        answer = await world.http.request(method, path, json=body, headers=me)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
