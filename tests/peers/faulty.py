"""A model server over raw sockets that does what it is told, above all what it should not.

``async with faulty(answer, ...) as server``: the first connection gets the first answer, and so on; the last one is
repeated. An answer is a list of steps: bytes to send, seconds to wait (a float), or one of ``HANG``, ``RESET`` and ``AGAIN``. After
the last step the connection is closed. Without a length, the body of a response ends with the connection.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

HANG = "hang"
"""Hold the connection open and say nothing more, until the client leaves."""
RESET = "reset"
"""Close with RST instead of FIN."""
AGAIN = "again"
"""Take the next request on the same connection."""

_TLS_HANDSHAKE = b"\x16"

Step = bytes | float | str
Answer = Sequence[Step]


def head(status: int = 200, kind: str = "text/event-stream", **headers: str) -> bytes:
    """The head of a response; an underscore in a header's name stands for a hyphen."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {kind}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def event(data: object, *, ensure_ascii: bool = True, end: str = "\n\n") -> bytes:
    """One event with this data as JSON."""
    return f"data: {json.dumps(data, ensure_ascii=ensure_ascii)}{end}".encode()


def chunk(delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
    """One chunk of a streamed completion."""
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}], **more}


def says(*pieces: str) -> bytes:
    """Events that say these pieces of text."""
    return b"".join(event(chunk({"content": piece})) for piece in pieces)


def refuses(status: int, body: object = "", **headers: str) -> Answer:
    """A whole response that is no success: an error object, or text."""
    text = body if isinstance(body, str) else json.dumps(body)
    return [head(status, "application/json", **headers), text.encode()]


STOP = event(chunk({}, "stop"))
DONE = b"data: [DONE]\n\n"


@dataclass
class FaultyServer:
    """What the server saw."""

    base_url: str
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    open_now: int = 0
    left_early: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The bodies of the requests."""
        return [json.loads(request.partition(b"\r\n\r\n")[2]) for request in self.requests]

    async def until_left(self, count: int = 1) -> None:
        """Wait until so many clients left before their answer was through."""
        while self.left_early < count:
            self.changed.clear()
            await self.changed.wait()


@asynccontextmanager
async def faulty(*answers: Answer) -> AsyncIterator[FaultyServer]:
    """Serve these answers on a free port."""
    seen = FaultyServer("")

    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        seen.open_now += 1
        writers.add(writer)
        try:
            more = True
            while more:
                seen.requests.append(await _request(reader))
                answer = answers[min(len(seen.requests), len(answers)) - 1]
                await _play(answer, reader, writer)
                more = AGAIN in answer
        except (ConnectionError, asyncio.IncompleteReadError):
            seen.left_early += 1
        finally:
            seen.open_now -= 1
            seen.changed.set()
            writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    seen.base_url = f"http://127.0.0.1:{port}/v1"
    try:
        yield seen
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        while seen.open_now:
            seen.changed.clear()
            await seen.changed.wait()


async def _request(reader: asyncio.StreamReader) -> bytes:
    first = await reader.readexactly(1)
    if first == _TLS_HANDSHAKE:
        raise ConnectionError
    top = first + await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2]) for line in top.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    return top + await reader.readexactly(length)


async def _play(answer: Iterable[Step], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for step in answer:
        match step:
            case bytes():
                writer.write(step)
                await writer.drain()
            case "hang":
                await _until_closed(reader)
            case "reset":
                _reset(writer)
            case "again":
                pass
            case _:
                with suppress(TimeoutError):
                    async with asyncio.timeout(float(step)):
                        await _until_closed(reader)


async def _until_closed(reader: asyncio.StreamReader) -> None:
    await reader.read(1)
    raise ConnectionError


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def unused_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
