"""Files: kept, read, sent with a message, seen by the model, gone with what they were sent with."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

import pictures
from palaver.models.scripted import ScriptedModel
from palaver.page import Window
from palaver.stores.records import Shelf
from server.frames import frames_of
from server.world import World, a_world, unknown

RED, BLUE = pictures.plain("red"), pictures.plain("blue")


async def kept(world: World, content: bytes = RED, name: str = "photo.png", **options: Any) -> Any:
    """Keep a file, sent as a browser does."""
    answer = await world.http.post("/v1/files", files={"file": (name, content, "image/png")}, **options)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def asked(world: World, conversation_id: str, *attachments: Any, **options: Any) -> httpx2.Response:
    """Send a message with attachments."""
    body = {"text": "What is this?", "attachments": list(attachments)}
    return await world.http.post(f"/v1/conversations/{conversation_id}/messages", json=body, **options)


def seen(model: ScriptedModel) -> list[tuple[str, list[bytes]]]:
    """What the last call was given: each message's text, and the bytes of its images."""
    return [(each.text, [image.content for image in each.images]) for each in model.calls[-1].prompt.messages]


def picture_of(content: bytes) -> tuple[int, ...]:
    return pictures.drawn(content).convert("RGB").getpixel((20, 20))


async def test_a_file_is_kept_and_read(world: World) -> None:
    """The value says what is stored; the bytes are an image of the same pixels, with headers that keep a browser calm."""
    file = await kept(world, name="../My photo é.jpeg")
    assert file["name"] == "My photo é.png"
    assert set(file) == {"id", "name", "media_type", "size_bytes", "sha256", "created_at"}
    answer = await world.http.get(f"/v1/files/{file['id']}")
    assert answer.json() == file
    content = await world.http.get(f"/v1/files/{file['id']}/content")
    assert (len(content.content), hashlib.sha256(content.content).hexdigest()) == (file["size_bytes"], file["sha256"])
    assert picture_of(content.content) == (255, 0, 0)
    assert content.headers["content-type"] == file["media_type"] == "image/png"
    assert content.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in content.headers["content-security-policy"]
    assert content.headers["cache-control"].startswith("private")
    assert content.headers["content-disposition"] == "inline; filename*=UTF-8''My%20photo%20%C3%A9.png"
    tag = {"If-None-Match": content.headers["etag"]}
    again = await world.http.get(f"/v1/files/{file['id']}/content", headers=tag)
    assert (again.status_code, again.content) == (304, b"")


