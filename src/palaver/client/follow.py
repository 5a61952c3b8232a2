"""Reading a turn's events over as many connections as it takes.

A stream that ends without a terminal event was cut. The reader comes back with the number of the last event it saw;
as long as it has not learned the turn's id (the answer to a send was lost), it sends the same call with the same key
again, which the server answers with the same turn from its first event: what was seen is dropped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx2

from palaver.client.sse import frames
from palaver.client.transport import Call, Transport
from palaver.errors import PalaverError, ServerUnreachable, TooManyStreams, Unavailable
from palaver.events import Event


async def told_once(transport: Transport, call: Call) -> AsyncGenerator[Event, None]:
    """Read the events of an answer that nobody keeps: one that is cut can't be joined again.

    Raises:
        ServerUnreachable: The stream was cut before its end.
    """
    async with transport.stream(call) as response:
        async with aclosing(_told(response)) as arriving:
            async for _, event in arriving:
                yield event
                if event.is_terminal:
                    return
    raise ServerUnreachable("The stream was cut before its end.")


async def _told(response: httpx2.Response) -> AsyncGenerator[tuple[str, Event], None]:
    """Yield the events of a stream, each with the id of its turn.

    Raises:
        ServerUnreachable: The stream was cut, or is none of events.
    """
    try:
        async with aclosing(frames(response.aiter_bytes())) as arriving:
            async for frame in arriving:
                turn_id, _, number = frame.id.rpartition(":")
                yield turn_id, Event(int(number), frame.event, frame.data)
    except (httpx2.HTTPError, ValueError) as error:
        raise ServerUnreachable(f"The stream was cut: {error or error.__class__.__name__}.") from error


class Follower:
    """One reader of one turn. ``turn_id`` and ``replayed`` are known once the server has answered."""

    def __init__(
        self, transport: Transport, *, opening: Call | None = None, turn_id: str | None = None, after: int = 0
    ) -> None:
        self.turn_id = turn_id
        self.replayed = False
        self._transport = transport
        self._opening = opening
        self._seen = after

    async def events(self) -> AsyncGenerator[Event, None]:
        """Read every event after the one seen last, up to the terminal one.

        Raises:
            ResumeWindowGone: The number to go on after is unknown to the server.
            ServerUnreachable: The stream was cut and could not be joined again in time.
        """
        fault, since = 0, time.monotonic()
        while True:
            error: PalaverError
            try:
                async with aclosing(self._connection()) as arriving:
                    async for event in arriving:
                        fault, since = 0, time.monotonic()
                        yield event
                        if event.is_terminal:
                            return
                error = ServerUnreachable("The stream was cut before its end.")
            except (Unavailable, TooManyStreams) as passing:
                error = passing
            fault += 1
            delay = self._transport.patience.delay(fault, error)
            if self._gives_up(error, fault, time.monotonic() + delay - since):
                raise error
            await asyncio.sleep(delay)

    def _gives_up(self, error: PalaverError, fault: int, seconds: float) -> bool:
        patience = self._transport.patience
        if error.code == "server_protocol" or not patience.is_patient(error):
            return True
        if self.turn_id is None:  # nothing is known to run: what is in the way is said at once
            return fault >= patience.tries or isinstance(error, TooManyStreams)
        return seconds > patience.rejoin_seconds

    def _call(self) -> Call:
        if self._opening is not None and self.turn_id is None:
            return self._opening
        return Call(method="GET", path=f"/v1/turns/{self.turn_id}/events", query={"after": str(self._seen)})

    async def ends(self) -> tuple[Event, Event]:
        """Read to the end and return the first event and the last one."""
        async with aclosing(self.events()) as arriving:
            first = last = await anext(arriving)
            async for event in arriving:
                last = event
        return first, last

    async def _connection(self) -> AsyncGenerator[Event, None]:
        async with self._transport.stream(self._call()) as response:
            if self.turn_id is None:
                self.replayed = response.headers.get("idempotent-replayed") == "true"
                self.turn_id = response.headers.get("location", "").rpartition("/")[2] or None
            async with aclosing(_told(response)) as arriving:
                async for turn_id, event in arriving:
                    self.turn_id = self.turn_id or turn_id
                    if event.seq > self._seen:
                        self._seen = event.seq
                        yield event
