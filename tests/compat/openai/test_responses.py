"""Responses: turns in a conversation, behind another one, in the background, stopped, told again; or beside all of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from openai.types.conversations import ConversationItemList
from openai.types.responses import Response, ResponseItemList

import pictures
from compat.openai.shapes import answered, events, refused
from palaver.errors import ModelError
from palaver.models.base import ReasoningSaid
from palaver.models.scripted import Cut, Pause, ScriptedModel
from server.world import World, a_world, unknown

RESPONSES = "/openai/v1/responses"


async def bot(world: World, name: str = "Helper", **fields: Any) -> str:
    return str((await world.made("/v1/bots", {"name": name, **fields}))["id"])


async def responded(world: World, **body: Any) -> Response:
    return answered(Response, await world.http.post(RESPONSES, json={"model": "Helper", "input": "Hello?", **body}))


async def streamed(world: World, **body: Any) -> list[Any]:
    answer = await world.http.post(RESPONSES, json={"model": "Helper", "input": "Hello?", "stream": True, **body})
    assert answer.status_code == 200, answer.text
    return events(answer.text)


async def read(world: World, response_id: str) -> Response:
    return answered(Response, await world.http.get(f"{RESPONSES}/{response_id}"))


async def test_a_response_is_a_turn(world: World) -> None:
    """It begins a conversation, is answered whole, read again the same, and has its question as input."""
    made = await bot(world)
    said = await responded(world, metadata={"topic": "demo"}, temperature=0, max_output_tokens=9)
    assert (said.status, said.output_text, said.model) == ("completed", "You said: Hello?", made)
    assert said.usage is not None
    assert said.usage.output_tokens == 3
    assert said.conversation is not None
    assert said.metadata == {"topic": "demo"}
    assert await read(world, said.id) == said
    assert (await world.http.get(f"/v1/turns/{said.id}")).json()["message_id"] == said.output[0].id
    assert world.model.calls[-1].prompt.params == {"temperature": 0, "max_tokens": 9}
    conversation = (await world.http.get(f"/openai/v1/conversations/{said.conversation.id}")).json()
    assert conversation["metadata"] == {"topic": "demo"}
    items = answered(ResponseItemList, await world.http.get(f"{RESPONSES}/{said.id}/input_items"))
    assert [part.text for item in items.data for part in item.content] == ["Hello?"]


@pytest.mark.parametrize(
    "text", [{"verbosity": "low"}, {"format": {"type": "text"}, "verbosity": "high"}, {"format": None}]
)
async def test_how_much_is_wanted_is_a_hint(world: World, text: Any) -> None:
    """``verbosity`` is passed over where responses have it, too: within ``text``."""
    await bot(world)
    assert (await responded(world, text=text)).status == "completed"


async def test_a_conversation_goes_on(world: World) -> None:
    """In the conversation that is named, as an id or an object, with or without the model; items before the question are stored, too."""
    await bot(world)
    first = await responded(world)
    assert first.conversation is not None
    second = await responded(world, conversation=first.conversation.id, input="Two?")
    assert (second.previous_response_id, second.conversation) == (first.id, first.conversation)
    earlier = [
        {"role": "user", "content": "Three?"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Three!"}]},
        {"role": "user", "content": [{"type": "input_text", "text": "Four?"}]},
    ]
    body = {"input": earlier, "conversation": {"id": first.conversation.id}}
    answered(Response, await world.http.post(RESPONSES, json=body))
    assert [message.text for message in world.model.calls[-1].prompt.messages] == [
        "Hello?",
        "You said: Hello?",
        "Two?",
        "You said: Two?",
        "Three?",
        "Three!",
        "Four?",
    ]
    path = f"/openai/v1/conversations/{first.conversation.id}/items?order=asc"
    assert len(answered(ConversationItemList, await world.http.get(path)).data) == 8


async def test_behind_a_response_the_history_is_its_own(world: World) -> None:
    """``previous_response_id`` continues from that turn, beside what came later."""
    await bot(world)
    first = await responded(world)
    await responded(world, previous_response_id=first.id, input="Left?")
    right = await responded(world, previous_response_id=first.id, input="Right?")
    assert (right.previous_response_id, right.conversation) == (first.id, first.conversation)
    said = [message.text for message in world.model.calls[-1].prompt.messages]
    assert said == ["Hello?", "You said: Hello?", "Right?"]


async def test_instructions_hold_for_one_response(world: World) -> None:
    """They are laid behind the bot's for this answer; the next one, behind it or beside it, knows nothing of them."""
    await bot(world, instructions="Be brief.")
    first = await responded(world, instructions="Be kind.")
    assert world.model.calls[-1].prompt.instructions == "Be brief.\n\nBe kind."
    assert "instructions" not in world.model.calls[-1].prompt.params
    for options in ({"previous_response_id": first.id}, {"conversation": first.conversation.id}):
        await responded(world, **options)
        assert world.model.calls[-1].prompt.instructions == "Be brief."
    told = await streamed(world, previous_response_id=first.id, instructions="Rhyme.")
    assert told[-1].type == "response.completed"
    assert world.model.calls[-1].prompt.instructions == "Be brief.\n\nRhyme."
    for told_of in (await world.http.get(f"{RESPONSES}/{first.id}"), await world.http.get(f"/v1/turns/{first.id}")):
        assert "Be kind" not in told_of.text


