"""What every group of a store's methods has: ways to read and ways to write.

``_read`` runs single statements, each on its own. ``_write`` is one transaction. ``_step`` is for what is done all the
time: it reads, decides, and writes with one statement that names the revision it has read. Nothing is locked meanwhile;
when somebody else was faster it begins again, now behind a lock on the conversation, so that it comes through however
many want the same. This is the one place where anything is tried again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from palaver.clock import Clock
from palaver.errors import StoreUnavailable
from palaver.stores.postgres.connection import Connection, Database
from palaver.stores.postgres.driver_errors import (
    DRIVER_ERRORS,
    RETRY_AFTER_SECONDS,
    breaks_connection,
    translated,
    was_outrun,
)
from palaver.stores.postgres.extensions import Extensions
from palaver.stores.postgres.line import Line
from palaver.stores.postgres.pool import Pool
from palaver.stores.postgres.session import Operation, Outrun, Session
from palaver.stores.remote_clock import RemoteClock

T = TypeVar("T")
_TRIES = 6
_PAUSE_SECONDS = 0.005  # doubled each time, with jitter
_NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


async def _now_of(connection: Connection) -> int:
    return int(await connection.fetchval(_NOW) or 0)


class Access:
    """A pool of connections, a clock (the server's, if none is given), and a line to the other processes."""

    def __init__(self, database: Database, pool: Pool, clock: Clock | None) -> None:
        self._pool = pool
        self._remote = RemoteClock()
        self._clock = clock or self._remote
        self._asking = asyncio.Lock()
        self._queries: dict[str, str] = {}  # read from their files when the store is opened, off the loop
        self._extensions = Extensions()
        self._line = Line(database)

    async def _set_clock(self, connection: Connection) -> None:
        """Ask the server for its time now and then; one operation does so for all."""
        if self._clock is self._remote and self._remote.is_due:
            async with self._asking:
                if self._remote.is_due:
                    await self._remote.sync(lambda: _now_of(connection))

    def _session(self, connection: Connection, *, is_locked: bool) -> Session:
        return Session(connection, self._queries, self._clock.micros(), is_locked=is_locked)

    async def _read(self, operation: Operation[T]) -> T:
        """Run an operation that only reads. One that meets a connection which broke meanwhile goes on with a new one."""
        try:
            return await self._read_once(operation)
        except DRIVER_ERRORS as error:
            if not (breaks_connection(error) or was_outrun(error)):
                raise translated(error) from error
        try:
            return await self._read_once(operation)
        except DRIVER_ERRORS as error:
            raise translated(error) from error

    async def _read_once(self, operation: Operation[T]) -> T:
        async with self._pool.connection() as connection:
            await self._set_clock(connection)
            return await operation(self._session(connection, is_locked=False))

    async def _write(self, operation: Operation[T]) -> T:
        """Run an operation in one transaction."""
        return await self._trying(operation, conversation=None, is_locked=True)

    async def _step(self, operation: Operation[T], conversation: tuple[str, str] | None = None) -> T:
        """Run an operation whose one write is guarded. ``conversation`` (tenant, id) is locked from the second try on."""
        return await self._trying(operation, conversation=conversation, is_locked=False)

    async def _trying(self, operation: Operation[T], *, conversation: tuple[str, str] | None, is_locked: bool) -> T:
        for number in range(_TRIES):
            is_locked = is_locked or (number > 0 and conversation is not None)
            try:
                return await self._try(operation, conversation=conversation, is_locked=is_locked)
            except Outrun:
                pass
            except DRIVER_ERRORS as error:
                if not was_outrun(error) or number == _TRIES - 1:
                    raise translated(error) from error
            if number:
                await asyncio.sleep(_PAUSE_SECONDS * 2**number * random.random())
        raise StoreUnavailable("Too many write to this at once.", retry_after_seconds=RETRY_AFTER_SECONDS)

    async def _try(self, operation: Operation[T], *, conversation: tuple[str, str] | None, is_locked: bool) -> T:
        has_begun = False
        try:
            async with self._pool.connection() as connection:
                await self._set_clock(connection)
                session = self._session(connection, is_locked=is_locked)
                if not is_locked:
                    has_begun = True
                    result = await operation(session)
                else:
                    async with _transaction(connection):
                        has_begun = True
                        if conversation is not None:
                            await session.row("lock_conversation", tenant_id=conversation[0], id=conversation[1])
                        result = await operation(session)
        except DRIVER_ERRORS as error:
            if not has_begun and breaks_connection(error):  # it broke while it was idle
                raise Outrun from error
            raise
        self._line.tell(session.news)
        return result


@asynccontextmanager
async def _transaction(connection: Connection) -> AsyncIterator[None]:
    """One transaction. Who is cancelled in it goes at once: the pool hangs up, and with that the server rolls back."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield
    except asyncio.CancelledError:
        raise
    except BaseException:
        await transaction.rollback()
        raise
    await transaction.commit()
