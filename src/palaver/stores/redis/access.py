"""What every group of a store's methods has: ways to read and to write. The one place where anything is tried again."""

from __future__ import annotations

import asyncio
import random
from typing import TypeVar
from weakref import WeakValueDictionary

from palaver.clock import Clock
from palaver.errors import StoreUnavailable
from palaver.stores.redis.connection import Place
from palaver.stores.redis.driver_errors import RETRY_AFTER_SECONDS
from palaver.stores.redis.keys import Keys
from palaver.stores.redis.line import Line
from palaver.stores.redis.lists import Lists
from palaver.stores.redis.session import Operation, Outrun, Session
from palaver.stores.redis.wire import Wire
from palaver.stores.remote_clock import RemoteClock

T = TypeVar("T")
_TRIES = 40
_PAUSE_SECONDS = 0.005


class Access:
    """A wire, a clock (the server's, if none is given), and a line to the other processes."""

    def __init__(self, place: Place, clock: Clock | None) -> None:
        self._keys = Keys(place.prefix)
        self._wire = Wire(place)
        self._lists = Lists(self._wire, self._keys)
        self._line = Line(place, self._wire, self._keys.channel)
        self._remote = RemoteClock(self._ask_time)
        self._clock = clock or self._remote
        self._asking = asyncio.Lock()
        self._turnstiles: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def _ask_time(self) -> int:
        seconds, micros = await self._wire.say("TIME")
        return int(seconds) * 1_000_000 + int(micros)

    async def _now(self) -> int:
        """Return the time of the store. One operation asks the server for it, now and then, for all."""
        if self._clock is self._remote and self._remote.is_due:
            async with self._asking:
                if self._remote.is_due:
                    await self._remote.sync()
        return self._clock.micros()

    async def _session(self) -> Session:
        return Session(self._wire, self._keys, await self._now())

    async def _read(self, operation: Operation[T]) -> T:
        """Run an operation that only reads."""
        return await operation(await self._session())

    async def _write(self, operation: Operation[T], about: str) -> T:
        """Run an operation whose changes are written in one step. Who was outrun in what it is ``about`` tries again, one
        after the other, so that all come through however many want the same."""
        try:
            return await self._try(operation)
        except Outrun:
            pass
        turnstile = self._turnstiles.setdefault(about, asyncio.Lock())
        async with turnstile:
            for _ in range(_TRIES):
                try:
                    return await self._try(operation)
                except Outrun:
                    await asyncio.sleep(_PAUSE_SECONDS * random.random())
        raise StoreUnavailable("Too many write to this at once.", retry_after_seconds=RETRY_AFTER_SECONDS)

    async def _try(self, operation: Operation[T]) -> T:
        session = await self._session()
        result = await operation(session)
        await session.commit(self._lists)
        self._line.tell(session.news)
        return result
