"""The whole way: the SDK, ``palaver serve`` in a process of its own, and llama.cpp behind it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

import palaver
import pictures
from crash.process import serving
from palaver.conversation import InterruptReason, TurnStatus
from peers.gguf_files import SENTENCE
from peers.llama import Llama

pytestmark = pytest.mark.xdist_group("llama")


def _env(llama: Llama) -> dict[str, str]:
    return {"OPENAI_API_KEY": "sk-any", "OPENAI_BASE_URL": llama.base_url, "PALAVER_DEFAULT_MODEL": "openai:tiny"}


async def test_a_real_model_answers_through_a_real_server(reciter: Llama, tmp_path: Path) -> None:
    """With OPENAI_BASE_URL set a bot that names no model answers with that server's: streamed, counted and stored."""
    async with serving(tmp_path / "chat.db", _env(reciter)) as server, palaver.open(server.url) as hub:
        bot = await hub.bots.create(name="Reciter", params={"temperature": 0})
        assert bot.model == "openai:tiny"
        chat = await hub.conversations.create(bot.id)
        events = [event async for event in hub.messages.stream(chat.id, "Hello?")]
        assert "".join(event.text for event in events) == SENTENCE
        turn, answer = palaver.fold(events)
        assert turn.status is TurnStatus.COMPLETED
        assert turn.usage.input_tokens > 0
        assert turn.usage.output_tokens > 10
        assert (await hub.messages.list(chat.id)).data[1] == answer


async def test_a_real_model_sees(babbler: Llama, tmp_path: Path) -> None:
    """Two images give two answers, the same image the same one; and the image is seen again with the next question."""

    async def described(hub: palaver.Hub, bot_id: str, colour: str) -> tuple[str, str]:
        chat = await hub.conversations.create(bot_id, kind="vision")
        seen = await hub.messages.send(chat.id, "What is it?", attachments=[pictures.plain(colour)])
        return seen.text, (await hub.messages.send(chat.id, "And now?")).text

    async with serving(tmp_path / "chat.db", _env(babbler)) as server, palaver.open(server.url) as hub:
        bot = await hub.bots.create(name="Eye", params={"temperature": 0, "max_tokens": 24})
        red, blue, red_again = [await described(hub, bot.id, colour) for colour in ("red", "blue", "red")]
    assert red == red_again
    assert red[0] != blue[0]
    assert red[1] != blue[1]


async def test_a_stop_frees_the_real_model(babbler: Llama, tmp_path: Path) -> None:
    """A stop reaches the model's server within a second, and keeps what it said."""
    async with serving(tmp_path / "chat.db", _env(babbler)) as server, palaver.open(server.url) as hub:
        bot = await hub.bots.create(name="Babbler")
        chat = await hub.conversations.create(bot.id)
        accepted = await hub.messages.start(chat.id, "Go on.")
        seen = ""
        async for event in hub.turns.events(accepted.turn.id):
            seen += event.text
            if len(seen) > 50:
                break
        stopped = await hub.turns.stop(accepted.turn.id)
        deadline = time.monotonic() + 10
        while await asyncio.to_thread(babbler.busy_slots):
            assert time.monotonic() < deadline, "the model's server never saw that it was left"
            await asyncio.sleep(0.01)
        assert stopped.reason is InterruptReason.STOPPED
        assert (await hub.messages.list(chat.id)).data[1].text.startswith(seen)
