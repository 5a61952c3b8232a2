"""The seam between the server and any drop-in surface: how one is mounted, who comes in, and how its clients are refused."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
import structlog
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount

from palaver.compat.base import Surface, SurfaceRoute
from palaver.config import Settings
from palaver.errors import FeatureAbsent, NotFound, PalaverError, StoreUnavailable, Unauthenticated
from palaver.http.bodies import read_json
from palaver.http.sse import Stream
from palaver.server import create_app
from palaver.server.app import PalaverApp
from palaver.serving import Caller
from palaver.tenant import Scope
from server.world import BASE, World, a_world


def refusal(error: PalaverError, status: int) -> Response:
    return JSONResponse({"wrong": error.code, "why": error.message}, status)


def token_of(headers: Headers) -> str:
    if "x-token" not in headers:
        raise Unauthenticated("Show a token.")
    return headers["x-token"]


async def whose(caller: Caller) -> Response:
    return JSONResponse({"tenant": caller.access.tenant_id, "id": caller.request.path_params["id"]})


async def take(caller: Caller) -> Response:
    return JSONResponse({"taken": await read_json(caller.request, 100)})


async def lose(_caller: Caller) -> Response:
    raise NotFound


async def break_down(_caller: Caller) -> Response:
    raise ZeroDivisionError("kanarienvogel")


async def lack(_caller: Caller) -> Response:
    raise FeatureAbsent("This has no place here.")


async def cut(caller: Caller) -> Response:
    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b"word"
        raise StoreUnavailable("The store is away.")

    return Stream(pieces(), slots=caller.serving.streams, headers={}, turn_id="turn_x")


async def where(caller: Caller) -> Response:
    return JSONResponse({"url": caller.url("/sample/things")})


SAMPLE = Surface(
    name="sample",
    prefix="/sample",
    routes=(
        SurfaceRoute(method="GET", path="/things/{id}", run=whose),
        SurfaceRoute(method="POST", path="/things", run=take, scope=Scope.WRITE),
        SurfaceRoute(method="DELETE", path="/things", run=lose, scope=Scope.ADMIN),
        SurfaceRoute(method="GET", path="/broken", run=break_down),
        SurfaceRoute(method="GET", path="/lacking", run=lack),
        SurfaceRoute(method="GET", path="/cut", run=cut),
        SurfaceRoute(method="GET", path="/where", run=where, scope=None),
    ),
    refusal=refusal,
    secret_of=token_of,
    query_secret="token",
    straighten=lambda path: path.replace("//", "/").rstrip("/"),
)
AT_THE_ROOT = Surface(
    name="root", prefix="", routes=(SurfaceRoute(method="GET", path="/at-the-root", run=where),), refusal=refusal
)


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as made:
        app = create_app(made.root.settings, hub_root=made.root)
        assert isinstance(app, PalaverApp)
        app.surfaces = (SAMPLE, AT_THE_ROOT)
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url=BASE) as http:
            yield World(app=app, root=made.root, model=made.model, http=http)


async def token(world: World, scope: str, tenant: str = "a", **fields: str) -> dict[str, str]:
    return {"X-Token": (await world.key(scope, tenant, **fields))["Authorization"].removeprefix("Bearer ")}


async def test_what_leads_nowhere_is_refused_in_the_surfaces_form(world: World) -> None:
    """Below a prefix an unknown path is its 404, and a known one with another method its 405 that names the methods."""
    for path in ("/sample/", "/sample/nothing", "/sample/things/x/y", "/sample/%2e%2e/v1/bots"):
        answer = await world.http.get(path)
        assert (answer.status_code, answer.json()["wrong"]) == (404, "not_found"), path
        assert answer.headers["x-request-id"]
    answer = await world.http.put("/sample/things")
    assert (answer.status_code, answer.json()["wrong"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "DELETE, POST"


async def test_outside_its_prefix_a_surface_has_nothing(world: World) -> None:
    """A prefix is a whole word, and a surface at the root has its own paths and no more: the rest stays our own API's."""
    for path in ("/sample", "/samples/things/x", "/nothing", "/at-the-root/below"):
        answer = await world.http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path
    answer = await world.http.post("/at-the-root")
    assert (answer.status_code, answer.json()["wrong"], answer.headers["allow"]) == (
        405,
        "method_not_allowed",
        "GET, HEAD",
    )
    assert (await world.http.get("/v1/bots")).status_code == 200
    assert (await world.http.put("/v1/bots")).json()["code"] == "method_not_allowed"


