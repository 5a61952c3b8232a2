"""Visitors of a bot's widget: who may become one, what its token opens, how much it may say, and how it says who it is."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import pictures
from palaver.errors import TooManyStreams, Unauthenticated
from palaver.http.sse import StreamSlots
from palaver.server.visits import VISITOR_STREAMS_MAX
from palaver.testing.clock import FakeClock
from palaver.visitors import UNNAMED_SECONDS, Visitors
from server.world import World, a_world, unknown

SHOP = "https://shop.example"
WIDGET = {"allowed_origins": [SHOP], "title": "Ask us", "messages_per_minute": 3, "messages_per_day": 5}
NAMED = {"name": "Ada", "email": "ada@example.org"}


async def open_bot(world: World, name: str = "Helper", headers: dict[str, str] | None = None, **widget: Any) -> str:
    """Make a bot with a widget; return its id."""
    made = await world.made("/v1/bots", {"name": name, "widget": {**WIDGET, **widget}}, headers=headers or {})
    return str(made["id"])


def shown(visitor: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {visitor['token']}"}


async def visit(world: World, bot_id: str) -> dict[str, str]:
    """Become a visitor; return the headers that show it."""
    return shown(await world.made(f"/v1/widgets/{bot_id}/visitors", {}))


async def chat_of(world: World, bot_id: str, headers: dict[str, str]) -> str:
    return str((await world.made("/v1/conversations", {"bot_id": bot_id}, headers=headers))["id"])


async def codes(world: World, method: str, path: str, headers: dict[str, str], body: Any = None) -> tuple[int, str]:
    answer = await world.http.request(method, path, json=body, headers=headers)
    return answer.status_code, answer.json().get("code", "") if answer.content else ""


async def test_anyone_may_know_how_a_widget_looks_and_no_more(world: World) -> None:
    """What a widget's page shows is public, with no key; instructions, model and origins are not in it."""
    await world.key("admin")
    admin = await world.key("admin")
    bot_id = await open_bot(world, headers=admin, lead="optional", color="#aa3300", suggestions=["Where is my parcel?"])
    answer = await world.http.get(f"/v1/widgets/{bot_id}")
    assert answer.json() == {
        "bot_id": bot_id,
        "title": "Ask us",
        "greeting": None,
        "suggestions": ["Where is my parcel?"],
        "color": "#aa3300",
        "lead": "optional",
        "consent": None,
    }
    assert (await world.http.get("/v1/bots", headers={})).status_code == 401


async def test_a_bot_without_a_widget_has_no_visitors(world: World) -> None:
    """Closed unless opened: it is not there for whoever shows no key, like a bot that is unknown, deleted or another tenant's."""
    admin, other = await world.key("admin"), await world.key("admin", tenant="other")
    closed = (await world.made("/v1/bots", {"name": "Closed"}, headers=admin))["id"]
    gone, foreign = await open_bot(world, "Gone", admin), await open_bot(world, "Theirs", other)
    await world.http.delete(f"/v1/bots/{gone}", headers=admin)
    for bot_id in (closed, gone, foreign, unknown("bot"), "nonsense"):
        for method, path in (("GET", f"/v1/widgets/{bot_id}"), ("POST", f"/v1/widgets/{bot_id}/visitors")):
            assert await codes(world, method, path, {}) == (404, "not_found"), (bot_id, method)
    theirs = await world.http.get(f"/v1/widgets/{foreign}?tenant_id=other")
    assert theirs.status_code == 200
    assert (await world.http.get("/v1/entities", headers=admin)).json()["data"] == []