async def test_what_is_not_stored_is_nowhere(world: World) -> None:
    """``store=false`` answers beside all conversations, with the instructions of the request; nothing of it can be read."""
    await bot(world, instructions="Be brief.")
    said = await responded(
        world,
        store=False,
        instructions="Be kind.",
        input=[{"role": "developer", "content": "Rhyme."}, {"role": "user", "content": "Hello?"}],
    )
    assert (said.output_text, said.conversation) == ("You said: Hello?", None)
    assert world.model.calls[-1].prompt.instructions == "Be brief.\n\nBe kind.\n\nRhyme."
    refused(await world.http.get(f"{RESPONSES}/{said.id}"), 404, "not_found")
    told = await streamed(world, store=False)
    assert [told[0].type, told[-1].type] == ["response.created", "response.completed"]
    for noun in ("conversations", "turns"):
        assert (await world.http.get(f"/v1/{noun}")).json()["data"] == []


async def test_events_come_in_their_order(tmp_path: Path) -> None:
    """Each item is added, said, and done; the last event is the response as it is read later."""
    async with a_world(
        tmp_path, ScriptedModel([ReasoningSaid("Hm"), ReasoningSaid("."), "Fourteen ", "days [1]."])
    ) as world:
        made = await bot(world)
        document = await world.made(f"/v1/bots/{made}/documents", {"text": "Refunds take 14 days.", "title": "Policy"})
        await world.root.for_tenant().documents.wait(document["id"])
        told = await streamed(world, input="How long do refunds take?")
        kinds = [event.type.removeprefix("response.") for event in told]
        said = [kind for number, kind in enumerate(kinds) if number == 0 or kinds[number - 1] != kind]
        assert said == [
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "reasoning_text.delta",
            "reasoning_text.done",
            "content_part.done",
            "output_item.done",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.annotation.added",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "completed",
        ]
        assert (
            "".join(event.delta for event in told if event.type == "response.output_text.delta") == "Fourteen days [1]."
        )
        last = told[-1].response
        assert last == await read(world, last.id)
        assert [item.type for item in last.output] == ["reasoning", "message"]
        done = [event.item for event in told if event.type == "response.output_item.done"]
        assert done == last.output
        (cited,) = last.output[1].content[0].annotations
        assert (cited.file_id, cited.filename, cited.index) == (document["id"], "Policy", 14)
        assert told[0].response.status == "in_progress"


async def test_thoughts_between_words_are_items_of_their_own(tmp_path: Path) -> None:
    """However thoughts and words alternate, and wherever they are cut off, what was told is what is read."""
    steps: list[Any] = [ReasoningSaid("a"), "One ", ReasoningSaid("b"), "two ", ReasoningSaid("c")]
    async with a_world(tmp_path, ScriptedModel([*steps, "three."], [*steps, Cut()])) as world:
        await bot(world)
        for status, count in (("completed", 4), ("incomplete", 4)):
            told = await streamed(world)
            last = told[-1].response
            assert (last.status, len(last.output), last) == (status, count, await read(world, last.id))
            done = [event for event in told if event.type == "response.output_item.done"]
            assert [event.item for event in sorted(done, key=lambda event: event.output_index)] == last.output
            assert len({item.id for item in last.output}) == count


