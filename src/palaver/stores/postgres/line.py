"""The line to the other processes: which turns have news, told by NOTIFY on a connection of its own.

A NOTIFY takes a lock on the whole database while it commits, so it is never part of a write: what was committed is
gathered, and one message tells of many turns. All of it is a hint; what is lost is read a little later.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from contextlib import suppress

from palaver.errors import PalaverError, StoreUnavailable
from palaver.stores.postgres.connection import Connection, Database
from palaver.stores.postgres.driver_errors import DRIVER_ERRORS, RETRY_AFTER_SECONDS, translated

_PAYLOAD_BYTES = 7_900  # PostgreSQL takes less than 8,000
_GATHER_SECONDS = 0.005
_PAUSE_SECONDS = 0.5


class Line:
    """Sends and receives on one connection, made when it is first needed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._channel = database.schema  # "palaver", unless there is another
        self._name = secrets.token_hex(4)  # by which a process knows its own messages
        self._pending: set[str] = set()
        self._has_news = asyncio.Event()
        self._connecting = asyncio.Lock()
        self._connection: Connection | None = None
        self._listeners: set[asyncio.Queue[Collection[str] | None]] = set()
        self._sender: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to send what is told."""
        self._sender = asyncio.create_task(self._send(), name="palaver wake-ups")

    async def close(self) -> None:
        """Say what is left to say, and hang up."""
        if self._sender is not None:
            self._sender.cancel()
            with suppress(asyncio.CancelledError):
                await self._sender
        with suppress(PalaverError):
            await self._send_pending()
        if self._connection is not None:
            self._connection.terminate()

    def tell(self, turn_ids: Iterable[str]) -> None:
        """Tell the others, soon, that these turns have news."""
        self._pending.update(turn_ids)
        if self._pending:
            self._has_news.set()

    async def listen(self) -> AsyncGenerator[Collection[str], None]:
        """Yield what the others tell.

        Raises:
            StoreUnavailable: The line is cut.
        """
        heard: asyncio.Queue[Collection[str] | None] = asyncio.Queue()
        self._listeners.add(heard)
        try:
            await self._connected()
            while (turn_ids := await heard.get()) is not None:
                yield turn_ids
            raise StoreUnavailable("The line to the database is cut.", retry_after_seconds=RETRY_AFTER_SECONDS)
        finally:
            self._listeners.discard(heard)

    async def _connected(self) -> Connection:
        async with self._connecting:
            if self._connection is None or self._connection.is_closed():
                connection = await self._database.connect()
                try:
                    await connection.add_listener(self._channel, self._hear)
                except DRIVER_ERRORS as error:
                    connection.terminate()
                    raise translated(error) from error
                connection.add_termination_listener(self._end)
                self._connection = connection
            return self._connection

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        *turn_ids, sender = str(payload).split(" ")
        if sender != self._name:
            self._give(frozenset(turn_ids))

    def _end(self, _connection: object) -> None:
        self._give(None)

    def _give(self, heard: Collection[str] | None) -> None:
        for listener in self._listeners:
            listener.put_nowait(heard)

    async def _send(self) -> None:
        while True:
            await self._has_news.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            try:
                await self._send_pending()
            except PalaverError:  # whatever it is, what comes later may be told
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _send_pending(self) -> None:
        turn_ids, self._pending = self._pending, set()
        self._has_news.clear()
        if not turn_ids:
            return
        connection = await self._connected()
        try:
            for payload in _payloads(self._name, sorted(turn_ids)):
                await connection.execute("SELECT pg_notify($1, $2)", self._channel, payload)
        except DRIVER_ERRORS as error:
            connection.terminate()
            raise translated(error) from error


def _payloads(sender: str, turn_ids: Sequence[str]) -> Iterable[str]:
    """Cut a list of ids into messages, each with its sender behind."""
    payload = ""
    for turn_id in turn_ids:
        if len(payload) + len(turn_id) + len(sender) + 1 >= _PAYLOAD_BYTES:
            yield payload + sender
            payload = ""
        payload += f"{turn_id} "
    yield payload + sender
