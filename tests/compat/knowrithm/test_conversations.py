"""What the guide promises beyond its calls, and what the clients rely on without saying so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from crash.process import serving
from palaver.models.scripted import ScriptedModel
from palaver.stores.open import store_for
from palaver.testing.clock import FakeClock
from server.world import World, a_world

AT = "/knowrithm/api/v1"


class Api:
    """Asks the surface of a world."""

    def __init__(self, world: World) -> None:
        self._http = world.http

    async def ask(self, method: str, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        """Ask, and return what must have been answered with this status."""
        answer = await self._http.request(method, AT + path, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def agent(self, **fields: Any) -> str:
        """Make an agent; return its id."""
        return (await self.ask("POST", "/agent", {"name": "bot", **fields}, 201))["id"]

    async def conversation(self, agent: str, **fields: Any) -> str:
        """Make a conversation; return its id."""
        return (await self.ask("POST", "/conversation", {"agent_id": agent, **fields}, 201))["id"]


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest_asyncio.fixture
async def timed(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A world whose time is moved by hand."""
    monkeypatch.setattr("palaver.hub.root.store_for", partial(store_for, clock=clock))
    async with a_world(tmp_path) as made:
        yield made


async def test_a_message_that_is_sent_again_while_it_is_answered_is_the_same(tmp_path: Path) -> None:
    """A client that lost patience re-attaches to the running turn; another message meanwhile is refused."""
    answered = asyncio.Event()
    async with a_world(tmp_path, ScriptedModel(["Well", answered, "."])) as world:
        api = Api(world)
        path = f"/conversation/{await api.conversation(await api.agent())}/chat"
        first = asyncio.create_task(api.ask("POST", path, {"message": "Hello?"}))
        while not world.model.open_streams:
            await asyncio.sleep(0.01)
        again = asyncio.create_task(api.ask("POST", path, {"message": "Hello?"}))
        refused = await api.ask("POST", path, {"message": "Something else"}, 409)
        assert (refused["code"], refused["details"]["code"]) == ("CONFLICT", "turn_in_progress")
        answered.set()
        assert await first == await again
        assert world.model.call_count == 1


async def test_a_conversation_falls_idle_and_ends(timed: World, clock: FakeClock) -> None:
    """After the minutes that its agent allows, a conversation in which nothing is said has ended; a message keeps it alive."""
    api = Api(timed)
    agent = await api.agent(idle_timeout_minutes=30)
    idle, busy = [await api.conversation(agent) for _ in range(2)]
    clock.advance(29 * 60)
    await api.ask("POST", f"/conversation/{busy}/chat", {"content": "Still here", "role": "user"})
    clock.advance(2 * 60)
    await timed.root.lifecycle.step()
    ended = await api.ask("GET", f"/conversation/{idle}")
    assert (ended["status"], ended["end_reason"]) == ("ended", "idle")
    assert (await api.ask("GET", f"/conversation/{busy}"))["status"] == "active"
    assert [one["id"] for one in await api.ask("GET", "/conversation?status=ended&limit=5")] == [idle]


async def test_lists_are_filtered_sorted_and_numbered(timed: World, clock: FakeClock) -> None:
    """Every documented filter and order holds, alone and together, and pages are cut at their numbers."""
    api = Api(timed)
    agent, other = await api.agent(), await api.agent(name="other")
    made = []
    for number in range(5):
        clock.advance(86_400)
        kind = {"entity_type": "LEAD" if number % 2 else "user"}
        made.append(await api.conversation(agent if number < 4 else other, title=f"Talk {number}", **kind))
    await api.ask("POST", f"/conversation/{made[1]}/chat", {"message": "Hello?"})
    await api.ask("POST", f"/conversation/{made[2]}/end", {"rating": 5})
    await api.ask("POST", f"/conversation/{made[3]}/end", {"satisfaction_rating": 2})

    async def found(query: str) -> list[int]:
        listed = await api.ask("GET", f"/conversation?{query}")
        return [made.index(one["id"]) for one in (listed if isinstance(listed, list) else listed["conversations"])]

    assert await found(f"agent_id={agent}&sort_by=started_at&sort_order=desc&per_page=10") == [3, 2, 1, 0]
    assert await found("agent_id=bot&status=ACTIVE&sort_by=started_at&sort_order=asc") == [0, 1]
    assert await found("status=ended&sort_by=rating&sort_order=desc") == [2, 3]
    assert await found("sort_by=message_count&per_page=1") == [1]
    assert await found("entity_type=lead&sort_by=created_at") == [3, 1]
    assert await found("search=talk%204") == [4]
    assert await found("created_after=2026-01-03&created_before=2026-01-04&sort_by=started_at&sort_order=asc") == [1, 2]
    assert await found("created_after=2026-01-04T00:00:00%2B00:00&sort_by=started_at") == [4, 3, 2]
    assert await found("sort_by=started_at&sort_order=asc&page=2&per_page=2") == [2, 3]
    assert await found("limit=2&offset=4") == await found("page=3&per_page=2")
    pages = (await api.ask("GET", "/conversation?page=3&per_page=2"))["pagination"]
    assert pages == {"page": 3, "per_page": 2, "total": 5, "pages": 3, "has_next": False, "has_prev": True}
    for wrong in ("sort_by=secret", "status=gone", "per_page=0", "per_page=201", "page=x", "created_after=soon"):
        assert (await api.ask("GET", f"/conversation?{wrong}", status=400))["code"] == "VALIDATION_ERROR", wrong


