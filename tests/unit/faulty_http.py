"""A server that answers as a test tells it to: raw sockets, one answer a request, faults included."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Wait:
    """Say nothing for so long; for ever when None."""

    seconds: float | None = None


Piece = bytes | Wait


@dataclass
class FaultyServer:
    """``answers`` are used in order, the last again and again; each is what is written before the connection closes."""

    answers: Sequence[Sequence[Piece]]
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            method, path, _ = first.split(" ")
            self.asked.append(Asked(method, path, headers, body))
            for piece in self.answers[min(len(self.asked), len(self.answers)) - 1]:
                if isinstance(piece, Wait):
                    await asyncio.sleep(3600 if piece.seconds is None else piece.seconds)
                else:
                    writer.write(piece)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(*answers: Sequence[Piece]) -> AsyncIterator[FaultyServer]:
    """Run a faulty server on a free port."""
    faulty = FaultyServer(answers)
    server = await asyncio.start_server(faulty._handle, "127.0.0.1", 0)
    faulty.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield faulty
    finally:
        server.close()


def answer(status: int, body: bytes, *headers: str, media_type: str = "application/json") -> list[Piece]:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {media_type}", f"Content-Length: {len(body)}", *headers]
    return ["\r\n".join([*lines, "Connection: close", "", ""]).encode() + body]


def problem(status: int, code: str, *headers: str) -> list[Piece]:
    """A problem document."""
    body = f'{{"code": "{code}", "detail": "It is so.", "status": {status}, "turn_id": "turn_x"}}'.encode()
    return answer(status, body, *headers, media_type="application/problem+json")


def stream(*pieces: Piece, headers: Sequence[str] = ()) -> list[Piece]:
    """An event stream that is cut where the pieces end."""
    lines = ["HTTP/1.1 200 OK", "Content-Type: text/event-stream; charset=utf-8", *headers, "Connection: close", "", ""]
    return ["\r\n".join(lines).encode(), *pieces]
