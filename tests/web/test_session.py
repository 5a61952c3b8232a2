"""Signing in with a key: what the cookie is, whose requests it counts for, and when it ends."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from palaver.keys import SIGNED_IN_SECONDS
from server.world import BASE, World, a_world

OWN = {"Sec-Fetch-Site": "same-origin", "Origin": BASE}
OLD_BROWSER = {"Origin": BASE}


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as made:
        yield made


async def secret(world: World, scope: str = "write", tenant: str = "default", **fields: object) -> str:
    """Make a key; return it."""
    return (await world.key(scope, tenant, **fields))["Authorization"].removeprefix("Bearer ")


async def signed_in(world: World, key: str, headers: Mapping[str, str] = OWN) -> dict[str, str]:
    """Sign in; return the headers with which the browser shows its cookie."""
    answer = await world.http.post("/v1/session", json={"key": key}, headers=headers)
    assert answer.status_code == 200, answer.text
    world.http.cookies.clear()
    return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}


async def test_who_is_calling_is_told(world: World) -> None:
    """An open server says that it is; a closed one tells nobody's scope, and that of a key or a cookie."""
    assert (await world.http.get("/v1/session")).json() == {
        "open": True,
        "scope": "operator",
        "tenant_id": "default",
        "key_id": None,
    }
    key = await secret(world, "read", "other")
    world.app.state.serving.gate.key_made()
    nobody = {"open": False, "scope": None, "tenant_id": None, "key_id": None}
    assert (await world.http.get("/v1/session")).json() == nobody
    assert (await world.http.get("/v1/session", headers={"X-API-Key": "pk_nonsense"})).json() == nobody
    for headers in ({"X-API-Key": key}, {**await signed_in(world, key), **OWN}):
        told = (await world.http.get("/v1/session", headers=headers)).json()
        assert (told["open"], told["scope"], told["tenant_id"]) == (False, "read", "other")
        assert told["key_id"].startswith("key_")


async def test_the_cookie(world: World) -> None:
    """No script reads it, no other site sends it, it ends after a week, the key is not in it; over TLS it stays there."""
    key = await secret(world)
    answer = await world.http.post("/v1/session", json={"key": key}, headers=OWN)
    cookie = answer.headers["set-cookie"]
    for attribute in ("HttpOnly", "SameSite=strict", "Path=/", f"Max-Age={SIGNED_IN_SECONDS}"):
        assert attribute in cookie
    assert "Secure" not in cookie
    assert key.rpartition("_")[2] not in cookie + answer.text
    assert answer.headers["cache-control"] == "no-store"
    behind_tls = {"Sec-Fetch-Site": "same-origin", "Origin": "https://chat.example"}
    secure = await world.http.post("/v1/session", json={"key": key}, headers=behind_tls)
    assert "Secure" in secure.headers["set-cookie"]


async def test_a_browser_that_signed_in_may_what_its_key_may(world: World) -> None:
    """The cookie has the scope and the tenant of its key; a key in the request goes first."""
    cookie = await signed_in(world, await secret(world, "read"))
    assert (await world.http.get("/v1/bots", headers={**cookie, **OWN})).status_code == 200
    refused = await world.http.post("/v1/bots", json={"name": "x"}, headers={**cookie, **OWN})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    other = await world.key("write", "other")
    made = await world.http.post("/v1/bots", json={"name": "Theirs"}, headers={**cookie, **OWN, **other})
    assert made.status_code == 201
    assert (await world.http.get("/v1/bots", headers={**cookie, **OWN})).json()["data"] == []
    bad = {**cookie, **OWN, "Authorization": "Bearer pk_nonsense"}
    assert (await world.http.get("/v1/bots", headers=bad)).status_code == 401


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "nonsense"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "null"},
    {"Origin": ""},
    {},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=lambda each: " ".join(each.values()) or "nothing said")
async def test_the_cookie_does_not_count_for_other_pages(world: World, headers: dict[str, str]) -> None:
    """A write that is not of a page of this server is 401, though the browser sent the cookie: another port, too."""
    key = await secret(world)
    cookie = await signed_in(world, key)
    answer = await world.http.post("/v1/bots", json={"name": "x"}, headers={**cookie, **headers})
    assert answer.status_code == 401
    refused = await world.http.post("/v1/session", json={"key": key}, headers=headers)
    assert (refused.status_code, "set-cookie" in refused.headers) == (403, False)
    assert (await world.http.get("/v1/bots", headers={"Authorization": f"Bearer {key}"})).json()["data"] == []


async def test_browsers_that_say_less_are_let_in(world: World) -> None:
    """Where a browser tells no site (it is older, or the connection is plain), the origin decides; a typed address reads."""
    cookie = await signed_in(world, await secret(world), OLD_BROWSER)
    made = await world.http.post("/v1/bots", json={"name": "x"}, headers={**cookie, **OLD_BROWSER})
    assert made.status_code == 201
    for headers in ({}, {"Sec-Fetch-Site": "none"}):
        assert (await world.http.get("/v1/bots", headers={**cookie, **headers})).status_code == 200
    for site in ("cross-site", "same-site"):
        foreign = {**cookie, "Sec-Fetch-Site": site}
        assert (await world.http.get("/v1/bots", headers=foreign)).status_code == 401


