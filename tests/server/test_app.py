"""The app around its routes: ids of requests, what breaks, what is counted, pages, mounting, starting."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog
from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import ClientDisconnect
from starlette.testclient import TestClient

from palaver.config import Settings
from palaver.http.doors import Doors
from palaver.models.scripted import ScriptedModel
from palaver.server import create_app
from palaver.server.entrance import Entrance
from server.world import BASE, World, a_world


@pytest.mark.parametrize("given", ["abc-123", "01:x/y+z=_."])
async def test_a_sane_request_id_is_kept(world: World, given: str) -> None:
    """A caller's own id comes back in the header and in the problem."""
    answer = await world.http.get("/v1/nothing", headers={"X-Request-Id": given})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a\tb", "<script>"])
async def test_any_other_request_id_is_replaced(world: World, given: str) -> None:
    """What could break a log line or a page is not echoed."""
    answer = await world.http.get("/v1/bots", headers={"X-Request-Id": given})
    assert answer.headers["x-request-id"].startswith("req_")


async def _through(world: World, error: BaseException) -> httpx2.Response:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise error

    entrance = Entrance(
        broken, state=State({"serving": world.app.state.serving}), doors=Doors(allow_origin=(), any_host=False)
    )
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=entrance), base_url=BASE) as http:
        return await http.get("/v1/bots")


async def test_what_breaks_is_a_500_that_says_nothing(world: World) -> None:
    """An error that nobody foresaw is a problem document without its text; the log has it, by the request's id."""
    with structlog.testing.capture_logs() as logs:
        answer = await _through(world, RuntimeError("secret detail"))
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
    broke = [line for line in logs if line["event"] == "request_broke"]
    assert len(broke) == 1


async def test_a_client_that_left_is_no_error(world: World) -> None:
    """Hanging up while a body is read is normal: nothing is logged as an error."""
    with structlog.testing.capture_logs() as logs, pytest.raises(AssertionError):
        await _through(world, ClientDisconnect())  # the client library misses its answer
    assert not [line for line in logs if line["log_level"] in ("error", "warning")]


async def test_secrets_are_in_no_log_and_no_metric(world: World) -> None:
    """A key that was shown, good or bad, appears in no log line and no metric."""
    with structlog.testing.capture_logs() as logs:
        good = await world.key("admin")
        secret = good["Authorization"].removeprefix("Bearer ")
        answers = [
            await world.http.get("/v1/bots", headers=good),
            await world.http.get("/v1/bots", headers={"X-API-Key": secret + "x"}),
            await world.http.get("/metrics", headers=good),
            await world.http.get("/v1/keys", headers=good),
        ]
    assert [answer.status_code for answer in answers] == [200, 401, 200, 200]
    assert secret not in json.dumps(logs, default=str) + "".join(answer.text for answer in answers)


async def test_metrics_count_by_route(world: World) -> None:
    """Requests are counted by route and status; ids and unknown methods make no series of their own."""
    conversation_id = await world.conversation()
    await world.http.get(f"/v1/conversations/{conversation_id}")
    await world.http.request("BREW", "/v1/pots/1")
    text = (await world.http.get("/metrics")).text
    assert 'palaver_http_requests_total{method="GET",route="/v1/conversations/{id}",status="200"} 1.0' in text
    assert 'method="other"' in text
    assert conversation_id not in text
    assert "/v1/pots" not in text


async def test_the_pages_come_with_the_package(world: World) -> None:
    """Each page and asset is served from here, and names no other host."""
    for path, media_type in (
        ("/", "text/html"),
        ("/docs", "text/html"),
        ("/docs/page.js", "text/javascript"),
        ("/docs/page.css", "text/css"),
    ):
        answer = await world.http.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(media_type)
        assert "://" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert (await world.http.get("/openapi.json")).json()["info"]["title"] == "Palaver"


async def test_readiness_names_no_file_to_strangers(world: World) -> None:
    """Whether the store answers is told to anyone; how it is set, only while the server is open; where it is, never."""
    told = await world.http.get("/readyz")
    assert told.json()["store"]["settings"]["journal_mode"] == "wal"
    assert "chat.db" not in told.text
    await world.key("read")
    assert (await world.http.get("/v1/bots")).status_code in (200, 401)
    world.app.state.serving.gate.key_made()
    told = await world.http.get("/readyz")
    assert (told.status_code, told.json()["store"]["survives_kill"]) == (200, True)
    assert "chat.db" not in told.text
    assert told.json()["store"]["settings"] == {}


@pytest.mark.parametrize(("store", "level"), [("chat.db", "info"), (":memory:", "warning")])
def test_the_guarantee_is_logged(tmp_path: Path, store: str, level: str) -> None:
    """A server's log begins with what an acknowledgement means, as a warning where it was told to take a risk."""
    where = store if store == ":memory:" else str(tmp_path / store)
    app = create_app(Settings(store=where, unsafe_durability=True))
    with structlog.testing.capture_logs() as logs, TestClient(app, base_url=BASE):
        pass
    (said,) = [line for line in logs if line["event"] == "guarantee"]
    assert (said["log_level"], bool(said["risks"])) == (level, level == "warning")
    assert said["settings"]["journal_mode"]


def _settings(folder: Path) -> Settings:
    return Settings(store=str(folder / "chat.db"), default_model="model")


def test_the_factory_opens_its_own_store(tmp_path: Path) -> None:
    """Under any ASGI server ``create_app`` opens the store with its lifespan and closes it with its end."""
    app = create_app(_settings(tmp_path), models={"model": ScriptedModel()})
    for expected in (201, 409):
        with TestClient(app, base_url=BASE) as http:
            assert http.post("/v1/bots", json={"name": "Helper"}).status_code == expected


def test_an_app_that_was_not_started_says_so(tmp_path: Path) -> None:
    """Without its lifespan every request is 503 ``store_unavailable``."""
    answer = TestClient(create_app(_settings(tmp_path)), base_url=BASE).get("/v1/bots")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")


async def test_it_is_mounted_in_another_app(tmp_path: Path) -> None:
    """Under a prefix the routes, the Locations and the pages are those of the prefix."""
    async with a_world(tmp_path) as world:
        outer = FastAPI()
        outer.mount("/chat", world.app)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=outer), base_url=BASE) as http:
            made = await http.post("/chat/v1/bots", json={"name": "Helper"})
            assert made.headers["location"] == f"/chat/v1/bots/{made.json()['id']}"
            assert (await http.get(made.headers["location"])).json() == made.json()
            refused = await http.put("/chat/v1/bots", json={})
            assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, POST")
            assert (await http.get("/chat/docs")).status_code == 200


async def test_routes_may_be_added_but_no_middleware(world: World) -> None:
    """A route of one's own works and is documented; middleware, which would not see our routes, is refused."""

    async def mine() -> dict[str, str]:
        return {"mine": "yes"}

    world.app.get("/mine")(mine)
    answer = await world.http.get("/mine")
    assert (answer.status_code, answer.json()) == (200, {"mine": "yes"})
    assert answer.headers["x-request-id"]
    assert {"/mine", "/v1/bots"} <= set(world.app.openapi()["paths"])
    assert (await world.http.get("/mine/not")).json()["code"] == "not_found"
    refused = await world.http.post("/mine")
    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
    assert refused.headers["allow"] == "GET"
    with pytest.raises(RuntimeError, match="Wrap the app"):
        world.app.add_middleware(Entrance)
