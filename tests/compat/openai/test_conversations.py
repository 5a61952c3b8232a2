"""Conversations and their items."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from openai.types.conversations import Conversation, ConversationDeletedResource, ConversationItemList, Message

import pictures
from compat.openai.shapes import answered, refused, strict
from server.world import World, a_world, unknown

CONVERSATIONS = "/openai/v1/conversations"


def message(role: str, content: Any) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": content}


async def new(world: World, **body: Any) -> Conversation:
    return answered(Conversation, await world.http.post(CONVERSATIONS, json=body))


async def test_a_conversation_from_its_beginning_to_its_end(world: World) -> None:
    """Made with items and metadata, read, its metadata set anew as a whole, deleted, and then not there."""
    helper = await world.made("/v1/bots", {"name": "Helper"})
    items = [
        message("user", "Hello?"),
        message("assistant", [{"type": "output_text", "text": "Hi!", "annotations": []}]),
    ]
    made = await new(world, items=items, metadata={"topic": "demo", "model": "Helper"})
    path = f"{CONVERSATIONS}/{made.id}"
    assert made.metadata == {"topic": "demo", "model": "Helper"}
    assert (await world.http.get(f"/v1/conversations/{made.id}")).json()["bot_id"] == helper["id"]
    changed = answered(Conversation, await world.http.post(path, json={"metadata": {"a": "1"}}))
    assert answered(Conversation, await world.http.get(path)) == changed
    assert (changed.metadata, changed.created_at) == ({"a": "1"}, made.created_at)
    gone = answered(ConversationDeletedResource, await world.http.delete(path))
    assert (gone.id, gone.deleted) == (made.id, True)
    for method in ("GET", "DELETE"):
        refused(await world.http.request(method, path), 404, "not_found")
    assert (await world.http.post(f"/v1/conversations/{made.id}/restore")).status_code == 200


async def test_one_that_names_no_model_is_with_the_standing_bot(world: World) -> None:
    """The bot of ``PALAVER_SESSION_BOT``, made on first use; a model that is no bot is refused, and nothing is made."""
    made = answered(Conversation, await world.http.post(CONVERSATIONS))
    conversation = (await world.http.get(f"/v1/conversations/{made.id}")).json()
    assert (await world.http.get(f"/v1/bots/{conversation['bot_id']}")).json()["name"] == "default"
    refused(await world.http.post(CONVERSATIONS, json={"model": "nobody"}), 404, "model_not_found", "model")
    assert len((await world.http.get("/v1/conversations")).json()["data"]) == 1


async def test_the_first_answer_decides_whose_a_conversation_is(world: World) -> None:
    """A conversation goes to the model that is asked first, through either call; then another one is refused by name."""
    bots = [(await world.made("/v1/bots", {"name": name}))["id"] for name in ("One", "Two")]
    for path, said in (
        ("/openai/v1/responses", {"input": "Hello?"}),
        ("/openai/v1/chat/completions", {"messages": [{"role": "user", "content": "Hello?"}]}),
    ):
        made = await new(world)
        bound = {"conversation": made.id} if "input" in said else {"metadata": {"conversation_id": made.id}}
        for model, status in (("Two", 200), (bots[0], 400), (bots[1], 200)):
            answer = await world.http.post(path, json={"model": model, **said, **bound})
            if status == 400:
                refused(answer, 400, "invalid_parameter", "model")
            else:
                assert (answer.status_code, answer.json()["model"]) == (200, bots[1])


@pytest_asyncio.fixture
async def stored_world(tmp_path: Path, store_url: str) -> AsyncIterator[World]:
    async with a_world(tmp_path, store=store_url, unsafe_durability=True) as made:
        yield made


async def test_items_are_the_messages(stored_world: World) -> None:
    """Items are stored with no model call, listed in both orders from any of them on, read, and deleted with their partner."""
    world = stored_world
    made = await new(world)
    path = f"{CONVERSATIONS}/{made.id}/items"
    picture = {"type": "input_image", "image_url": pictures.data_url(pictures.photo()), "detail": "auto"}
    first = [message("user", [{"type": "input_text", "text": "0?"}, picture]), message("assistant", "0!")]
    more = [message(role, f"{n}{mark}") for n in range(1, 4) for role, mark in (("user", "?"), ("assistant", "!"))]
    stored = answered(ConversationItemList, await world.http.post(path, json={"items": [*first, *more]}))
    assert world.model.call_count == 0
    ids = [item.id for item in stored.data]
    assert (stored.first_id, stored.last_id, stored.has_more, len(ids)) == (ids[0], ids[-1], False, 8)
    assert [part.type for part in stored.data[0].content] == ["input_text", "input_image"]
    for order, expected in (("asc", ids), ("desc", ids[::-1])):
        for limit in (1, 3, 100):
            found: list[str] = []
            after = ""
            while True:
                query = f"?order={order}&limit={limit}" + (f"&after={after}" if after else "")
                page = answered(ConversationItemList, await world.http.get(path + query))
                found += [item.id for item in page.data]
                if not page.has_more:
                    break
                after = page.last_id
            assert found == expected, (order, limit)
    assert [item.id for item in answered(ConversationItemList, await world.http.get(path)).data] == ids[::-1]
    read = strict(Message, (await world.http.get(f"{path}/{ids[1]}")).json())
    assert (read.role, read.content[0].text, read.status) == ("assistant", "0!", "completed")
    answered(Conversation, await world.http.delete(f"{path}/{ids[0]}"))
    assert [item.id for item in answered(ConversationItemList, await world.http.get(path + "?order=asc")).data] == ids[
        2:
    ]
    refused(await world.http.get(f"{path}/{ids[0]}"), 404, "not_found")
    other = await new(world)
    refused(await world.http.get(f"{CONVERSATIONS}/{other.id}/items/{ids[2]}"), 404, "not_found")
    empty = answered(ConversationItemList, await world.http.get(f"{CONVERSATIONS}/{other.id}/items"))
    assert (empty.data, empty.has_more) == ([], False)


async def test_what_is_no_message_is_refused(world: World) -> None:
    """By the path of the item; nothing is stored of the request."""
    made = await new(world)
    path = f"{CONVERSATIONS}/{made.id}/items"
    good = message("user", "x")
    for item, param in (
        ({"type": "function_call_output", "call_id": "1", "output": "x"}, "items[1].type"),
        (message("tool", "x"), "items[1]"),
        (message("system", "x"), "items"),
        (message("assistant", [{"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]), "items[1]"),
    ):
        refused(await world.http.post(path, json={"items": [good, item]}), 400, "unsupported_parameter", param)
    refused(await world.http.post(path, json={"items": []}), 400, "invalid_parameter", "items")
    refused(await world.http.post(path, json={}), 400, "missing_field", "items")
    assert (await world.http.get(path)).json()["data"] == []
    for query in ("limit=0", "limit=101", "limit=x", "order=up", "after=x", f"after={unknown('msg')}"):
        answer = await world.http.get(f"{path}?{query}")
        assert answer.status_code in {400, 404}, query
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


async def test_conversations_are_listed(world: World) -> None:
    """All of the tenant's, page by page, in both orders."""
    made = [(await new(world)).id for _ in range(5)]
    for order, expected in (("asc", made), ("desc", made[::-1])):
        found: list[str] = []
        after = ""
        while True:
            query = f"?order={order}&limit=2" + (f"&after={after}" if after else "")
            page = (await world.http.get(CONVERSATIONS + query)).json()
            found += [strict(Conversation, each).id for each in page["data"]]
            if not page["has_more"]:
                break
            after = page["last_id"]
        assert found == expected
