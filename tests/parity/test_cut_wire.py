"""The SDK on a bad network, against a real server."""

from __future__ import annotations

import random
from itertools import chain, repeat
from pathlib import Path

from crash.process import serving
from palaver.client import HttpHub, Patience
from servers.proxy import proxy_to

ROUNDS = 20
CUTS = 5
CARRIED_BYTES = 6000
PATIENCE = Patience(silence_seconds=5, rejoin_seconds=20, tries=CUTS + 2)


async def test_a_bad_network_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """However often and wherever connections are cut, a streamed send is one turn, and its events are read once each,
    byte for byte as they are stored."""
    chance = random.Random(20)
    total = 0
    async with serving(tmp_path / "cut.db", {}) as server, HttpHub(server.url) as straight:
        bot = await straight.bots.create(name="Words", model="scripted:words?count=60&delay=0.002")
        for number in range(1, ROUNDS + 1):
            chat = await straight.conversations.create(bot.id)
            points = [chance.randrange(1, CARRIED_BYTES) for _ in range(chance.randrange(1, CUTS + 1))]
            async with proxy_to(server.url, chain(points, repeat(None))) as proxy:
                async with HttpHub(proxy.url, patience=PATIENCE) as hub:
                    seen = [event async for event in hub.messages.stream(chat.id, f"Question {number}")]
            (turn,) = [each for each in await straight.turns.list(limit=5) if each.conversation_id == chat.id]
            assert seen == [event async for event in straight.turns.events(turn.id)]
            total += proxy.cut_count
    assert total > ROUNDS


async def test_a_bad_network_creates_nothing_twice(tmp_path: Path) -> None:
    """A create or an upload whose request or answer is cut anywhere is made once; a plain send waits through the cuts for its
    one answer."""
    chance = random.Random(21)
    async with serving(tmp_path / "cut.db", {}) as server:
        points = chain.from_iterable((chance.randrange(1, 600), None) for _ in repeat(None))
        async with proxy_to(server.url, points) as proxy, HttpHub(proxy.url, patience=PATIENCE) as hub:
            for number in range(20):
                bot = await hub.bots.create(name=f"Bot {number}", model="scripted:Fine.")
                chat = await hub.conversations.create(bot.id)
                for source in (b"A file.", "Some words."):
                    await hub.documents.add(bot.id, source, wait=False)
                assert len(await hub.documents.list(bot.id)) == 2
                reply = await hub.messages.send(chat.id, "Well?")
                assert reply.text == "Fine."
                assert (await hub.conversations.get(chat.id)).turn_count == 1
            assert len(await hub.bots.list(limit=200)) == 20
    assert proxy.cut_count >= 20