async def test_a_visitor_talks_and_sees_its_own_alone(world: World) -> None:
    """Two visitors of one bot: each has its conversation, and the other's and every other noun is not there."""
    admin = await world.key("admin")
    bot_id = await open_bot(world, headers=admin)
    ada, bob = await visit(world, bot_id), await visit(world, bot_id)
    chat = await chat_of(world, bot_id, ada)
    sent = await world.sent(chat, "Hello?", headers=ada)
    assert sent["turn"]["status"] == "completed"
    assert [each["id"] for each in (await world.http.get("/v1/conversations", headers=ada)).json()["data"]] == [chat]
    assert (await world.http.get("/v1/conversations", headers=bob)).json()["data"] == []
    for path in (f"/v1/conversations/{chat}", f"/v1/turns/{sent['turn']['id']}", f"/v1/conversations/{chat}/messages"):
        assert (await world.http.get(path, headers=ada)).status_code == 200
        assert await codes(world, "GET", path, bob) == (404, "not_found")
    for path in ("/v1/bots", f"/v1/bots/{bot_id}", "/v1/entities", "/v1/keys", "/v1/turns", "/v1/search?q=Hello"):
        assert await codes(world, "GET", path, ada) == (403, "forbidden")
    assert await codes(world, "GET", "/sessions/x/history", ada) in {(403, "forbidden"), (404, "not_found")}
    told = (await world.http.get("/v1/session", headers=ada)).json()
    assert (told["scope"], told["open"], told["key_id"]) == ("visitor", False, None)


async def test_a_token_binds_on_an_open_server_too(world: World) -> None:
    """Where nobody needs a key, whoever shows a visitor's token is that visitor: the drop-in surfaces refuse it as well."""
    bot_id = await open_bot(world)
    mine = await world.conversation("Mine")
    ada = await visit(world, bot_id)
    assert (await world.http.get(f"/v1/conversations/{mine}")).status_code == 200
    assert await codes(world, "GET", f"/v1/conversations/{mine}", ada) == (404, "not_found")
    assert await codes(world, "GET", "/v1/bots", ada) == (403, "forbidden")
    assert await codes(world, "POST", "/v1/keys", ada, {"scope": "admin"}) == (403, "forbidden")
    assert (await world.http.get("/sessions", headers=ada)).status_code == 403
    for path in ("/openai/v1/models", "/knowrithm/v1/agent"):
        assert (await world.http.get(path, headers=ada)).status_code == 403
    forged = {"Authorization": ada["Authorization"][:-1] + "x"}
    assert await codes(world, "GET", "/v1/bots", forged) == (401, "unauthenticated")
    assert (await world.http.get("/v1/session", headers=forged)).json()["scope"] is None


def forgeries(token: str, other: str) -> list[str]:
    """What somebody could try who has a token, and one of another visitor."""
    _, expiry, bot, entity, seal, tenant = token.split("_", 5)
    theirs = other.split("_", 5)
    return [
        token[:-1],
        token + "x",
        f"pv_{int(expiry, 16) + 1:x}_{bot}_{entity}_{seal}_{tenant}",
        f"pv_{expiry}_k{bot[1:]}_{entity}_{seal}_{tenant}",
        f"pv_{expiry}_{bot}_{theirs[3]}_{seal}_{tenant}",
        f"pv_{expiry}_{bot}_{theirs[3]}_{theirs[4]}_{tenant}" if theirs[1] != expiry else "pv_",
        f"pv_{expiry}_{bot}_{entity}_{seal}_other",
        f"pv_{expiry}_{bot}_{entity}_{'0' * 64}_{tenant}",
        token.upper(),
        "pv_",
    ]


async def test_a_forged_token_opens_nothing(world: World) -> None:
    """Another end, bot, entity, tenant or seal is refused, and the answer does not say why."""
    await world.key("admin")
    bot_id = await open_bot(world, headers=await world.key("admin"))
    ada, bob = await visit(world, bot_id), await visit(world, bot_id)
    token, other = ada["Authorization"][7:], bob["Authorization"][7:]
    for forged in forgeries(token, other):
        assert await codes(world, "GET", "/v1/conversations", {"X-API-Key": forged}) == (401, "unauthenticated"), forged
    assert (await world.http.get("/v1/conversations", headers={"X-API-Key": token})).status_code == 200


async def test_a_token_ends_with_what_it_names(world: World) -> None:
    """A widget that is closed, a bot or an entity that is deleted: the token is no good; opened again, it is."""
    admin = await world.key("admin")
    bot_id = await open_bot(world, headers=admin)
    ada, bob = await world.made(f"/v1/widgets/{bot_id}/visitors", {}), await visit(world, bot_id)
    bot = f"/v1/bots/{bot_id}"
    for change, status in (({"widget": None}, 401), ({"widget": WIDGET}, 200)):
        assert (await world.http.patch(bot, json=change, headers=admin)).status_code == 200
        assert (await world.http.get("/v1/conversations", headers=shown(ada))).status_code == status
    await world.http.delete(f"/v1/entities/{ada['entity']['id']}", headers=admin)
    assert (await world.http.get("/v1/conversations", headers=shown(ada))).status_code == 401
    assert (await world.http.get("/v1/conversations", headers=bob)).status_code == 200
    await world.http.delete(bot, headers=admin)
    assert (await world.http.get("/v1/conversations", headers=bob)).status_code == 401