async def test_nobody_in_between_keeps_an_answer(world: World) -> None:
    """What was answered to a cookie or a key is in no cache that might give it to others, refusals included."""
    cookie = await signed_in(world, await secret(world))
    for headers in ({**cookie, **OWN}, {"X-API-Key": await secret(world, "read")}, {}):
        for path in ("/v1/bots", "/v1/bots/unknown", "/v1/store"):
            answer = await world.http.get(path, headers=headers)
            assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "change", [(3, "0"), (25, "0"), (-1, "0"), (-1, "1")], ids=["expiry", "hash", "seal", "seal again"]
)
async def test_a_forged_token_is_nobodys(world: World, change: tuple[int, str]) -> None:
    """A token of which anything was changed is 401."""
    cookie = (await signed_in(world, await secret(world)))["Cookie"]
    name, _, token = cookie.partition("=")
    at, digit = change
    forged = list(token)
    forged[at] = digit if forged[at] != digit else "a"
    answer = await world.http.get("/v1/bots", headers={"Cookie": f"{name}={''.join(forged)}", **OWN})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "token", ["", "x", "ps_", "pk_00000000_" + "A" * 43, "ps_" + "f" * 17 + "_" + "0" * 64 + "_" + "0" * 64]
)
async def test_what_is_no_token_is_nobodys(world: World, token: str) -> None:
    """Anything else in the cookie is 401: a key is not taken from there."""
    await secret(world)
    world.app.state.serving.gate.key_made()
    answer = await world.http.get("/v1/bots", headers={"Cookie": f"palaver_session={token}", **OWN})
    assert answer.status_code == 401


async def test_it_ends_with_its_key(world: World) -> None:
    """A key that is revoked takes its browsers along; one that expires sooner than a week, too."""
    admin = await world.key("admin")
    made = await world.http.post("/v1/keys", json={"scope": "read", "expires_in_seconds": 60}, headers=admin)
    answer = await world.http.post("/v1/session", json={"key": made.json()["secret"]}, headers=OWN)
    left = re.search(r"Max-Age=(\d+)", answer.headers["set-cookie"])
    assert left is not None
    assert 50 <= int(left[1]) <= 60
    cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0], **OWN}
    world.http.cookies.clear()
    assert (await world.http.get("/v1/bots", headers=cookie)).status_code == 200
    await world.http.delete(f"/v1/keys/{made.json()['key']['id']}", headers=admin)
    assert (await world.http.get("/v1/bots", headers=cookie)).status_code == 401


async def test_it_ends_after_a_week(world: World) -> None:
    """A token is good until its second."""
    cookie = await signed_in(world, await secret(world))
    world.root.keys._clock = _InAWeek(world.root.keys._clock)
    assert (await world.http.get("/v1/bots", headers={**cookie, **OWN})).status_code == 401


class _InAWeek:
    def __init__(self, clock: object) -> None:
        self._clock = clock

    def micros(self) -> int:
        return self._clock.micros() + SIGNED_IN_SECONDS * 1_000_000


async def test_who_may_not_sign_in(world: World) -> None:
    """An unknown key is 401, a visitor's 403: it is for the widget; what is no key is 422. None of them gets a cookie."""
    write = await world.key("write")
    bot = await world.made("/v1/bots", {"name": "x"}, headers=write)
    entity = await world.made("/v1/entities", {}, headers=write)
    wanted = {"scope": "visitor", "bot_id": bot["id"], "entity_id": entity["id"]}
    visitor = (await world.made("/v1/keys", wanted, headers=write))["secret"]
    for body, status in (({"key": "pk_nonsense"}, 401), ({"key": visitor}, 403), ({}, 422), ({"key": ""}, 422)):
        answer = await world.http.post("/v1/session", json=body, headers=OWN)
        assert (answer.status_code, "set-cookie" in answer.headers) == (status, False)


async def test_signing_out(world: World) -> None:
    """The browser forgets the cookie, whoever asks."""
    answer = await world.http.delete("/v1/session")
    assert answer.status_code == 204
    assert 'palaver_session=""' in answer.headers["set-cookie"]
    assert "Max-Age=0" in answer.headers["set-cookie"]


async def test_a_mounted_app_keeps_its_cookie_to_itself(tmp_path: Path) -> None:
    """Under a prefix the cookie is that of the prefix."""
    from fastapi import FastAPI

    async with a_world(tmp_path) as world:
        key = await secret(world)
        outer = FastAPI()
        outer.mount("/chat", world.app)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=outer), base_url=BASE) as http:
            answer = await http.post("/chat/v1/session", json={"key": key}, headers=OWN)
            assert "Path=/chat;" in answer.headers["set-cookie"] + ";"
            assert (await http.get("/chat/")).text.count("ui/") > 20
