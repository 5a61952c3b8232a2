"""What a server sends over a socket, byte for byte, but for what differs from run to run: see ``normalised``.

A transcript has exchanges with an empty line between them: ``> METHOD PATH``, ``> HEADER: VALUE`` and ``> BODY`` as they are sent,
then the status line, the headers and the body as they came, each line behind ``< `` and an empty one as ``<``. A body that ends
with a line's end has an empty line at its end. Chunks are joined: where one ends is a matter of time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

import palaver
from compat.exchanges import Names

UNTOLD = frozenset({"date", "content-length"})
"""Headers that are left out; the length is checked."""
HIDDEN = {
    "<version>": re.compile(re.escape(palaver.__version__)),
    "<seconds>": re.compile(r'(?<="processing_time":)[\d.]+'),
    "<epoch>": re.compile(r'(?<="created":)\d+|(?<="created_at":)\d+|(?<="completed_at":)\d+'),
}


def normalised(raw: bytes, names: Names) -> str:
    """Return an answer as it is told: without ``UNTOLD``, its chunks joined, ids, times and what ``HIDDEN`` has replaced.

    Raises:
        AssertionError: It is no whole answer.
    """
    head, _, rest = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode("ascii").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = _joined(rest) if headers.get("transfer-encoding") == "chunked" else rest
    assert int(headers.get("content-length", len(body))) == len(body)
    told = [line for line in lines if line.split(":")[0].lower() not in UNTOLD]
    return names.hide("\n".join([status, *told, "", body.decode("utf-8")]))


def _joined(chunks: bytes) -> bytes:
    body = b""
    while True:
        size, _, rest = chunks.partition(b"\r\n")
        length = int(size, 16)
        assert rest[length : length + 2] == b"\r\n"
        if length == 0:
            assert rest == b"\r\n"
            return body
        body, chunks = body + rest[:length], rest[length + 2 :]


async def sent(port: int, request: bytes) -> bytes:
    """Return all that a server on this machine sends for a request, until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


def request_of(asked: Sequence[str]) -> bytes:
    """Return the lines of a transcript as a request that closes the connection."""
    first, *lines = asked
    body = lines.pop().encode() if lines and lines[-1].startswith("{") else b""
    length = [f"Content-Length: {len(body)}"] if body else []
    return (
        "\r\n".join([f"{first} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *lines, *length, "", ""]).encode()
        + body
    )


async def replayed(port: int, transcript: str, names: Names) -> str:
    """Send what a transcript asks, and return it with what was answered."""
    written: list[str] = []
    for exchange in transcript.removesuffix("\n").split("\n\n"):
        asked = [line[2:] for line in exchange.split("\n") if line.startswith("> ")]
        answer = normalised(await sent(port, request_of([names.show(line) for line in asked])), names)
        lines = [f"< {line}" if line else "<" for line in answer.split("\n")]
        written.append("\n".join([*(f"> {line}" for line in asked), *lines]))
    return "\n\n".join(written) + "\n"