async def test_a_token_is_good_for_a_month_and_renewed_while_it_is_used(world: World) -> None:
    """A renewed token ends a month after its renewal; one that is too old can't be renewed."""
    bot_id, clock = await open_bot(world), FakeClock()
    desk = Visitors(world.root.store, b"secret", clock)
    visitor = await desk.enter("default", bot_id)
    clock.advance(UNNAMED_SECONDS - 1)
    renewed = await desk.renew(await desk.admit(visitor.token))
    clock.advance(1)
    with pytest.raises(Unauthenticated):
        await desk.admit(visitor.token)
    clock.advance(UNNAMED_SECONDS - 2)
    assert (await desk.admit(renewed.token)).entity_id == visitor.entity.id
    with pytest.raises(Unauthenticated):
        await Visitors(world.root.store, b"another secret", clock).admit(renewed.token)


async def test_a_key_makes_an_entity_a_visitor(world: World) -> None:
    """With a ``write`` key, of any bot of its tenant; no row is kept, and the token ends when it was said to."""
    await world.key("admin")
    write, read = await world.key("write"), await world.key("read")
    bot = (await world.made("/v1/bots", {"name": "Closed"}, headers=write))["id"]
    entity = (await world.made("/v1/entities", {**NAMED, "external_id": "42"}, headers=write))["id"]
    path, body = "/v1/visitors", {"bot_id": bot, "entity_id": entity}
    assert await codes(world, "POST", path, read, body) == (403, "forbidden")
    assert await codes(world, "POST", path, {}, body) == (401, "unauthenticated")
    visitor = await world.made(path, body, headers=write)
    chat = await chat_of(world, bot, shown(visitor))
    talk = (await world.http.get(f"/v1/conversations/{chat}", headers=write)).json()
    assert talk["entity"]["external_id"] == "42"
    renewed = (await world.http.post("/v1/visitors/me/renew", headers=shown(visitor))).json()
    assert renewed["expires_at"] == visitor["expires_at"]
    assert await codes(world, "PATCH", "/v1/visitors/me", shown(visitor), NAMED) == (403, "forbidden")
    assert len((await world.http.get("/v1/keys", headers=await world.key("admin"))).json()["data"]) == 4
    too_long = {**body, "expires_in_seconds": 86_401}
    assert await codes(world, "POST", path, write, too_long) == (422, "invalid_parameter")


async def test_a_visitor_who_says_who_it_is_is_a_lead(world: World) -> None:
    """Name and address are kept on its entity, with the sentence that it agreed to; without consent nothing is."""
    bot_id = await open_bot(world, consent="You may write to me.")
    made = await world.made(f"/v1/widgets/{bot_id}/visitors", {})
    me, entity = shown(made), f"/v1/entities/{made['entity']['id']}"
    assert made["entity"]["type"] == "USER"
    assert await codes(world, "PATCH", "/v1/visitors/me", me, NAMED) == (422, "missing_field")
    for wrong in ({**NAMED, "email": "nobody"}, {**NAMED, "name": " "}, {"name": "Ada"}, {**NAMED, "type": "USER"}):
        assert (await world.http.patch("/v1/visitors/me", json=wrong, headers=me)).status_code == 422
    assert (await world.http.get(entity)).json() == made["entity"]
    said = (await world.http.patch("/v1/visitors/me", json={**NAMED, "consent": True}, headers=me)).json()
    kept = (await world.http.get(entity)).json()
    assert said["entity"] == kept
    assert (kept["type"], kept["name"], kept["email"]) == ("LEAD", "Ada", "ada@example.org")
    assert kept["metadata"] == {"consent": "You may write to me."}
    assert (await world.http.get("/v1/conversations", headers=shown(said))).status_code == 200


