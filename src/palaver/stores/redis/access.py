"""What every group of a store's methods has: one way to run an operation.

An operation reads, decides, and says what is to change; that is written only if nothing it was decided upon has changed
meanwhile. Else it is run again, now behind those of this process that want the same. This is the one place where anything
is tried again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar
from weakref import WeakValueDictionary

from palaver.clock import Clock
from palaver.errors import StoreUnavailable
from palaver.stores.redis.commit import commit
from palaver.stores.redis.driver_errors import DRIVER_ERRORS, RETRY_AFTER_SECONDS, is_disconnected, translated
from palaver.stores.redis.line import Line
from palaver.stores.redis.server import Server
from palaver.stores.redis.session import Operation, Outrun, Session
from palaver.stores.remote_clock import RemoteClock

T = TypeVar("T")
_SECONDS = 5.0
_PAUSE_SECONDS = 0.02


class Access:
    """A server, a clock (the server's, if none is given), and a line to the other processes."""

    def __init__(self, server: Server, clock: Clock | None) -> None:
        self._server = server
        self._remote = RemoteClock()
        self._clock = clock or self._remote
        self._asking = asyncio.Lock()
        self._turnstiles: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._line = Line(server)

    async def _now(self) -> int:
        """Return the store's time; the server is asked for its own now and then."""
        if self._clock is self._remote and self._remote.is_due:
            async with self._asking:
                if self._remote.is_due:
                    await self._remote.sync(self._server.micros)
        return self._clock.micros()

    async def _run(self, operation: Operation[T], about: str = "") -> T:
        """Run an operation. ``about`` names what it changes: of those that were outrun one tries at a time."""
        try:
            return await self._try(operation)
        except Outrun:
            pass
        async with self._turn_of(about):
            return await self._try_again(operation)

    @asynccontextmanager
    async def _turn_of(self, about: str) -> AsyncIterator[None]:
        turnstile = self._turnstiles.setdefault(about, asyncio.Lock())
        async with turnstile:
            yield

    async def _try_again(self, operation: Operation[T]) -> T:
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            try:
                return await self._try(operation)
            except Outrun:
                await asyncio.sleep(_PAUSE_SECONDS * random.random())
        raise StoreUnavailable("Too many write to this at once.", retry_after_seconds=RETRY_AFTER_SECONDS)

    async def _try(self, operation: Operation[T]) -> T:
        session, result = await self._decide(operation)
        step, news = session.finish(), session.news
        if not step.is_empty:
            if news and not self._server.is_cluster:
                step.home.writes.append(self._line.message(news))
                news = set()
            try:
                await commit(self._server, step, session.now)
            except DRIVER_ERRORS as error:
                raise translated(error) from error
            recent = session.recent()
            if recent is not None:
                self._server.recent.keep(recent)
        self._line.tell(news)
        return result

    async def _decide(self, operation: Operation[T]) -> tuple[Session, T]:
        """Run an operation up to its writes. One that meets a connection which broke meanwhile goes on with a new one."""
        try:
            return await self._decide_once(operation)
        except DRIVER_ERRORS as error:
            if not is_disconnected(error):
                raise translated(error) from error
        try:
            return await self._decide_once(operation)
        except DRIVER_ERRORS as error:
            raise translated(error) from error

    async def _decide_once(self, operation: Operation[T]) -> tuple[Session, T]:
        session = Session(self._server, await self._now())
        return session, await operation(session)