async def test_a_form_and_json_are_one_upload(world: World) -> None:
    """The same file in a form and as a ``data:`` URL, with one key: one file, made once; another file is refused."""
    key = {"Idempotency-Key": "upload"}
    first = await world.http.post("/v1/files", files={"file": ("a.png", RED)}, headers=key)
    assert first.headers["location"] == f"/v1/files/{first.json()['id']}"
    assert "idempotent-replayed" not in first.headers
    body = {"data": pictures.data_url(RED), "name": "a.png"}
    again = await world.http.post("/v1/files", json=body, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    other = await world.http.post("/v1/files", json={**body, "data": pictures.data_url(BLUE)}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_images_reach_the_model_and_stay_in_the_history(world: World) -> None:
    """An id, a ``data:`` URL and an object are images of the question: in the answer, in the list, in the events, and the
    model is given them again with the next question."""
    conversation_id = await world.conversation()
    file = await kept(world)
    given = (file["id"], pictures.data_url(BLUE), {"data": pictures.data_url(pictures.plain("lime")), "name": "x"})
    sent = (await asked(world, conversation_id, *given)).json()
    parts = sent["user_message"]["parts"]
    assert [part["type"] for part in parts] == ["text", "image", "image", "image"]
    assert parts[1] == {"type": "image", "attachment_id": file["id"], "media_type": "image/png"}
    assert sent["user_message"]["text"] == "What is this?"
    [(_, images)] = seen(world.model)
    assert [picture_of(image) for image in images] == [(255, 0, 0), (0, 0, 255), (0, 255, 0)]
    listed = (await world.http.get(f"/v1/conversations/{conversation_id}/messages")).json()["data"]
    assert listed[0] == sent["user_message"]
    events = await world.http.get(f"/v1/turns/{sent['turn']['id']}/events")
    assert frames_of(events.content)[0].data["user_message"]["parts"] == parts
    await world.sent(conversation_id, "And now?")
    history = seen(world.model)
    assert (history[0], history[-1]) == (("What is this?", images), ("And now?", []))


async def test_a_send_with_files_is_done_once(world: World) -> None:
    """The same key with the same files is the same turn; with another file it is another request."""
    conversation_id, key = await world.conversation(), {"Idempotency-Key": "send"}
    first = await asked(world, conversation_id, pictures.data_url(RED), headers=key)
    again = await asked(world, conversation_id, pictures.data_url(RED), headers=key)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    other = await asked(world, conversation_id, pictures.data_url(BLUE), headers=key)
    assert other.json()["code"] == "idempotency_key_reused"
    assert world.model.call_count == 1


async def test_an_edit_has_images_of_its_own(world: World) -> None:
    """A question that is edited shows the images of the edit, and only these; a regenerate shows the question's."""
    conversation_id = await world.conversation()
    sent = (await asked(world, conversation_id, pictures.data_url(RED))).json()
    await world.made(f"/v1/messages/{sent['message']['id']}/regenerate", {})
    assert picture_of(seen(world.model)[-1][1][0]) == (255, 0, 0)
    body = {"text": "And this?", "attachments": [pictures.data_url(BLUE)]}
    await world.made(f"/v1/messages/{sent['user_message']['id']}/edit", body)
    [(_, [image])] = seen(world.model)
    assert picture_of(image) == (0, 0, 255)
    await world.made(f"/v1/messages/{sent['user_message']['id']}/edit", {"text": "Nothing?"})
    assert seen(world.model) == [("Nothing?", [])]


async def test_appended_messages_may_have_images(world: World) -> None:
    """An imported question keeps its image, and the model is given it with the next question."""
    conversation_id, file = await world.conversation(), await kept(world)
    messages = [
        {"role": "user", "text": "A cat?", "attachments": [file["id"]]},
        {"role": "assistant", "text": "Yes.", "attachments": [pictures.data_url(BLUE)]},
    ]
    answer = await world.http.post(f"/v1/conversations/{conversation_id}/messages:append", json={"messages": messages})
    assert [len(message["parts"]) for message in answer.json()["data"]] == [2, 2]
    await world.sent(conversation_id, "Sure?")
    assert [len(images) for _, images in seen(world.model)] == [1, 0, 0]


async def test_a_model_without_vision_is_told_before_anything_is_stored(world: World) -> None:
    """Where the bot's model can't see, a send with an image, an edit and a regenerate are refused, and all is as before."""
    conversation_id = await world.conversation()
    sent = (await asked(world, conversation_id, pictures.data_url(RED))).json()
    bot_id = (await world.http.get(f"/v1/conversations/{conversation_id}")).json()["bot_id"]
    await world.http.patch(f"/v1/bots/{bot_id}", json={"params": {"vision": False}})
    before = await _everything(world, conversation_id)
    refused = [
        await asked(world, conversation_id, pictures.data_url(BLUE)),
        await world.http.post(
            f"/v1/messages/{sent['user_message']['id']}/edit",
            json={"text": "x", "attachments": [pictures.data_url(BLUE)]},
        ),
        await world.http.post(f"/v1/messages/{sent['message']['id']}/regenerate"),
    ]
    assert [(each.status_code, each.json()["code"]) for each in refused] == [(422, "model_has_no_vision")] * 3
    assert await _everything(world, conversation_id) == before
    await world.sent(conversation_id, "And in words?")
    assert [images for _, images in seen(world.model)] == [[], [], []]


async def _everything(world: World, conversation_id: str) -> list[Any]:
    paths = (f"/v1/conversations/{conversation_id}", f"/v1/conversations/{conversation_id}/messages", "/v1/turns")
    files = await world.root.store.page_records(Shelf.ATTACHMENTS, "default", Window(limit=200))
    return [files, *[(await world.http.get(path)).json() for path in paths]]


async def test_a_model_that_is_not_configured_fails_the_turn(world: World) -> None:
    """An image does not change what happens where the model is missing."""
    bot = await world.made("/v1/bots", {"name": "Nobody", "model": "nobody:x"})
    conversation = await world.made("/v1/conversations", {"bot_id": bot["id"]})
    sent = (await asked(world, conversation["id"], pictures.data_url(RED))).json()
    assert sent["turn"]["error"]["code"] == "provider_not_configured"


async def test_what_is_deleted_takes_its_images_along(world: World) -> None:
    """An image is not found once all messages that show it are deleted, comes back with them, and a purge removes its
    bytes unless another message shows them."""
    file = await kept(world)
    first, second = await world.conversation("One"), await world.conversation("Two")
    for each in (first, second):
        assert (await asked(world, each, file["id"])).status_code == 201
    path = f"/v1/files/{file['id']}/content"
    await world.http.delete(f"/v1/conversations/{first}")
    await world.root.lifecycle.purge_now()
    assert (await world.http.get(path)).status_code == 200
    await world.http.delete(f"/v1/conversations/{second}")
    assert (await world.http.get(path)).status_code == 404
    assert (await asked(world, await world.conversation("Three"), file["id"])).status_code == 404
    await world.http.post(f"/v1/conversations/{second}/restore")
    assert (await world.http.get(path)).status_code == 200
    await world.http.delete(f"/v1/conversations/{second}")
    await world.root.lifecycle.purge_now()
    assert (await world.http.post(f"/v1/conversations/{second}/restore")).status_code == 404
    assert (await world.http.get(path)).status_code == 404


@pytest_asyncio.fixture
async def small(tmp_path: Path) -> AsyncIterator[World]:
    """A world where a file holds 20,000 bytes and an image 10,000 pixels."""
    limits = {"file_bytes": 20_000, "image_pixels": 10_000}
    async with a_world(tmp_path, limits=limits) as made:
        yield made


async def test_limits_come_before_work(small: World) -> None:
    """Too many bytes in one file or in all of a message, too many pixels, too large a body: each by its name."""
    conversation_id, heavy = await small.conversation(), pictures.noise(70)
    assert 12_000 < len(heavy) < 20_000
    refused: Mapping[str, httpx2.Response] = {
        "file_too_large": await small.http.post("/v1/files", files={"file": ("a", b"\x89PNG" + bytes(30_000))}),
        "body_too_large": await small.http.post("/v1/files", files={"file": ("a", bytes(130_000))}),
        "file_too_complex": await small.http.post("/v1/files", files={"file": ("a", pictures.plain(side=101))}),
    }
    for code, answer in refused.items():
        assert (answer.status_code, answer.json()["code"]) == (413 if code == "body_too_large" else 422, code)
    both = await asked(small, conversation_id, pictures.data_url(heavy), pictures.data_url(heavy))
    assert both.json()["code"] == "file_too_large"
    assert (await asked(small, conversation_id, pictures.data_url(heavy))).status_code == 201


async def test_a_visitor_reads_what_is_its_own(world: World) -> None:
    """A visitor uploads, sends and reads its own images, and those of its conversations whoever sent them. Another
    visitor's, the tenant's, and what its own conversation showed before it was deleted are not found."""
    admin = await world.key("admin")
    bot = await world.made("/v1/bots", {"name": "Helper"}, headers=admin)
    ann, bob = [await world.made("/v1/entities", {}, headers=admin) for _ in range(2)]
    as_ann, as_bob = [await world.key("visitor", bot_id=bot["id"], entity_id=each["id"]) for each in (ann, bob)]
    talk = await world.made("/v1/conversations", {"bot_id": bot["id"]}, headers=as_ann)
    other = await world.made("/v1/conversations", {"bot_id": bot["id"]}, headers=as_bob)
    hers = await kept(world, RED, headers=as_ann)
    tenants = await kept(world, BLUE, headers=admin)
    shown = await kept(world, pictures.plain("lime"), headers=admin)
    assert (await asked(world, talk["id"], shown["id"], headers=admin)).status_code == 201

    async def status(file: Any, headers: dict[str, str]) -> set[int]:
        paths = (f"/v1/files/{file['id']}", f"/v1/files/{file['id']}/content")
        return {(await world.http.get(path, headers=headers)).status_code for path in paths}

    assert await status(hers, as_ann) == await status(shown, as_ann) == {200}
    for file, headers in ((hers, as_bob), (tenants, as_ann), (tenants, as_bob), (shown, as_bob)):
        assert await status(file, headers) == {404}
        where = talk if headers is as_ann else other
        assert (await asked(world, where["id"], file["id"], headers=headers)).status_code == 404
    assert (await asked(world, talk["id"], hers["id"], headers=as_ann)).status_code == 201
    sent = await asked(world, other["id"], pictures.data_url(RED), headers=as_bob)
    assert await status({"id": sent.json()["user_message"]["parts"][1]["attachment_id"]}, as_bob) == {200}
    await world.http.delete(f"/v1/conversations/{talk['id']}", headers=admin)
    assert await status(hers, as_ann) == await status(shown, as_ann) == {404}


async def test_a_key_that_only_reads_uploads_nothing(world: World) -> None:
    """``read`` reads files and keeps none; no key is no key."""
    reader = await world.key("read")
    writer = await world.key("write")
    file = await kept(world, headers=writer)
    assert (await world.http.get(f"/v1/files/{file['id']}/content", headers=reader)).status_code == 200
    answer = await world.http.post("/v1/files", files={"file": ("a", RED)}, headers=reader)
    assert answer.status_code == 403
    assert (await world.http.get(f"/v1/files/{file['id']}")).status_code == 401
    assert (await world.http.get(f"/v1/files/{unknown('att')}", headers=reader)).status_code == 404


@pytest.mark.parametrize("path", ["/etc/hostname", "photo.png", "file:///etc/hostname", "http://localhost/a.png"])
async def test_a_server_reads_no_path(world: World, path: str) -> None:
    """What is neither an id nor a ``data:`` URL is refused, though the library in process would read the file."""
    answer = await asked(world, await world.conversation(), path)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_file")
