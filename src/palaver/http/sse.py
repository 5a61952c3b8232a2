r"""Event streams: ``id: <turn>:<seq>``, ``event: <type>``, one line of ASCII JSON, ``\n`` only.

A client that does not read holds no memory here: nothing is read from the turn while a send waits, and after a minute the stream
is cut, to be resumed from where it was.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager, nullcontext
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

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
    """How many streams are open, and how many may be; and how long each may be silent.

    Args:
        limit: The most that may be open.
        heartbeat_seconds: How long nothing may be sent in a stream before its ``ping`` is.
        within: Those that these are some of.
    """

    def __init__(self, limit: int, heartbeat_seconds: float, *, within: StreamSlots | None = None) -> None:
        self.heartbeat_seconds = heartbeat_seconds
        self._limit = limit
        self._within = within
        self._owned: WeakValueDictionary[str, StreamSlots] = WeakValueDictionary()
        self.open = 0

    def of(self, owner: str, limit: int) -> StreamSlots:
        """Return those of these that one owner may have."""
        return self._owned.setdefault(owner, StreamSlots(limit, self.heartbeat_seconds, within=self))

    def check(self) -> None:
        """Raise ``TooManyStreams`` when there is no room for one more."""
        if self._within is not None:
            self._within.check()
        if self.open >= self._limit:
            raise TooManyStreams("Too many event streams are open here.", retry_after_seconds=5)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold a slot."""
        with nullcontext() if self._within is None else self._within.taken():
            self.open += 1
            try:
                yield
            finally:
                self.open -= 1


class _Pump:
    """Writes to one client, and lets it know by ``ping`` at least every ``beat_seconds`` that the stream is alive.

    The clock is a timer, not a task: thousands of idle streams cost next to nothing.
    """

    def __init__(self, send: Send, beat_seconds: float, ping: bytes) -> None:
        self._send = send
        self._ping = ping
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
            if self._ping:
                group.create_task(self.write(self._ping))
            quiet = 0.0
        self._arm(group, max(self._beat_seconds - quiet, min(self._beat_seconds, 1.0)))


async def _give_up() -> None:
    raise Left


class Stream(Response):
    """What is said while a turn runs, piece by piece. Leaving does not stop the turn.

    Args:
        pieces: The bytes that are sent; closed when the client leaves. A ``PalaverError`` cuts the stream: it is logged.
        slots: Counts the streams that are open, and says how often they beat.
        ping: What is sent when nothing else is: its clients pass over it; empty where there is nothing of the kind.
        headers: ``Content-Type`` and others.
        turn_id: Whose pieces they are, for the log; None: of no turn that is kept.
        unmarked: Nothing that is sent tells that it was the last: so one that is cut is torn off, for its client to notice.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[Any, None],
        *,
        slots: StreamSlots,
        ping: bytes = b"",
        headers: Mapping[str, str],
        turn_id: str | None = None,
        unmarked: bool = False,
    ) -> None:
        super().__init__(headers=dict(headers))
        del self.headers["content-length"]
        self._pieces = pieces
        self._slots = slots
        self._ping = ping
        self._turn_id = turn_id
        self._unmarked = unmarked
        self._was_cut = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until there is no more, or the client leaves or stops reading."""
        async with aclosing(self._pieces):
            with self._slots.taken():
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                if not scope.get(HEAD_ONLY):
                    await self._run(
                        _Pump(scope.get(STRAIGHT, send), self._slots.heartbeat_seconds, self._ping), receive
                    )
                if not (self._was_cut and self._unmarked):
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
            async for piece in self._pieces:
                await pump.write(self._bytes_of(piece))
        except PalaverError as error:
            self._was_cut = True
            _log.warning("stream_cut", turn_id=self._turn_id, code=error.code)

    def _bytes_of(self, piece: Any) -> bytes:
        data: bytes = piece
        return data


class EventStream(Stream):
    """The events of a turn, as they are read. A stream that ends without a terminal event was cut, to be resumed.

    Args:
        turn_id: Whose events they are.
        batches: What is read; closed when the client leaves.
        slots: Counts the streams that are open, and says how often they beat.
        headers: Beside those of every event stream.
    """

    def __init__(
        self,
        turn_id: str,
        batches: Batches,
        *,
        slots: StreamSlots,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        every = {**HEADERS, **(headers or {})}
        super().__init__(batches, slots=slots, ping=PING, headers=every, turn_id=turn_id)
        self._frames = partial(frames, turn_id)

    def _bytes_of(self, piece: Sequence[Event]) -> bytes:
        return self._frames(piece)