async def test_who_deleted_is_no_filter(api: Api) -> None:
    """A list of what somebody deleted would be a list of everything: it is refused by the filter's name."""
    conversation = await api.conversation(await api.agent())
    await api.ask("DELETE", f"/conversation/{conversation}")
    for path in ("/conversation/deleted", "/message/deleted", "/document/deleted", "/conversation"):
        refused = await api.ask("GET", f"{path}?deleted_by=usr_1", status=400)
        assert (refused["code"], refused["details"]["code"]) == ("VALIDATION_ERROR", "invalid_filter"), path
        assert "deleted_by" in refused["error"]
    assert [one["id"] for one in (await api.ask("GET", "/conversation/deleted"))["conversations"]] == [conversation]


async def test_messages_are_told_apart_by_their_role(api: Api) -> None:
    """``role`` keeps those of one side, in their order, in both forms of a list; another word is refused."""
    path = f"/conversation/{await api.conversation(await api.agent())}"
    for text in ("One?", "Two?"):
        await api.ask("POST", f"{path}/chat", {"message": text})
    listed = await api.ask("GET", f"{path}/messages?role=assistant")
    assert [one["content"] for one in listed["messages"]] == ["You said: One?", "You said: Two?"]
    assert listed["pagination"]["total"] == 2
    asked = await api.ask("GET", f"{path}/messages?role=user&limit=1&offset=1")
    assert [one["content"] for one in asked] == ["Two?"]
    await api.ask("GET", f"{path}/messages?role=robot", status=400)


async def test_metadata_is_added_to_changed_and_taken_away(api: Api) -> None:
    """A change of metadata touches only the keys that it names; what it is too much of is refused, and nothing changes."""
    path = f"/conversation/{await api.conversation(await api.agent(), metadata={'page': '/pricing', 'plan': 'free'})}"
    changed = await api.ask("PUT", path, {"metadata": {"plan": "premium", "user": {"id": 7}}})
    assert changed["metadata"] == {"page": "/pricing", "plan": "premium", "user": {"id": 7}}
    assert (await api.ask("PUT", path, {"metadata": {"page": None}}))["metadata"] == {
        "plan": "premium",
        "user": {"id": 7},
    }
    refused = await api.ask("PUT", path, {"metadata": {"long": "x" * 70_000}}, 400)
    assert refused["details"]["code"] == "metadata_too_large"
    assert (await api.ask("GET", path))["metadata"] == {"plan": "premium", "user": {"id": 7}}


async def test_a_conversation_goes_through_its_states(api: Api) -> None:
    """Active, ended, archived, deleted, and back: each state is shown, and only an active one takes messages."""
    conversation = await api.conversation(await api.agent())
    path, say = f"/conversation/{conversation}", {"content": "Hello?", "role": "user"}
    assert (await api.ask("POST", f"{path}/end", {"rating": 4, "feedback": "a bit slow"}))["feedback"] == "a bit slow"
    assert (await api.ask("POST", f"{path}/chat", say, 409))["details"]["code"] == "conversation_ended"
    assert (await api.ask("PUT", path, {"status": "active"}))["status"] == "active"
    await api.ask("POST", f"{path}/chat", say)
    assert (await api.ask("PATCH", f"{path}/archive"))["status"] == "archived"
    assert (await api.ask("POST", f"{path}/chat", say, 409))["details"]["code"] == "conversation_archived"
    await api.ask("DELETE", path)
    assert (await api.ask("GET", path, status=404))["code"] == "NOT_FOUND"
    assert (await api.ask("PATCH", f"{path}/restore"))["conversation"]["id"] == conversation


async def test_ratings_are_in_the_figures(api: Api) -> None:
    """What is rated, message or conversation, is in the figures of the conversation and of its agent."""
    agent = await api.agent()
    conversation = await api.conversation(agent)
    for stars in (5, 2):
        reply = await api.ask("POST", f"/conversation/{conversation}/chat", {"message": "And the refunds?"})
        await api.ask("POST", f"/message/{reply['id']}/rate", {"rating": stars})
    before = await api.ask("GET", f"/analytic/conversation/{conversation}")
    assert before["quality_metrics"]["satisfaction_rating"] is None
    await api.ask("POST", f"/conversation/{conversation}/end", {"rating": 5})
    figures = await api.ask("GET", f"/analytic/conversation/{conversation}")
    assert figures["quality_metrics"]["satisfaction_rating"] == 5
    assert figures["quality_metrics"]["avg_message_rating"] == 3.5
    assert figures["topic_analysis"]["detected_topics"][0] == "refunds"
    quality = (await api.ask("GET", f"/analytic/agent/{agent}"))["quality_metrics"]
    assert quality == {"avg_satisfaction_rating": 4.0, "positive_feedback_percent": 66.67, "total_ratings": 3}
    beside = (await api.ask("GET", f"/analytic/agent/{agent}/performance-comparison"))["performance_comparison"]
    assert beside["satisfaction_rating"]["performance_vs_average_percent"] == 0.0


