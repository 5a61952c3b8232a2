"""Analytics over HTTP: figures of all conversations and of one, as JSON and CSV; and the live part in Prometheus' format."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from palaver.models.scripted import ScriptedModel
from server.world import World, a_world, unknown

FIGURES = "/v1/analytics/figures"


async def _figures(world: World, **query: Any) -> Any:
    answer = await world.http.get(FIGURES, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _talked(world: World) -> str:
    bot = await world.made("/v1/bots", {"name": "=Helper"})
    body = {"bot_id": bot["id"], "entity_type": "USER", "external_id": "u1"}
    chat = str((await world.made("/v1/conversations", body))["id"])
    sent = await world.sent(chat, "Refund policy?")
    await world.sent(chat, "Refund policy, please.")
    await world.http.post(f"/v1/messages/{sent['message']['id']}/rating", json={"rating": 4})
    await world.http.post(f"/v1/conversations/{chat}/end", json={"rating": 5, "reason": "admin"})
    return chat


async def test_figures_of_all(world: World) -> None:
    """What has just happened is in the figures, by day, bot, entity, model and all together."""
    chat = await _talked(world)
    report = await _figures(world)
    assert (report["by"], report["timezone"], len(report["rows"])) == ("day", "UTC", 30)
    total = report["total"]
    assert (total["conversations"], total["turns"], total["active_entities"]) == (1, 2, 1)
    assert total["message_ratings"] == {
        "count": 1,
        "average": 4,
        "counts": {"1": 0, "2": 0, "3": 0, "4": 1, "5": 0},
    }
    assert total["end_reasons"] == {"user": 0, "bot": 0, "admin": 1, "idle": 0}
    assert total["response_seconds"]["count"] == 2
    assert report["rows"][-1]["figures"] == total
    conversation = (await world.http.get(f"/v1/conversations/{chat}")).json()
    for by, key, name in (
        ("bot", conversation["bot_id"], "=Helper"),
        ("entity", conversation["entity"]["id"], "u1"),
        ("model", "model", None),
    ):
        (row,) = (await _figures(world, by=by))["rows"]
        assert (row["key"], row["name"], row["figures"]) == (key, name, total)
    assert (await _figures(world, by="total"))["rows"] == []


async def test_a_table(world: World) -> None:
    """The CSV has a row for each bot, and no cell in it is a formula."""
    await _talked(world)
    answer = await world.http.get(f"{FIGURES}.csv", params={"by": "bot"})
    assert answer.headers["content-type"] == "text/csv"
    assert answer.headers["content-disposition"].startswith("attachment;")
    (row,) = csv.DictReader(answer.text.splitlines())
    assert (row["name"], row["turns"], row["ended_admin"]) == ("'=Helper", "2", "1")


async def test_some_columns(world: World) -> None:
    """A table has the columns that are named, in their order; a rating has one for each number of stars."""
    await _talked(world)
    query = {"by": "total", "columns": "turns,key,message_ratings_4,message_ratings_5"}
    answer = await world.http.get(f"{FIGURES}.csv", params=query)
    assert answer.text == '"turns","key","message_ratings_4","message_ratings_5"\r\n"2","total","1","0"\r\n'
    for columns in ("", "turns,", "turns,turns", "turns;key", "counts"):
        answer = await world.http.get(f"{FIGURES}.csv", params={"columns": columns})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_filter"), columns


async def test_what_was_not_found(world: World) -> None:
    """Questions that were answered with nothing from documents are listed, the last first, each with its place, by pages."""
    chat = await _talked(world)
    path = "/v1/analytics/unfound"
    first = (await world.http.get(path, params={"limit": 1})).json()
    (found,) = first["data"]
    (question, answer) = (await world.http.get(f"/v1/conversations/{chat}/messages")).json()["data"][2:]
    assert (found["conversation_id"], found["message_id"]) == (chat, question["id"])
    assert (found["turn_id"], found["text"]) == (answer["turn_id"], "Refund policy, please.")
    assert (found["model"], found["asked_at"]) == ("model", question["created_at"])
    second = (await world.http.get(path, params={"limit": 1, "after": first["next"]})).json()
    assert ([each["text"] for each in second["data"]], second["next"]) == (["Refund policy?"], None)
    assert (await world.http.get(path, params={"to": "2026-01-01"})).json()["data"] == []
    assert (await world.http.get(path, params={"after": first["next"], "timezone": "Asia/Tokyo"})).status_code == 422
    for query, code in (
        ("from=yesterday", "invalid_filter"),
        ("by=day", "invalid_filter"),
        ("limit=0", "invalid_page"),
    ):
        answer = await world.http.get(f"{path}?{query}")
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert (await world.http.get(f"{path}?bot_id={unknown('bot')}")).status_code == 404


async def test_one_conversation(world: World) -> None:
    """One conversation is counted as it is; an unknown or deleted one is not found."""
    chat = await _talked(world)
    found = (await world.http.get(f"/v1/analytics/conversations/{chat}")).json()
    assert found["messages"]["total"] == 4
    assert (found["quality"]["rating"], found["quality"]["completed"]) == (5, 2)
    assert found["topics"][0]["term"] == "Refund policy"
    assert (await world.http.get(f"/v1/analytics/conversations/{unknown('conv')}")).status_code == 404
    await world.http.delete(f"/v1/conversations/{chat}")
    assert (await world.http.get(f"/v1/analytics/conversations/{chat}")).status_code == 404
    assert (await _figures(world, by="total"))["total"]["conversations"] == 0


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-13-01",
        "from=yesterday",
        "from=2026-01-01T00:00:00",
        "from=0001-01-01",
        "to=9999-12-31",
        "from=2026-01-02&to=2026-01-01",
        "from=2020-01-01&to=2026-01-01",
        "timezone=Mars/Phobos",
        "timezone=../etc/passwd",
        "timezone=",
        "by=hour",
        "since=2026-01-01",
        "from=2026-01-01&from=2026-01-02",
        "from_=2026-01-01",
    ],
)
async def test_bad_questions(world: World, query: str) -> None:
    """A time, a zone or a word that means nothing is refused by name."""
    answer = await world.http.get(f"{FIGURES}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_filter")


async def test_bad_limits(world: World) -> None:
    """A number of rows out of its range is an invalid page; a bot or an entity that nobody has is not found."""
    for limit in ("0", "201", "x"):
        answer = await world.http.get(f"{FIGURES}?by=bot&limit={limit}")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_page")
    for query in (f"bot_id={unknown('bot')}", f"entity_id={unknown('ent')}", "bot_id=x"):
        assert (await world.http.get(f"{FIGURES}?{query}")).status_code == 404


async def test_days_include_their_ends(world: World) -> None:
    """Days that are named are both included; moments are a half-open stretch."""
    days = await _figures(world, **{"from": "2026-03-28", "to": "2026-03-30", "timezone": "Europe/Berlin"})
    assert [row["key"] for row in days["rows"]] == ["2026-03-28", "2026-03-29", "2026-03-30"]
    assert (days["from_at"], days["to_at"]) == ("2026-03-27T23:00:00.000000Z", "2026-03-30T22:00:00.000000Z")
    hours = await _figures(world, **{"from": "2026-03-28T10:00:00Z", "to": "2026-03-28T12:00:00+01:00"})
    assert (hours["from_at"], hours["to_at"]) == ("2026-03-28T10:00:00.000000Z", "2026-03-28T11:00:00.000000Z")


async def test_a_turn_costs_what_the_table_says(tmp_path: Path) -> None:
    """A model with a price gives its turns a cost, which the figures and the live numbers sum up."""
    prices = {"model": [{"from": "2020-01-01", "input": 1_000_000, "output": 2_000_000}]}
    async with a_world(tmp_path, ScriptedModel("Four words are here."), prices=prices) as world:
        chat = await world.conversation()
        usage = (await world.sent(chat, "Hello?"))["turn"]["usage"]
        cost = usage["input_tokens"] + 2 * usage["output_tokens"]
        assert cost > 0
        assert usage["cost_micro"] == cost
        total = (await _figures(world, by="total"))["total"]
        assert (total["cost_micro"], total["unpriced_turns"]) == (cost, 0)
        found = (await world.http.get("/metrics")).text
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(found)
        for sample in family.samples
    }
    assert samples["palaver_turns_total", "completed"] == 1
    assert samples["palaver_cost_micro_total",] == cost
    assert samples["palaver_tokens_total", "input"] == usage["input_tokens"]
    assert samples["palaver_turn_seconds_count",] == 1
    assert samples["palaver_first_token_seconds_count",] == 1


async def test_the_worker_counts(tmp_path: Path) -> None:
    """The background worker counts what has happened; the figures stay the same."""
    async with a_world(tmp_path, sweep_seconds=0.05) as world:
        await _talked(world)
        before = await _figures(world, by="total")
        counter = world.root._equipment.counter
        await counter.step()
        assert await world.root.store.count_figures("another", 1, 1) == 0
        assert await _figures(world, by="total") == before