async def test_a_path_may_be_written_in_several_ways(world: World) -> None:
    """The surface says which ways of writing lead to one route; what its parameters hold is what was written."""
    for path in ("/sample/things/x", "/sample//things/x", "/sample/things/x/"):
        answer = await world.http.get(path)
        assert answer.json() == {"tenant": "default", "id": "x"}, path
    assert (await world.http.head("/sample/things/x")).status_code == 200


async def test_a_key_is_read_where_its_clients_put_it(world: World) -> None:
    """The tenant is the key's; no key, a wrong one, or one at another place is 401 in the surface's form."""
    known = await token(world, "read")
    assert (await world.http.get("/sample/things/x", headers=known)).json()["tenant"] == "a"
    for headers in ({}, {"X-Token": "wrong"}, {"Authorization": f"Bearer {known['X-Token']}"}):
        answer = await world.http.get("/sample/things/x", headers=headers)
        assert (answer.status_code, answer.json()["wrong"]) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"]
    assert (await world.http.get("/sample/where")).json() == {"url": "/sample/things"}


async def test_a_key_in_the_query_counts_where_no_header_has_one(world: World) -> None:
    """Clients that show no header may have their key in the query; one in a header is the one that counts."""
    known = (await token(world, "read"))["X-Token"]
    answer = await world.http.get("/sample/things/x", params={"token": known})
    assert answer.json()["tenant"] == "a"
    for headers, secret in (({}, "wrong"), ({}, ""), ({"X-Token": "wrong"}, known)):
        answer = await world.http.get("/sample/things/x", params={"token": secret}, headers=headers)
        assert (answer.status_code, answer.json()["wrong"]) == (401, "unauthenticated")
    assert (await world.http.get("/at-the-root", params={"token": known})).status_code == 401


async def test_a_route_asks_for_its_scope(world: World) -> None:
    """A key that may less is refused before the body is looked at; one that may more does."""
    read, write, admin = [await token(world, scope) for scope in ("read", "write", "admin")]
    for headers, status in ((read, 403), (write, 200), (admin, 200)):
        assert (await world.http.post("/sample/things", json={}, headers=headers)).status_code == status
    for headers, status in ((read, 403), (write, 403), (admin, 404)):
        answer = await world.http.delete("/sample/things", headers=headers)
        assert answer.status_code == status
        assert answer.json()["wrong"] == ("forbidden" if status == 403 else "not_found")


async def test_a_visitor_is_refused_whatever_the_scope(world: World) -> None:
    """A visitor's key is good for the widget, and for no route of a surface."""
    hub = world.root.for_tenant("a")
    await world.root.store.ensure_tenant("a")
    bot, entity = await hub.bots.create(name="Bot"), await hub.entities.create()
    visitor = await token(world, "visitor", bot_id=bot.id, entity_id=entity.id)
    for method, path in (("GET", "/sample/things/x"), ("POST", "/sample/things"), ("DELETE", "/sample/things")):
        answer = await world.http.request(method, path, headers=visitor)
        assert (answer.status_code, answer.json()["wrong"]) == (403, "forbidden")


async def test_an_error_that_is_ours_tells_nothing(world: World) -> None:
    """A fault is a 500 in the surface's form, with none of what broke; the log has it."""
    answer = await world.http.get("/sample/broken")
    assert (answer.status_code, answer.json()["wrong"]) == (500, "internal")
    assert "kanarienvogel" not in answer.text
    assert "ZeroDivision" not in answer.text