async def test_figures_reach_back_to_the_first_conversation(timed: World, clock: FakeClock) -> None:
    """Without a period all that ever was counts, also what is longer ago than the hub tells at once; with one, what is in it."""
    api = Api(timed)
    clock.advance(-800 * 86_400)
    agent = await api.agent()
    for stars in (5, 4, 1):
        conversation = await api.conversation(agent)
        reply = await api.ask("POST", f"/conversation/{conversation}/chat", {"message": "Hello?"})
        await api.ask("POST", f"/message/{reply['id']}/rate", {"rating": stars})
        clock.advance(390 * 86_400)
    whole = await api.ask("GET", f"/analytic/agent/{agent}")
    assert whole["conversation_metrics"] == {
        "total_conversations": 3,
        "total_messages": 6,
        "avg_messages_per_conversation": 2.0,
    }
    assert whole["quality_metrics"]["avg_satisfaction_rating"] == 3.333
    part = await api.ask("GET", f"/analytic/agent/{agent}?start_date=2023-10-24&end_date=2023-10-24")
    assert part["conversation_metrics"]["total_conversations"] == 1
    assert (await api.ask("GET", "/analytic/usage"))["api_usage"]["total_api_calls"] == 3
    overview = await api.ask("GET", "/analytic/dashboard")
    assert overview["messages"] == {"total": 6, "today": 0}
    assert [day["messages"] for day in overview["conversation_analytics"]["activity_timeline"]] == [2, 2, 2]


async def test_an_export_holds_no_formula(api: Api) -> None:
    """What a visitor wrote is no formula on the desk of whoever opens the table."""
    await api.conversation(await api.agent(), title="=1+1", metadata={"a": 1})
    told = await api.ask("POST", "/analytic/export", {"type": "conversations", "format": "csv"})
    names, row = told["data"].splitlines()
    assert dict(zip(names.split(","), row.split(","), strict=True))['"title"'] == '"\'=1+1"'
    assert (await api.ask("POST", "/analytic/export", {"type": "usage"}))["data"] == []
    refused = await api.ask("POST", "/analytic/export", {"type": "passwords"}, 400)
    assert refused["code"] == "VALIDATION_ERROR"


async def test_the_lead_and_the_limit_of_a_conversation_count(world: World, api: Api) -> None:
    """A conversation can be with a lead that is known, and its model gets no more than the conversation allows."""
    agent = await api.agent()
    lead = (await api.ask("POST", "/lead", {"first_name": "Ada", "agent_id": agent}, 201))["id"]
    conversation = await api.conversation(agent, entity_type="lead", entity_id=lead, max_context_length=100)
    for _ in range(12):
        await api.ask("POST", f"/conversation/{conversation}/chat", {"message": "word " * 30})
    assert len(world.model.calls[-1].prompt.messages) < 8
    listed = await api.ask("GET", f"/conversation/entity/{lead}?entity_type=lead&status=active&page=1&per_page=2")
    assert [(one["id"], one["lead_id"]) for one in listed["conversations"]] == [(conversation, lead)]


async def test_a_stream_is_heard_as_it_is_said(tmp_path: Path) -> None:
    """Over HTTP each piece arrives when it is said; while nothing is, a comment of one line tells that the stream lives."""
    env = {"PALAVER_DEFAULT_MODEL": "scripted:words?count=4&delay=0.3", "PALAVER_HEARTBEAT_SECONDS": "0.1"}
    async with serving(tmp_path / "chat.db", env) as server, httpx2.AsyncClient(base_url=server.url + AT) as http:
        agent = (await http.post("/agent", json={"name": "bot"})).json()["id"]
        conversation = (await http.post("/conversation", json={"agent_id": agent})).json()["id"]
        sent = asyncio.create_task(http.post(f"/conversation/{conversation}/chat", json={"message": "Hello?"}))
        while not (await http.get(f"/conversation/{conversation}/messages")).json()["messages"]:
            await asyncio.sleep(0.02)
        async with http.stream("GET", f"/conversation/{conversation}/messages/stream") as stream:
            assert stream.headers["transfer-encoding"] == "chunked"
            pieces = [piece async for piece in stream.aiter_bytes()]
        assert (await sent).status_code == 200
    heard = b"".join(pieces)
    assert b": ping\n" in heard
    assert b": ping\n\n" not in heard
    assert b"\r" not in heard
    assert sum(piece.startswith(b"event: chat_delta\n") for piece in pieces) >= 3
    assert pieces[-1].startswith(b"event: chat_response\n")
    assert pieces[-1].endswith(b"}\n\n")
