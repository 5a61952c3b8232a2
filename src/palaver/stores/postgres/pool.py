"""A few connections for everybody: one is held for a statement or a short transaction, never while a model streams."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from palaver.errors import StoreUnavailable
from palaver.stores.postgres.connection import Connection, Database
from palaver.stores.postgres.driver_errors import DRIVER_ERRORS, RETRY_AFTER_SECONDS, breaks_connection

_PAUSE_SECONDS = 0.25
"""After a connection that could not be made nobody tries for about so long: a server that comes back is not run over."""


class Pool:
    """Up to ``size`` connections, made when they are needed; who waits ``acquire_seconds`` for one is refused.

    A connection that breaks takes the idle ones with it: what broke one broke them all, and new ones are made.
    """

    def __init__(self, database: Database, *, size: int, acquire_seconds: float) -> None:
        self._database = database
        self._size = size
        self._acquire_seconds = acquire_seconds
        self._room = asyncio.Semaphore(size)
        self._idle: list[Connection] = []
        self._refused: StoreUnavailable | None = None
        self._refused_until = 0.0
        self._is_open = False

    def open(self) -> None:
        """Begin to give connections."""
        self._is_open = True

    async def close(self) -> None:
        """Wait for those who hold a connection, then close all."""
        self._is_open = False
        for _ in range(self._size):
            await self._room.acquire()
        for connection in self._idle:
            try:
                await connection.close(timeout=self._database.connect_seconds)
            except DRIVER_ERRORS:
                connection.terminate()
        self._idle.clear()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection.

        Raises:
            StoreUnavailable: There is none, or none was given back in time.
        """
        await self._enter()
        try:
            connection = await self._take()
            try:
                yield connection
            except asyncio.CancelledError:
                connection.terminate()  # what the server still does on it is not known
                raise
            except DRIVER_ERRORS as error:
                if breaks_connection(error):
                    self._drop_all(connection)
                raise
            finally:
                if not connection.is_closed():
                    self._idle.append(connection)
        finally:
            self._room.release()

    async def _enter(self) -> None:
        if not self._is_open:
            raise StoreUnavailable("The store is not open.")
        try:
            async with asyncio.timeout(self._acquire_seconds):
                await self._room.acquire()
        except TimeoutError as error:
            raise StoreUnavailable(
                "All connections to the database are in use.", retry_after_seconds=RETRY_AFTER_SECONDS
            ) from error

    async def _take(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        if self._refused is not None and time.monotonic() < self._refused_until:
            raise StoreUnavailable(self._refused.message, retry_after_seconds=RETRY_AFTER_SECONDS)
        try:
            return await self._database.connect()
        except StoreUnavailable as error:
            self._refused = error
            self._refused_until = time.monotonic() + _PAUSE_SECONDS * (0.5 + random.random())
            raise

    def _drop_all(self, broken: Connection) -> None:
        for connection in (broken, *self._idle):
            connection.terminate()
        self._idle.clear()