async def test_every_response_is_told_again_from_any_event(world: World) -> None:
    """``starting_after`` gives exactly the events behind it, byte for byte; a point that there is not is 410."""
    await bot(world)
    answer = await world.http.post(RESPONSES, json={"model": "Helper", "input": "Hello?", "stream": True})
    told = events(answer.text)
    path = f"{RESPONSES}/{told[0].response.id}?stream=true"
    assert (await world.http.get(path)).text == answer.text
    blocks = answer.text.split("\n\n")
    for after in range(len(told)):
        again = await world.http.get(f"{path}&starting_after={after}")
        assert again.text == "\n\n".join(blocks[after + 1 :]), after
        events(again.text, first=after + 1)
    refused(await world.http.get(f"{path}&starting_after={len(told)}"), 410, "resume_window_gone")
    for wrong in ("-1", "x", "1.5", "9" * 20):
        refused(await world.http.get(f"{path}&starting_after={wrong}"), 400, "invalid_parameter", "starting_after")
    whole = await responded(world)
    again = events((await world.http.get(f"{RESPONSES}/{whole.id}?stream=true&starting_after=1")).text, first=2)
    assert again[-1].response == whole


async def test_once_its_log_is_gone_a_response_is_told_from_its_beginning_only(world: World) -> None:
    """The whole is still told, in one piece; a point in the middle is a definite 410."""
    await bot(world)
    said = await responded(world)
    await world.root.store.expire_logs(older_than_seconds=0, limit=10)
    path = f"{RESPONSES}/{said.id}?stream=true"
    assert events((await world.http.get(path)).text)[-1].response == said
    refused(await world.http.get(f"{path}&starting_after=4"), 410, "resume_window_gone")
    assert await read(world, said.id) == said


async def test_a_response_to_an_image(world: World) -> None:
    """An image is shown to the model, stored with the question, and read as the upload that it became."""
    await bot(world)
    content = [
        {"type": "input_text", "text": "What is it?"},
        {"type": "input_image", "image_url": pictures.data_url(pictures.photo()), "detail": "auto"},
    ]
    said = await responded(world, input=[{"role": "user", "content": content}])
    assert [len(message.images) for message in world.model.calls[-1].prompt.messages] == [1]
    items = answered(ResponseItemList, await world.http.get(f"{RESPONSES}/{said.id}/input_items"))
    shown = items.data[0].content[1]
    assert (await world.http.get(f"/v1/files/{shown.file_id}")).status_code == 200
    content[1] = {"type": "input_image", "file_id": shown.file_id}
    await responded(world, input=[{"role": "user", "content": content}], store=False)
    assert [len(message.images) for message in world.model.calls[-1].prompt.messages] == [1]


async def test_a_response_in_the_background(tmp_path: Path) -> None:
    """It is answered at once, ``in_progress``, and read while it runs and after; its events are told while it runs."""
    go = asyncio.Event()
    async with a_world(tmp_path, ScriptedModel(["One ", go, "two."])) as world:
        await bot(world)
        begun = await responded(world, background=True)
        assert (begun.status, begun.output) == ("in_progress", [])
        await world.model.wait_for_calls(1)
        live = asyncio.create_task(world.http.get(f"{RESPONSES}/{begun.id}?stream=true&starting_after=1"))
        await asyncio.sleep(0.1)
        assert (await read(world, begun.id)).output_text == "One "
        go.set()
        told = events((await live).text, first=2)
        assert told[-1].type == "response.completed"
        assert await read(world, begun.id) == told[-1].response


async def test_a_response_is_cancelled(tmp_path: Path) -> None:
    """Its text so far stays; its stream ends; doing it again changes nothing."""
    async with a_world(tmp_path, ScriptedModel(["One ", Pause(60)])) as world:
        await bot(world)
        begun = await responded(world, background=True)
        await world.model.wait_for_calls(1)
        await asyncio.sleep(0.1)
        for _ in range(2):
            stopped = answered(Response, await world.http.post(f"{RESPONSES}/{begun.id}/cancel"))
            assert (stopped.status, stopped.output_text) == ("cancelled", "One ")
            assert stopped.output[0].status == "incomplete"
        told = events((await world.http.get(f"{RESPONSES}/{begun.id}?stream=true")).text)
        assert (told[-1].type, told[-1].response) == ("response.incomplete", stopped)


