"""Images on their way to the model."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import palaver
import pictures
from engine.conftest import OpenHub
from palaver.config import Limits, Settings
from palaver.conversation import TurnStatus
from palaver.errors import InvalidInput, TurnFailed
from palaver.hub import HubRoot, LocalHub
from palaver.models.scripted import ScriptedModel


class BlindModel(ScriptedModel):
    """A model that can't be given images."""

    has_vision = False


def images_seen(model: ScriptedModel) -> list[int]:
    """How many images each message of the last prompt had."""
    return [len(each.images) for each in model.calls[-1].prompt.messages]


async def a_chat(hub: LocalHub) -> str:
    bot = await hub.bots.create(name="Helper")
    return (await hub.conversations.create(bot.id)).id


async def test_the_newest_images_are_given_within_the_bytes(tmp_path: Path) -> None:
    """A prompt holds images of at most the bytes of one message: the question's, then the history's, newest first."""
    model, heavy = ScriptedModel(), [pictures.noise(70, seed=seed) for seed in range(4)]
    settings = Settings(store=str(tmp_path / "a.db"), default_model="model", limits=Limits(file_bytes=40_000))
    async with HubRoot.open(settings, models={"model": model}) as root:
        hub = root.for_tenant()
        chat_id = await a_chat(hub)
        for each in heavy:
            await hub.messages.send(chat_id, "Look", attachments=[each])
        assert images_seen(model) == [0, 0, 0, 0, 1, 0, 1]
        with pytest.raises(InvalidInput) as error:
            await hub.messages.send(chat_id, "Look", attachments=heavy[:3])
        assert error.value.code == "file_too_large"


async def test_a_model_that_can_not_see_is_never_given_an_image(open_hub: OpenHub) -> None:
    """A send with an image is refused; images that the conversation has from another model are left out."""
    async with open_hub(ScriptedModel()) as root:
        chat_id = await a_chat(root.for_tenant())
        await root.for_tenant().messages.send(chat_id, "Look", attachments=[pictures.plain()])
    model = BlindModel()
    async with open_hub(model) as root:
        hub = root.for_tenant()
        with pytest.raises(InvalidInput) as error:
            await hub.messages.send(chat_id, "Look", attachments=[pictures.plain()])
        assert error.value.code == "model_has_no_vision"
        assert model.call_count == 0
        await hub.messages.send(chat_id, "In words?")
        assert images_seen(model) == [0, 0, 0]


async def test_a_question_whose_model_became_blind_fails_by_name(open_hub: OpenHub) -> None:
    """An image that was accepted while the turn before it ran fails its turn, if the bot sees no longer when it begins."""
    go_on = asyncio.Event()
    model = ScriptedModel(["Wait", go_on], "Never.")
    async with open_hub(model) as root:
        hub = root.for_tenant()
        bot = await hub.bots.create(name="Helper")
        chat_id = (await hub.conversations.create(bot.id)).id
        await hub.messages.start(chat_id, "First")
        await model.wait_for_calls(1)
        queued = await hub.messages.start(chat_id, "Look", attachments=[pictures.plain()], policy="queue")
        await hub.bots.update(bot.id, params={"vision": False})
        go_on.set()
        ended = await hub.turns.wait(queued.turn.id)
        assert ended.turn.status is TurnStatus.FAILED
        assert ended.turn.error is not None
        assert ended.turn.error.code == "model_has_no_vision"
        assert model.call_count == 1


async def test_a_provider_that_refuses_an_image_fails_the_turn(tmp_path: Path) -> None:
    """Which servers see is not known beforehand: their refusal is the turn's error, and the question is kept."""
    async with palaver.open(str(tmp_path / "a.db")) as hub:
        bot = await hub.bots.create(name="Helper", model="scripted:fail?code=provider_rejected")
        chat = await hub.conversations.create(bot.id)
        with pytest.raises(TurnFailed) as error:
            await hub.messages.send(chat.id, "Look", attachments=[pictures.plain()])
        assert error.value.code == "provider_rejected"
        assert len((await hub.messages.list(chat.id)).data[0].parts) == 2


async def test_a_file_can_be_given_in_every_form(open_hub: OpenHub, tmp_path: Path) -> None:
    """A path, a Path, bytes, a data: URL, an id and a value all show the same picture; it is stored once."""
    model, red = ScriptedModel(), pictures.plain("red")
    path = tmp_path / "red.png"
    path.write_bytes(red)
    async with open_hub(model) as root:
        hub = root.for_tenant()
        file = await hub.files.add(path)
        given = [str(path), path, red, pictures.data_url(red), file.id, file]
        await hub.messages.send(await a_chat(hub), "Look", attachments=given)
        images = model.calls[-1].prompt.messages[-1].images
        assert {image.content for image in images} == {await hub.files.content(file.id)}
        assert len(images) == 6
