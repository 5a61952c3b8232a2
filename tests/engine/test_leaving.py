"""Callers that leave: whenever they do, what was accepted goes on."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

from engine.conftest import OpenHub
from palaver.models.scripted import ScriptedModel, words_text


async def test_a_send_that_is_cancelled_at_any_moment_runs_or_was_never_there(open_hub: OpenHub) -> None:
    """I11: a caller that is cancelled at a random moment of a send stops nothing: each stored turn completes, at once."""
    model = ScriptedModel(words_text(5), delay_seconds=0.001)
    async with open_hub(model) as root:
        hub = root.for_tenant()
        bot, moments = await hub.bots.create(name="Helper"), random.Random(11)
        conversations = [(await hub.conversations.create(bot.id)).id for _ in range(150)]
        for conversation_id in conversations:
            with suppress(TimeoutError):
                async with asyncio.timeout(moments.uniform(0, 0.004)):
                    await hub.messages.send(conversation_id, "Hello")
        async with asyncio.timeout(10):
            for conversation_id in conversations:
                for message in (await hub.messages.list(conversation_id)).data[1:]:
                    reply = await hub.turns.wait(message.turn_id)
                    assert (str(reply.turn.status), reply.text) == ("completed", words_text(5))
        assert model.aborted == 0


async def test_readers_that_leave_stop_nothing(open_hub: OpenHub) -> None:
    """I11: a hundred readers that leave at random moments change nothing for the one who stays."""
    model = ScriptedModel(words_text(60), delay_seconds=0.003)
    async with open_hub(model) as root:
        hub = root.for_tenant()
        conversation = await hub.conversations.create((await hub.bots.create(name="Helper")).id)
        turn_id = (await hub.messages.start(conversation.id, "Hello")).turn.id
        moments = random.Random(12)

        async def passer_by() -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(moments.uniform(0, 0.2)):
                    async for _ in hub.turns.events(turn_id):
                        pass

        await asyncio.gather(*[passer_by() for _ in range(100)])
        reply = await hub.turns.wait(turn_id)
        assert (str(reply.turn.status), reply.text) == ("completed", words_text(60))
