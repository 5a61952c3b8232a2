"""A process that dies in the middle of what it does with Redis, as far as the server can tell."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.exceptions import ConnectionError as NoConnection

from palaver.stores.redis import RedisStore
from palaver.stores.redis.server import Server
from palaver.testing import FakeClock


@asynccontextmanager
async def opened(url: str, clock: FakeClock) -> AsyncIterator[RedisStore]:
    """A process that lives."""
    store = RedisStore(url, clock=clock)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def mortal(url: str, clock: FakeClock) -> AsyncIterator[MortalStore]:
    """A process that can die, and is buried in peace."""
    store = MortalStore(url, clock)
    await store.open()
    try:
        yield store
    finally:
        store.dies_after(1_000_000)
        await store.close()


class Mortal(Server):
    """A server that is out of reach after so many round trips, for good; or something else happens then."""

    rounds = 1_000_000
    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def _send(self, commands: Sequence[Any]) -> list[Any]:
        if self.rounds <= 0:
            if self.meanwhile is None:
                raise NoConnection("cut")
            meanwhile, self.meanwhile, self.rounds = self.meanwhile, None, 1_000_000
            await meanwhile()
        self.rounds -= 1
        return await super()._send(commands)


class MortalStore(RedisStore):
    """A process that dies in the middle of a step, or is so slow that others do something in the middle of it."""

    def __init__(self, url: str, clock: FakeClock) -> None:
        super().__init__(url, clock=clock)
        self._server.__class__ = Mortal  # the same connection, which can be cut

    def dies_after(self, rounds: int) -> None:
        """Let it die after so many round trips from now on."""
        self._server.rounds = rounds  # type: ignore[attr-defined]

    @property
    def is_alive(self) -> bool:
        """Whether it came to its end before it died."""
        return self._server.rounds > 0  # type: ignore[attr-defined]

    def waits_after(self, rounds: int, meanwhile: Callable[[], Awaitable[object]]) -> None:
        """Let something happen after so many round trips from now on."""
        self._server.rounds, self._server.meanwhile = rounds, meanwhile  # type: ignore[attr-defined]

    @property
    def has_waited(self) -> bool:
        """Whether that has happened."""
        return self._server.meanwhile is None  # type: ignore[attr-defined]
