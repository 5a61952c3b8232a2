"""From a delta on one process to a client of another: with wake-ups, and with every one of them lost."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from bench.databases import TITLES, databases
from bench.measure import median
from bench.peers.ours import OursOnPostgres, OursOnRedis
from bench.sse import servers
from bench.tables import Goal, Table, ms
from palaver.config import Settings
from palaver.hub import HubRoot
from palaver.models.base import Ended, Prompt, Said, TextSaid, TokensCounted
from palaver.surface import Hub
from palaver.tenant import DEFAULT_TENANT
from servers.proxy import proxy_to

STREAMS = {"quick": 2, "default": 10, "full": 50}
SECONDS = {"quick": 1.0, "default": 8.0, "full": 20.0}
_PAUSES = (0.03, 0.13)
_HEAD_START_SECONDS = 3.0
_NOTIFICATIONS: dict[type[OursOnPostgres | OursOnRedis], Callable[[bytes], bool]] = {
    OursOnPostgres: lambda piece: b"palaver\0turn_" in piece,
    OursOnRedis: lambda piece: b"\nmessage\r\n" in piece and b"turn_" in piece,
}


class StampingModel:
    """Says what time it is, on the clock that all processes of a machine share, in nanoseconds."""

    has_vision = False

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    @asynccontextmanager
    async def stream(self, _prompt: Prompt) -> AsyncIterator[AsyncIterator[Said]]:
        yield self._said()

    async def _said(self) -> AsyncIterator[Said]:
        await asyncio.sleep(_HEAD_START_SECONDS)  # until then the readers are there
        until = time.monotonic() + self._seconds
        while time.monotonic() < until:
            yield TextSaid(f"{time.monotonic_ns()} ")
            await asyncio.sleep(random.uniform(*_PAUSES))
        yield TokensCounted(1, 1)
        yield Ended()


async def _begun(hub: Hub, bot_id: str) -> str:
    """Begin a turn; return the path of its events."""
    conversation = await hub.conversations.create(bot_id)
    started = await hub.messages.start(conversation.id, "What time is it?")
    return f"/v1/turns/{started.turn.id}/events"


@asynccontextmanager
async def _in_thread(running: AbstractContextManager[servers.Server]) -> AsyncIterator[servers.Server]:
    """The proxy between that server and its database is on our loop: nothing may block it."""
    server = await asyncio.to_thread(running.__enter__)
    try:
        yield server
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)


async def _seconds(home: str, elsewhere: str, folder: Path, scale: str) -> list[float]:
    """Run turns on ``home`` in this process; have them read from a server on ``elsewhere``, which leads to the same place."""
    model = StampingModel(SECONDS[scale])
    async with HubRoot.open(Settings(store=home), models={"stamps": model}) as root:
        hub = root.for_tenant(DEFAULT_TENANT)
        bot = await hub.bots.create(name=folder.name, model="stamps")
        async with _in_thread(servers.ours(elsewhere, folder / "server.log")) as server:
            paths = [await _begun(hub, bot.id) for _ in range(STREAMS[scale])]
            order: dict[str, Any] = {"kind": "stamps", "port": server.port, "requests": [servers.get(p) for p in paths]}
            return list((await asyncio.to_thread(servers.client, order))["taken"])


async def _of(kind: type[OursOnPostgres | OursOnRedis], folder: Path, scale: str) -> tuple[list[float], list[float]]:
    async with AsyncExitStack() as stack:
        home = stack.enter_context(stack.enter_context(databases()).home(kind))
        proxy = await stack.enter_async_context(proxy_to(home))
        (folder / "woken").mkdir(parents=True)
        (folder / "alone").mkdir()
        woken = await _seconds(home, home, folder / "woken", scale)
        proxy.drops = _NOTIFICATIONS[kind]
        return woken, await _seconds(home, proxy.url, folder / "alone", scale)


def _row(name: str, taken: list[float]) -> tuple[str, ...]:
    ordered = sorted(taken)
    return (name, ms(median(ordered)), ms(ordered[int(len(ordered) * 0.95)]), f"{len(ordered):,}")


async def measure(folder: Path, *, scale: str) -> list[Table]:
    """Stamp each delta where the model says it; compare with the clock where a client of another process reads it."""
    rows, goals = [], []
    for kind in (OursOnPostgres, OursOnRedis):
        title = TITLES[kind.engine]
        woken, alone = await _of(kind, folder / title, scale)
        rows += [_row(f"{title}, with wake-ups", woken), _row(f"{title}, every wake-up lost", alone)]
        text = f"a delta to a client of another process on {title}, ms (median)"
        goals.append(Goal(text=text, measured=median(woken) * 1000, limit=50))
    table = Table(
        title="From a delta on one process to a client of another, ms",
        columns=("", "median", "95th percentile", "deltas"),
        rows=rows,
        note=f"From the model's word to the bytes of the event stream: the tick, the write, the wake-up, the read, HTTP. "
        f"{STREAMS[scale]} turns at once, a delta every {_PAUSES[0] * 1000:g} to {_PAUSES[1] * 1000:g} ms in each.",
        goals=goals,
    )
    return [table]