async def test_what_is_refused_on_purpose_is_no_failure(world: World) -> None:
    """The log has what a surface lacks, what a server that stops does not begin and what a caller did wrong, but not as errors."""
    with structlog.testing.capture_logs() as logs:
        assert (await world.http.get("/sample/lacking")).status_code == 501
        assert (await world.http.get("/sample/nothing")).status_code == 404
        await world.root.engine.drain()
        assert (await world.http.post("/sample/things", json={})).status_code == 503
    assert [line["code"] for line in logs if line["event"] == "request_refused"] == ["feature_absent", "shutting_down"]
    assert not [line for line in logs if line["log_level"] in ("warning", "error")]


async def test_a_stream_that_is_cut_is_logged_with_its_turn(world: World) -> None:
    """Whoever reads the log knows which turn's stream ended too early, and why."""
    with structlog.testing.capture_logs() as logs:
        assert (await world.http.get("/sample/cut")).text == "word"
    [line] = [line for line in logs if line["event"] == "stream_cut"]
    assert (line["turn_id"], line["code"], line["log_level"]) == ("turn_x", "store_unavailable", "warning")


async def test_bad_bodies_are_refused_in_the_surfaces_form(world: World) -> None:
    """The strict checks of every body run for surfaces, too."""
    typed = {"Content-Type": "application/json"}
    bodies = [
        (b"", 400, "invalid_body"),
        (b'{"a": NaN}', 400, "invalid_number"),
        (b'{"a": 1, "a": 2}', 400, "duplicate_key"),
        (b"[" * 90, 400, "json_too_deep"),
        (b'{"a": "' + b"x" * 100 + b'"}', 413, "body_too_large"),
    ]
    for body, status, code in bodies:
        answer = await world.http.post("/sample/things", content=body, headers=typed)
        assert (answer.status_code, answer.json()["wrong"]) == (status, code)


async def test_what_is_counted_has_the_routes_name(world: World) -> None:
    """Metrics know a request of a surface by its route, and never by what stood in the path."""
    await world.http.get("/sample/things/kanarienvogel")
    metrics = (await world.http.get("/metrics")).text
    assert 'route="/sample/things/{id}"' in metrics
    assert "kanarienvogel" not in metrics


async def test_a_draining_server_reads_and_does_not_write(world: World) -> None:
    """While a server stops its surfaces still answer reads; what would write is asked to come again."""
    await world.root.engine.drain()
    assert (await world.http.get("/sample/things/x")).status_code == 200
    answer = await world.http.post("/sample/things", json={})
    assert (answer.status_code, answer.json()["wrong"]) == (503, "shutting_down")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("path", ["/sample/things/x", "/sample/nothing", "/at-the-root"])
@pytest.mark.parametrize(
    ("headers", "code"),
    [({"Host": "evil.example"}, "host_not_allowed"), ({"Origin": "https://evil.example"}, "origin_not_allowed")],
)
async def test_the_door_refuses_in_the_surfaces_form(
    world: World, path: str, headers: dict[str, str], code: str
) -> None:
    """Who may not come in at all is told so as the clients of that path read it."""
    answer = await world.http.get(path, headers=headers)
    assert (answer.status_code, answer.json()["wrong"]) == (403, code)
    assert "problem" not in answer.headers["content-type"]


async def test_a_surface_is_where_the_app_is_mounted(world: World) -> None:
    """In somebody else's app its paths, in all their ways of writing, and its refusals are the same below the mount."""
    transport = httpx2.ASGITransport(app=Starlette(routes=[Mount("/chat", world.app)]))
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as http:
        assert (await http.get("/chat/sample//things/x/")).json()["id"] == "x"
        for path, status in (("/chat/sample/nothing", 404), ("/chat/sample/things", 405)):
            answer = await http.get(path)
            assert (answer.status_code, "wrong" in answer.json()) == (status, True)
        answer = await http.get("/chat/at-the-root", headers={"Host": "evil.example"})
        assert answer.json()["wrong"] == "host_not_allowed"


async def test_an_app_that_was_not_started_says_so_in_the_surfaces_form() -> None:
    """Whoever forgot the lifespan is told by each surface in its own words."""
    app = create_app(Settings())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=BASE) as http:
        answer = await http.get("/openai/v1/models")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_unavailable")
