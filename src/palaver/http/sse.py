r"""Event streams: ``id: <turn>:<seq>``, ``event: <type>``, one line of ASCII JSON, ``\n`` only.

A client that does not read holds no memory here: nothing is read from the turn while a send waits, and after a minute the stream
is cut, to be resumed from where it was.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from palaver.errors import InvalidInput, NotFound, PalaverError, TooManyStreams
from palaver.events import Event
from palaver.http.presence import Left, until_left

MEDIA_TYPE = "text/event-stream"
HEADERS: Mapping[str, str] = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}
HEAD_ONLY = "palaver.head"
"""In an ASGI scope: the client asked with HEAD, so no event is sent."""
STRAIGHT = "palaver.send"
"""In an ASGI scope: ``send`` of the server itself. A chunk needs none of the layers between, once its answer has begun."""
PING = b": ping\n\n"
STALLED_SECONDS = 60.0
_SEQ_MAX = 2**53

Batches = AsyncGenerator[Sequence[Event], None]

_log = structlog.get_logger("palaver.streams")
_CURSOR = re.compile(r"(?:(turn_[0-9a-f]{1,64}):)?([0-9]{1,100})\Z")


def frames(turn_id: str, events: Sequence[Event]) -> bytes:
    """Return events as they go over the wire, joined."""
    return "".join([f"id: {turn_id}:{e.seq}\nevent: {e.type}\ndata: {e.json}\n\n" for e in events]).encode("ascii")


def read_cursor(request: Request, turn_id: str) -> int:
    """Return after which event to go on: ``Last-Event-ID`` (what a browser sends by itself), else ``?after=``, else 0.

    Both take ``<turn_id>:<seq>`` and ``<seq>``.

    Raises:
        InvalidInput: ``invalid_event_id``.
        NotFound: It is of another turn.
    """
    given = (request.headers.get("last-event-id"), request.query_params.get("after"))
    cursors = [_cursor(each, turn_id) for each in given if each]
    if given[1] == "":
        raise _malformed()
    return cursors[0] if cursors else 0


def _malformed() -> InvalidInput:
    return InvalidInput("An event id is <turn_id>:<number>.", code="invalid_event_id")


def _cursor(given: str, turn_id: str) -> int:
    found = _CURSOR.match(given)
    if found is None:
        raise _malformed()
    if found[1] is not None and found[1] != turn_id:
        raise NotFound
    return min(int(found[2]), _SEQ_MAX)


def wants_stream(request: Request) -> bool:
    """Whether ``Accept`` names event streams."""
    for accepted in ",".join(request.headers.getlist("accept")).lower().split(","):
        media_type, *parameters = (part.strip() for part in accepted.split(";"))
        if media_type == MEDIA_TYPE:
            return not any(re.fullmatch(r"q=0(\.0*)?", each) for each in parameters)
    return False


class StreamSlots:
    """How many streams are open, and how many may be."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.open = 0

    def check(self) -> None:
        """Raise ``TooManyStreams`` when there is no room for one more."""
        if self.open >= self._limit:
            raise TooManyStreams("Too many event streams are open here.", retry_after_seconds=5)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold a slot."""
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1


class _Pump:
    """Writes to one client, and lets it know at least every ``beat_seconds`` that the stream is alive.

    The clock is a timer, not a task: thousands of idle streams cost next to nothing.
    """

    def __init__(self, send: Send, beat_seconds: float) -> None:
        self._send = send
        self._beat_seconds = beat_seconds
        self._wrote_at = 0.0
        self._waits = False
        self._timer: asyncio.TimerHandle | None = None

    async def write(self, chunk: bytes) -> None:
        """Send a chunk; wait while the client does not read."""
        self._waits = True
        await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
        self._waits = False
        self._wrote_at = time.monotonic()

    def start(self, group: asyncio.TaskGroup) -> None:
        """Begin to beat. What has to wait does so in the group."""
        self._wrote_at = time.monotonic()
        self._arm(group, self._beat_seconds)

    def stop(self) -> None:
        """Beat no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self, group: asyncio.TaskGroup, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._beat, group)

    def _beat(self, group: asyncio.TaskGroup) -> None:
        quiet = time.monotonic() - self._wrote_at
        if self._waits and quiet > STALLED_SECONDS:
            group.create_task(_give_up())
            return
        if not self._waits and quiet >= self._beat_seconds:
            group.create_task(self.write(PING))
            quiet = 0.0
        self._arm(group, max(self._beat_seconds - quiet, min(self._beat_seconds, 1.0)))


async def _give_up() -> None:
    raise Left


class EventStream(Response):
    """The events of a turn. Leaving does not stop the turn; a stream that ends without a terminal event was cut.

    Args:
        turn_id: Whose events they are.
        batches: What is read; closed when the client leaves.
        headers: Beside those of every stream.
    """

    def __init__(
        self,
        turn_id: str,
        batches: Batches,
        *,
        slots: StreamSlots,
        heartbeat_seconds: float,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(headers={**HEADERS, **(headers or {})})
        del self.headers["content-length"]
        self._turn_id = turn_id
        self._batches = batches
        self._slots = slots
        self._heartbeat_seconds = heartbeat_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the turn ends, the client leaves or stops reading."""
        async with aclosing(self._batches):
            with self._slots.taken():
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                if not scope.get(HEAD_ONLY):
                    await self._run(_Pump(scope.get(STRAIGHT, send), self._heartbeat_seconds), receive)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _run(self, pump: _Pump, receive: Receive) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(until_left(receive))
                pump.start(group)
                await self._read(pump)
                raise Left
        except* Left:
            pass
        finally:
            pump.stop()

    async def _read(self, pump: _Pump) -> None:
        try:
            async for batch in self._batches:
                await pump.write(frames(self._turn_id, batch))
        except PalaverError as error:
            _log.warning("stream_cut", turn_id=self._turn_id, code=error.code)