async def test_only_a_visitor_is_a_visitor(world: World) -> None:
    """Whoever shows a key, or nothing on an open server, has no ``me``."""
    for method, path, body in (("PATCH", "/v1/visitors/me", NAMED), ("POST", "/v1/visitors/me/renew", None)):
        assert await codes(world, method, path, {}, body) == (403, "forbidden")


async def test_a_required_form_is_required_by_the_server(world: World) -> None:
    """Before it said who it is a visitor can't send; afterwards it can."""
    bot_id = await open_bot(world, lead="required")
    me = await visit(world, bot_id)
    chat = await chat_of(world, bot_id, me)
    path = f"/v1/conversations/{chat}/messages"
    assert await codes(world, "POST", path, me, {"text": "Hello?"}) == (403, "lead_required")
    assert (await world.http.patch("/v1/visitors/me", json=NAMED, headers=me)).status_code == 200
    assert (await world.sent(chat, headers=me))["turn"]["status"] == "completed"


async def test_a_visitor_says_so_much_and_no_more(world: World) -> None:
    """Sends, edits and new answers count together, for each visitor; the answer says when to try again."""
    bot_id = await open_bot(world)
    me, other = await visit(world, bot_id), await visit(world, bot_id)
    chat = await chat_of(world, bot_id, me)
    sent = await world.sent(chat, headers=me)
    await world.made(f"/v1/messages/{sent['message']['id']}/regenerate", {}, headers=me)
    await world.made(f"/v1/messages/{sent['user_message']['id']}/edit", {"text": "Well?"}, headers=me)
    calls = world.model.call_count
    answer = await world.http.post(f"/v1/conversations/{chat}/messages", json={"text": "Again"}, headers=me)
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert world.model.call_count == calls
    assert (await world.sent(await chat_of(world, bot_id, other), headers=other))["turn"]["status"] == "completed"


async def test_a_visitor_makes_so_many_conversations_and_uploads(world: World) -> None:
    """What fills the store is counted, each by itself."""
    bot_id = await open_bot(world)
    me = await visit(world, bot_id)
    for path, body in (
        ("/v1/conversations", {"bot_id": bot_id}),
        ("/v1/files", {"data": pictures.data_url(pictures.plain())}),
    ):
        found = [await codes(world, "POST", path, me, body) for _ in range(4)]
        assert [status for status, _ in found] == [201, 201, 201, 429]


async def test_a_visitor_holds_so_many_streams_open_and_no_more(world: World) -> None:
    """One visitor can't take the room of all others; what it lets go is free again."""
    slots = world.app.state.serving.streams
    mine, other = slots.of("mine", 2), slots.of("other", 2)
    with mine.taken(), mine.taken(), slots.taken():
        assert slots.open == 3
        with pytest.raises(TooManyStreams):
            slots.of("mine", 2).check()
        other.check()
        slots.check()
    slots.of("mine", 2).check()
    full = StreamSlots(1, 15)
    with full.taken(), pytest.raises(TooManyStreams):
        full.of("mine", 2).check()


async def test_a_visitors_streams_are_its_own(world: World) -> None:
    """With none of them left both a send and a reader are refused, and nothing is stored; another visitor has its own."""
    bot_id = await open_bot(world)
    me, other = await visit(world, bot_id), await visit(world, bot_id)
    chat = await chat_of(world, bot_id, me)
    turn = (await world.sent(chat, headers=me))["turn"]["id"]
    entity = (await world.http.get(f"/v1/conversations/{chat}")).json()["entity"]["id"]
    wanted = {"Accept": "text/event-stream"}
    held = world.app.state.serving.streams.of(f"{bot_id} {entity}", VISITOR_STREAMS_MAX)
    with ExitStack() as stack:
        for _ in range(VISITOR_STREAMS_MAX):
            stack.enter_context(held.taken())
        path = f"/v1/conversations/{chat}/messages"
        assert await codes(world, "POST", path, {**me, **wanted}, {"text": "x"}) == (429, "too_many_streams")
        assert await codes(world, "GET", f"/v1/turns/{turn}/events", me) == (429, "too_many_streams")
        theirs = await chat_of(world, bot_id, other)
        sent = await world.http.post(
            f"/v1/conversations/{theirs}/messages", json={"text": "x"}, headers={**other, **wanted}
        )
        assert sent.status_code == 200
    assert (await world.http.get(f"/v1/conversations/{chat}")).json()["message_count"] == 2
    assert (await world.http.get(f"/v1/turns/{turn}/events", headers=me)).status_code == 200