async def test_a_response_that_fails_says_so(tmp_path: Path) -> None:
    """``failed`` with an error of the client's own words, or ``incomplete`` where it broke off; whole, streamed and read alike."""
    broken = [ModelError("The provider broke.", code="provider_error", provider_text="secret")]
    async with a_world(tmp_path, ScriptedModel(broken, broken, ["One", Cut()])) as world:
        await bot(world)
        said = await responded(world)
        assert (said.status, said.output) == ("failed", [])
        assert said.error is not None
        assert (said.error.code, said.error.message) == ("server_error", "The provider broke.")
        told = await streamed(world)
        assert [event.type for event in told] == ["response.created", "response.in_progress", "response.failed"]
        told = await streamed(world)
        assert (told[-1].type, told[-1].response.status) == ("response.incomplete", "incomplete")
        assert told[-1].response.output_text == "One"


async def test_a_response_is_deleted(world: World) -> None:
    """With its question; then it is not there."""
    await bot(world)
    said = await responded(world)
    answer = await world.http.delete(f"{RESPONSES}/{said.id}")
    assert answer.json() == {"id": said.id, "object": "response", "deleted": True}
    for method in ("GET", "DELETE"):
        refused(await world.http.request(method, f"{RESPONSES}/{said.id}"), 404, "not_found")
    refused(await world.http.post(f"{RESPONSES}/{said.id}/cancel"), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"instructions": 7}, "invalid_type", "instructions"),
        (
            {"input": [{"role": "system", "content": "x"}, {"role": "user", "content": "x"}]},
            "unsupported_parameter",
            "input",
        ),
        ({"tools": [{"type": "web_search"}]}, "unsupported_parameter", "tools"),
        ({"text": {"format": {"type": "json_object"}}}, "unsupported_parameter", "text"),
        ({"text": {"format": {"type": "json_object"}, "verbosity": "low"}}, "unsupported_parameter", "text"),
        ({"prompt": {"id": "x"}}, "unsupported_parameter", "prompt"),
        ({"input": []}, "invalid_parameter", "input"),
        ({"input": ""}, "empty_message", "text"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "unsupported_parameter", "input[0].type"),
        ({"model": None}, "invalid_parameter", "model"),
        ({"store": False, "background": True}, "invalid_parameter", "store"),
        ({"conversation": "a", "previous_response_id": "b"}, "invalid_parameter", "previous_response_id"),
    ],
)
async def test_what_would_change_the_answer_is_refused(world: World, body: Any, code: str, param: str) -> None:
    """400 by name, before anything is stored."""
    await bot(world)
    refused(await world.http.post(RESPONSES, json={"model": "Helper", "input": "Hello?", **body}), 400, code, param)
    assert (await world.http.get("/v1/conversations")).json()["data"] == []


async def test_what_is_refused_late_leaves_nothing(world: World) -> None:
    """A conversation that was begun for an answer is gone where the question can't be taken after all."""
    await bot(world)
    image = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    asked = [{"role": "user", "content": [{"type": "input_text", "text": "What?"}, image]}]
    answer = await world.http.post(RESPONSES, json={"model": "Helper", "input": asked})
    refused(answer, 400, "unsupported_type")
    assert (await world.http.get("/v1/conversations")).json()["data"] == []


async def test_what_is_not_there(world: World) -> None:
    """404 for a conversation, a response or a model that is unknown."""
    await bot(world)
    for body in ({"conversation": unknown("conv")}, {"previous_response_id": unknown("turn")}, {"conversation": "x"}):
        answer = await world.http.post(RESPONSES, json={"model": "Helper", "input": "Hello?", **body})
        refused(answer, 404, "not_found")
    refused(await world.http.get(f"{RESPONSES}/x"), 404, "not_found")
    refused(await world.http.post(RESPONSES, json={"model": "x", "input": "x"}), 404, "model_not_found", "model")
