"""The line to the other processes: which turns have news, told by PUBLISH, heard on a connection of its own.

What was written is gathered, and one message tells of many turns. All of it is a hint; what is lost is read a little
later.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Collection, Iterable

from palaver.errors import StoreRefused, StoreUnavailable
from palaver.stores.redis.connection import Place
from palaver.stores.redis.driver_errors import DRIVER_ERRORS, translated
from palaver.stores.redis.wire import Wire

_PAUSE_SECONDS = 0.5


class Line:
    """Tells through the wire, and listens beside it."""

    def __init__(self, place: Place, wire: Wire, channel: str) -> None:
        self._place = place
        self._wire = wire
        self._channel = channel
        self._name = secrets.token_hex(4)  # by which a process knows its own messages
        self._pending: set[str] = set()
        self._has_news = asyncio.Event()
        self._is_closing = False
        self._sender: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to send what is told."""
        self._sender = asyncio.create_task(self._send(), name="palaver wake-ups")

    async def close(self) -> None:
        """Say what is left to say."""
        self._is_closing = True
        self._has_news.set()
        if self._sender is not None:
            await asyncio.wait([self._sender])

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
        client = self._place.listener()
        try:
            subscription = client.pubsub(ignore_subscribe_messages=True)
            await subscription.subscribe(self._channel)
            while True:
                message = await subscription.get_message(ignore_subscribe_messages=True, timeout=None)
                if message is not None:
                    sender, *turn_ids = message["data"].decode().split(" ")
                    if sender != self._name:
                        yield frozenset(turn_ids)
        except DRIVER_ERRORS as error:
            raise translated(error) from error
        finally:
            await client.aclose()

    async def _send(self) -> None:
        while not self._is_closing:
            await self._has_news.wait()
            try:
                await self._send_pending()
            except (StoreUnavailable, StoreRefused):
                await asyncio.sleep(0 if self._is_closing else _PAUSE_SECONDS)

    async def _send_pending(self) -> None:
        turn_ids, self._pending = self._pending, set()
        self._has_news.clear()
        if turn_ids:
            await self._wire.say("PUBLISH", self._channel, " ".join((self._name, *sorted(turn_ids))))
