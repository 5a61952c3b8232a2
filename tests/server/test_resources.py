"""Bots, entities, conversations: created once, read, listed, edited with versions, deleted, restored."""

from __future__ import annotations

import pytest

from server.world import World, unknown

CREATES = [
    ("/v1/bots", {"name": "Once"}, {"name": "Twice"}),
    ("/v1/entities", {"external_id": "e1"}, {"external_id": "e2"}),
    ("/v1/conversations", {"bot_id": "{bot}"}, {"bot_id": "{bot}", "title": "Other"}),
]


async def _bot(world: World, name: str = "Helper") -> dict[str, object]:
    bot: dict[str, object] = await world.made("/v1/bots", {"name": name})
    return bot


@pytest.mark.parametrize(("path", "body", "other"), CREATES, ids=[row[0] for row in CREATES])
async def test_a_create_says_where_and_is_made_once(world: World, path: str, body: dict, other: dict) -> None:
    """201 with Location and ETag; the same key again is the same thing; with another body it is refused."""
    bot = await _bot(world)
    body, other = ({k: str(v).replace("{bot}", str(bot["id"])) for k, v in each.items()} for each in (body, other))
    headers = {"Idempotency-Key": "k1"}
    first = await world.http.post(path, json=body, headers=headers)
    assert first.status_code == 201
    assert first.headers["location"] == f"{path}/{first.json()['id']}"
    assert first.headers["etag"] == '"1"'
    assert (await world.http.get(first.headers["location"])).json() == first.json()
    again = await world.http.post(path, json=body, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    reused = await world.http.post(path, json=other, headers=headers)
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("path", [row[0] for row in CREATES])
async def test_an_edit_needs_the_version_it_names(world: World, path: str) -> None:
    """A stale ``If-Match`` is 412 and changes nothing; the present one, ``*`` and none at all go through."""
    bot = await _bot(world)
    made = {"/v1/bots": {"name": "x"}, "/v1/entities": {}, "/v1/conversations": {"bot_id": bot["id"]}}
    url = f"{path}/{(await world.made(path, made[path]))['id']}"
    edited = await world.http.patch(url, json={"metadata": {"a": 1, "b": 2}}, headers={"If-Match": '"1"'})
    assert (edited.status_code, edited.headers["etag"]) == (200, '"2"')
    stale = await world.http.patch(url, json={"metadata": {"a": 9}}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")
    merged = await world.http.patch(url, json={"metadata": {"a": None, "c": 3}}, headers={"If-Match": "*"})
    assert merged.json()["metadata"] == {"b": 2, "c": 3}
    assert (await world.http.delete(url, headers={"If-Match": '"1"'})).status_code == 412
    assert (await world.http.delete(url, headers={"If-Match": '"3"'})).status_code == 204
    assert (await world.http.get(url)).status_code == 404


async def test_a_deleted_bot_comes_back_with_its_conversations(world: World) -> None:
    """Delete hides a bot and its conversations at once; restore brings both back."""
    conversation_id = await world.conversation()
    bot_id = (await world.http.get(f"/v1/conversations/{conversation_id}")).json()["bot_id"]
    assert (await world.http.delete(f"/v1/bots/{bot_id}")).status_code == 204
    assert (await world.http.get(f"/v1/conversations/{conversation_id}")).status_code == 404
    assert [bot["id"] for bot in (await world.http.get("/v1/bots?deleted=true")).json()["data"]] == [bot_id]
    assert (await world.http.post(f"/v1/bots/{bot_id}/restore")).status_code == 200
    assert (await world.http.get(f"/v1/conversations/{conversation_id}")).status_code == 200


async def test_a_conversation_ends_and_begins_again(world: World) -> None:
    """``active → ended → archived`` and back; an end keeps rating, feedback and reason; bodies may be empty."""
    url = f"/v1/conversations/{await world.conversation()}"
    ended = (await world.http.post(url + "/end", json={"rating": 4, "feedback": "ok", "reason": "admin"})).json()
    assert [ended[name] for name in ("status", "rating", "feedback", "end_reason")] == ["ended", 4, "ok", "admin"]
    assert (await world.http.post(url + "/archive")).json()["status"] == "archived"
    again = (await world.http.post(url + "/reopen", json={})).json()
    assert (again["status"], again["end_reason"], again["ended_at"]) == ("active", None, None)
    assert (await world.http.delete(url)).status_code == 204
    assert (await world.http.post(url + "/restore")).json()["status"] == "active"
    refused = await world.http.post(url + "/archive", json={"why": "x"})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_field")


async def test_a_conversation_goes_to_another_bot_while_nobody_has_spoken(world: World) -> None:
    """An edit gives it away; once there is a turn it is 409, and a bot that is none is 404."""
    bot, other = await _bot(world), await world.made("/v1/bots", {"name": "Other"})
    made = await world.made("/v1/conversations", {"bot_id": bot["id"]})
    path = f"/v1/conversations/{made['id']}"
    assert (await world.http.patch(path, json={"bot_id": other["id"]})).json()["bot_id"] == other["id"]
    sent = await world.sent(made["id"])
    assert sent["turn"]["status"] == "completed"
    refused = await world.http.patch(path, json={"bot_id": bot["id"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    for bot_id in (unknown("bot"), "", "x"):
        assert (await world.http.patch(path, json={"bot_id": bot_id})).status_code == 404


async def test_pages_lead_through_a_listing_and_back(world: World) -> None:
    """Following ``next`` shows each bot once, newest first; ``previous`` leads back."""
    made = [str((await _bot(world, f"Bot {number}"))["id"]) for number in range(5)]
    seen, url = [], "/v1/bots?limit=2"
    while True:
        page = (await world.http.get(url)).json()
        seen += [bot["id"] for bot in page["data"]]
        if page["next"] is None:
            break
        url = f"/v1/bots?limit=2&after={page['next']}"
    assert seen == made[::-1]
    before = (await world.http.get(f"/v1/bots?limit=2&before={page['previous']}")).json()
    assert [bot["id"] for bot in before["data"]] == seen[2:4]


async def test_conversations_are_found_by_every_filter(world: World) -> None:
    """Each filter of the list finds the conversation that has it, and not the other one."""
    bot = await _bot(world)
    wanted = await world.made(
        "/v1/conversations",
        {
            "bot_id": bot["id"],
            "title": "Refunds",
            "external_id": "x-1",
            "kind": "vision",
            "entity": {"type": "LEAD", "name": "Ada"},
            "metadata": {"source": "widget", "a.b": "c"},
        },
    )
    other = await world.made("/v1/conversations", {"bot_id": (await _bot(world, "Other"))["id"]})
    await world.http.post(f"/v1/conversations/{wanted['id']}/end")
    for query in (
        f"bot_id={bot['id']}",
        "status=ended",
        f"entity_id={wanted['entity']['id']}",
        "entity_type=LEAD",
        "external_id=x-1",
        "kind=vision",
        "metadata.source=widget",
        "metadata.a.b=c",
        "q=refund",
        f"created_before={other['started_at']}",
        "sort=started_at&order=asc&limit=1",
    ):
        found = (await world.http.get(f"/v1/conversations?{query}")).json()["data"]
        assert [each["id"] for each in found] == [wanted["id"]], query
    later = (await world.http.get(f"/v1/conversations?created_after={other['started_at']}")).json()["data"]
    assert [each["id"] for each in later] == [other["id"]]
