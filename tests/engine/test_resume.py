"""Streams that are cut anywhere, resumed anywhere: what was missed and nothing else."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing

from engine.conftest import OpenHub
from palaver.events import Event
from palaver.hub import LocalHub
from palaver.models.scripted import Pause, ScriptedModel

TURNS = 25
READERS = 12
CUTS = 10


def _reply(chance: random.Random) -> list[str | Pause]:
    letters = ["word ", "é", "\U0001f600", "\n", "\r", "\u2028", "\u0085", '"', "\\", "data: x\n\n"]
    steps: list[str | Pause] = []
    for _ in range(chance.randint(5, 40)):
        steps.append("".join(chance.choices(letters, k=chance.randint(1, 8))))
        steps.append(Pause(chance.choice([0, 0, 0.002, 0.03])))
    return steps


async def _read_in_pieces(hubs: list[LocalHub], turn_id: str, seed: int) -> tuple[list[Event], int]:
    """Read a turn to its end, leaving and coming back, on this engine or the other; return the number of cuts, too."""
    chance, seen, cuts = random.Random(seed), list[Event](), 0
    while not (seen and seen[-1].is_terminal):
        patience = chance.randint(0, 4) if cuts < CUTS else 10_000
        async with aclosing(chance.choice(hubs).turns.events(turn_id, after=seen[-1].seq if seen else 0)) as events:
            async for event in events:
                seen.append(event)
                patience -= 1
                if patience <= 0:
                    break
        cuts += 1
    return seen, cuts


async def test_a_thousand_cuts_lose_and_repeat_nothing(open_hub: OpenHub) -> None:
    """I8: at 1,000 random cut points, live and later, on this engine and on another, seen + resumed is the uninterrupted stream."""
    chance = random.Random(8)
    model = ScriptedModel(*[_reply(chance) for _ in range(TURNS)])
    async with open_hub(model) as root, open_hub(model) as other:
        hubs = [root.for_tenant(), other.for_tenant()]
        bot = await hubs[0].bots.create(name="Helper")
        cuts = sum(await asyncio.gather(*[_cut_up(hubs, bot.id, number) for number in range(TURNS)]))
    assert cuts >= 1_000


async def _cut_up(hubs: list[LocalHub], bot_id: str, number: int) -> int:
    conversation = await hubs[0].conversations.create(bot_id)
    turn_id = (await hubs[0].messages.start(conversation.id, "Go")).turn.id
    readers = [_read_in_pieces(hubs, turn_id, number * 100 + reader) for reader in range(READERS)]
    whole, *pieced = await asyncio.gather(_read_whole(hubs[0], turn_id), *readers)
    for seen, _ in pieced:
        assert seen == whole
    assert await _read_whole(hubs[1], turn_id) == whole, "later, from its begin, elsewhere"
    answer = (await hubs[0].turns.wait(turn_id)).text
    assert "".join(event.text for event in whole) == answer != ""
    return sum(count for _, count in pieced)


async def _read_whole(hub: LocalHub, turn_id: str) -> list[Event]:
    return [event async for event in hub.turns.events(turn_id)]


async def test_what_is_emitted_was_persisted_first(open_hub: OpenHub) -> None:
    """At the moment a reader has an event, another connection to the store reads the same event."""
    model = ScriptedModel(_reply(random.Random(9)))
    async with open_hub(model) as root, open_hub(model) as other:
        hub = root.for_tenant()
        conversation = await hub.conversations.create((await hub.bots.create(name="Helper")).id)
        turn_id = (await hub.messages.start(conversation.id, "Go")).turn.id
        deltas = 0
        async with aclosing(hub.turns.events(turn_id)) as events:
            async for event in events:
                log = await other.store.read_log(hub.tenant_id, turn_id, after=event.seq - 1, limit=1)
                if event.text:
                    deltas += 1
                    assert list(log.events) == [event]
                elif event.is_terminal:
                    assert log.turn.status.is_terminal
        assert deltas > 3


async def test_a_reader_far_behind_reads_everything(open_hub: OpenHub) -> None:
    """I20: a reader that sleeps while the others read on is given every event from the store, in order."""
    steps = [step for number in range(700) for step in (f"{number} ", Pause(0.0002))]
    async with open_hub(ScriptedModel(steps)) as root:
        hub = root.for_tenant()
        conversation = await hub.conversations.create((await hub.bots.create(name="Helper")).id)
        turn_id = (await hub.messages.start(conversation.id, "Go")).turn.id
        seen: list[Event] = []
        async with aclosing(hub.turns.events(turn_id)) as events:
            async for event in events:
                if len(seen) == 2:
                    await hub.turns.wait(turn_id)
                seen.append(event)
        assert seen == await _read_whole(hub, turn_id)
