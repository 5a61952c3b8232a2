"""The line to the other processes: which turns have news, told on a channel. All of it is a hint; what is lost is read a
little later."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Collection, Iterable

from palaver.errors import StoreUnavailable
from palaver.stores.redis.driver_errors import DRIVER_ERRORS, translated
from palaver.stores.redis.server import Command, Server

_GATHER_SECONDS = 0.005
_PAUSE_SECONDS = 0.5
_WAIT_SECONDS = 30.0


class Line:
    """Sends gathered news; whoever listens has a connection of its own."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._channel = server.keys.named("wake")
        self._name = secrets.token_hex(4)  # by which a process knows its own messages
        self._pending: set[str] = set()
        self._has_news = asyncio.Event()
        self._is_closing = False
        self._sender: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to send what is told."""
        self._sender = asyncio.create_task(self._send(), name="palaver wake-ups")

    async def close(self) -> None:
        """Say what is left to say. The sender is asked to end, not cancelled: the driver loses a cancellation now and then."""
        self._is_closing = True
        self._has_news.set()
        if self._sender is not None:
            await asyncio.wait([self._sender])

    def tell(self, turn_ids: Iterable[str]) -> None:
        """Tell the others, soon, that these turns have news."""
        self._pending.update(turn_ids)
        if self._pending:
            self._has_news.set()

    def message(self, turn_ids: Iterable[str]) -> Command:
        """Return the command that tells the others of turns: with a step that is written anyway it costs no round trip."""
        return ("PUBLISH", self._channel, " ".join([self._name, *sorted(turn_ids)]))

    async def listen(self) -> AsyncGenerator[Collection[str], None]:
        """Yield what the others tell.

        Raises:
            StoreUnavailable: The line is cut.
        """
        try:
            async with self._server.subscribed(self._channel) as heard:
                while True:
                    message = await heard.get_message(ignore_subscribe_messages=True, timeout=_WAIT_SECONDS)
                    if message is None:
                        await heard.ping()
                        continue
                    sender, *turn_ids = str(message.get("data", b""), "utf-8").split(" ")
                    if turn_ids and sender != self._name:
                        yield frozenset(turn_ids)
        except DRIVER_ERRORS as error:
            raise translated(error) from error

    async def _send(self) -> None:
        while not self._is_closing:
            await self._has_news.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            try:
                await self._send_pending()
            except (StoreUnavailable, *DRIVER_ERRORS):
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _send_pending(self) -> None:
        turn_ids, self._pending = self._pending, set()
        self._has_news.clear()
        if turn_ids:
            await self._server.run(self.message(turn_ids))