async def test_one_address_is_so_many_visitors_and_no_more(tmp_path: Path) -> None:
    """Nobody fills the store with entities; behind a proxy the address is the one that this saw."""
    async with a_world(tmp_path, limits={"visitors_per_hour": 2}) as world:
        bot_id = await open_bot(world)
        path = f"/v1/widgets/{bot_id}/visitors"

        async def enter(*seen: str) -> int:
            headers = {"X-Forwarded-For": ", ".join(seen)} if seen else {}
            return (await world.http.post(path, json={}, headers=headers)).status_code

        assert [await enter() for _ in range(3)] == [201, 201, 429]
        assert [await enter(f"198.51.100.{n}", "203.0.113.9") for n in range(3)] == [201, 201, 429]
        assert [await enter(f"2001:db8:1:2::{n}") for n in range(3)] == [201, 201, 429]
        assert await enter("2001:db8:1:3::1") == 201
        assert len((await world.http.get("/v1/entities")).json()["data"]) == 7
        assert await codes(world, "POST", f"/v1/widgets/{unknown('bot')}/visitors", {}) == (404, "not_found")


async def test_a_visitors_words_about_its_page_are_data(world: World) -> None:
    """``source`` and ``page`` stand in the metadata of its conversation, as they were said."""
    bot_id = await open_bot(world)
    me = await visit(world, bot_id)
    said = {"source": "<b>shop</b>", "page": 'javascript:alert("x")'}
    made = await world.made("/v1/conversations", {"bot_id": bot_id, "metadata": said}, headers=me)
    assert (await world.http.get(f"/v1/conversations/{made['id']}")).json()["metadata"] == said
    found = await world.http.get("/v1/conversations", params={"metadata.source": "<b>shop</b>"})
    assert [each["id"] for each in found.json()["data"]] == [made["id"]]
    assert json.loads(found.text)


async def test_the_widgets_page_names_those_that_may_show_it(world: World) -> None:
    """Its policy is the page's, and the origins of its bot: no other request, no inline script, Trusted Types."""
    bot_id = await open_bot(world, allowed_origins=[SHOP, "http://localhost:3000"])
    answer = await world.http.get(f"/embed/{bot_id}")
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert f"frame-ancestors {SHOP} http://localhost:3000;" in policy
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "require-trusted-types-for 'script'; trusted-types dompurify" in policy
    assert "unsafe" not in policy
    named = re.findall(r'(?:href|src)="([^"]+)"', answer.text)
    assert len(named) > 20
    for path in named:
        assert (await world.http.get(f"/embed/{path}")).status_code == 200
    every = await open_bot(world, "Every", allowed_origins=["*"])
    assert "frame-ancestors *;" in (await world.http.get(f"/embed/{every}")).headers["content-security-policy"]


async def test_the_page_of_a_closed_widget_has_nothing_in_it(world: World) -> None:
    """Whoever shows it: a sentence, no script, and not a word about the bot."""
    closed = (await world.made("/v1/bots", {"name": "Secret"}))["id"]
    bot_id = await open_bot(world)
    paths = [
        closed,
        unknown("bot"),
        "nonsense",
        f"{bot_id}?tenant_id=other",
        f"{bot_id}?tenant_id=%0d%0aX",
        f"{bot_id}?x=1",
    ]
    for path in paths:
        answer = await world.http.get(f"/embed/{path}")
        assert answer.status_code == 404
        assert "This chat is closed" in answer.text
        assert "<script" not in answer.text
        assert "Secret" not in answer.text
        assert "script-src 'self'" in answer.headers["content-security-policy"]


async def test_any_page_may_load_the_script(world: World) -> None:
    """It has an address that stays, and is asked for again now and then."""
    answer = await world.http.get("/widget.js")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["cache-control"] == "public, max-age=600"
    assert (await world.http.get("/widget.js", headers={"If-None-Match": answer.headers["etag"]})).status_code == 304
