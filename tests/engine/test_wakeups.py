"""Processes on one store wake each other; where a wake-up is lost, they look by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from engine.gate import Gate
from palaver.config import Settings
from palaver.events import Event
from palaver.hub import HubRoot, LocalHub
from servers.proxy import Proxy, proxy_to

FOR_EVER_SECONDS = 600.0
# What a notification looks like on the wire of each server; answers to queries never do.
NOTIFICATIONS: dict[str, Callable[[bytes], bool]] = {
    "postgres_url": lambda piece: b"palaver\0turn_" in piece,
    "redis_url": lambda piece: b"\nmessage\r\n" in piece and b"turn_" in piece,
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two roots on one store: ``here`` runs the turns, ``there`` reads them through a proxy."""

    here: LocalHub
    there: LocalHub
    gate: Gate
    proxy: Proxy

    async def begin(self) -> tuple[str, AsyncGenerator[Event, None]]:
        """Begin a turn here; return its id and its events as they are read there, the first one passed over."""
        bot = await self.here.bots.create(name="Helper", model="gate")
        chat = await self.here.conversations.create(bot.id)
        started = await self.here.messages.start(chat.id, "Hello?")
        await self.gate.until(lambda: self.gate.open_calls == 1)
        events = self.there.turns.events(started.turn.id)
        await anext(events)
        return started.turn.id, events


@pytest.fixture(params=sorted(NOTIFICATIONS))
def kind(request: pytest.FixtureRequest) -> str:
    """Which store."""
    return str(request.param)


@pytest.fixture
async def pair(kind: str, request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    """Two processes in one."""
    gate = Gate()

    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[LocalHub]:
        async with HubRoot.open(Settings(store=url), models={"gate": gate}) as root:
            yield root.for_tenant()

    async with AsyncExitStack() as stack:
        url = request.getfixturevalue(kind)
        proxy = await stack.enter_async_context(proxy_to(url))
        here = await stack.enter_async_context(opened(url))
        there = await stack.enter_async_context(opened(proxy.url))
        yield Pair(here, there, gate, proxy)


@pytest.fixture
def only_wakeups(monkeypatch: pytest.MonkeyPatch) -> None:
    """No reader looks at the store by itself: what it sees it was woken for."""
    monkeypatch.setattr("palaver.turns.FLOOR_SECONDS", FOR_EVER_SECONDS)


async def test_a_reader_elsewhere_is_woken(only_wakeups: None, pair: Pair) -> None:
    """Every tick of a turn, and its end, wake whoever reads it on another process."""
    _, events = await pair.begin()
    for word in ("one ", "two ", "three"):
        pair.gate.say(word)
        async with asyncio.timeout(5):
            assert (await anext(events)).text == word
    pair.gate.end()
    async with asyncio.timeout(5):
        assert (await anext(events)).is_terminal


async def test_whoever_waits_elsewhere_is_woken(only_wakeups: None, pair: Pair) -> None:
    """The end of a turn wakes whoever waits for it on another process."""
    turn_id, _ = await pair.begin()
    waiting = asyncio.ensure_future(pair.there.turns.wait(turn_id))
    await asyncio.sleep(0.1)
    pair.gate.say("Done.")
    pair.gate.end()
    async with asyncio.timeout(5):
        assert (await waiting).text == "Done."


async def test_a_lost_wakeup_costs_less_than_a_second(kind: str, pair: Pair) -> None:
    """With every notification dropped, a reader on another process sees the next event within a second."""
    lost: list[bytes] = []

    def drops(piece: bytes) -> bool:
        if NOTIFICATIONS[kind](piece):
            lost.append(piece)
            return True
        return False

    pair.proxy.drops = drops
    _, events = await pair.begin()
    for word in ("one ", "two ", "three"):
        pair.gate.say(word)
        async with asyncio.timeout(1):
            assert (await anext(events)).text == word
    pair.gate.end()
    async with asyncio.timeout(1):
        assert (await anext(events)).is_terminal
    assert lost, "no notification came that could be dropped"


async def test_a_cut_line_is_listened_to_again(only_wakeups: None, pair: Pair) -> None:
    """When the connection that brings the wake-ups dies, a new one takes its place, and what came in between is read."""
    _, events = await pair.begin()
    pair.proxy.cut()
    for word in ("one ", "two "):
        await asyncio.sleep(1)
        pair.gate.say(word)
    heard = ""
    async with asyncio.timeout(10):
        while heard != "one two ":
            heard += (await anext(events)).text
