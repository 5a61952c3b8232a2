"""Server-sent events, read as the WHATWG standard says: lines end with CR, LF or CRLF and with nothing else.

``str.splitlines`` would also split at U+2028, U+0085 and six more, which are data here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

LINE_BYTES_MAX = 64 * 1024 * 1024
"""The last event of a turn holds the whole answer, ASCII-escaped; a longer line is no event of ours."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One dispatched event: ``id`` and ``event`` as they were sent ("" where they were not)."""

    id: str
    event: str
    data: str


class LineSplitter:
    """Bytes in any pieces → complete lines. A line end may itself be cut between CR and LF."""

    def __init__(self, line_bytes_max: int = LINE_BYTES_MAX) -> None:
        self._line_bytes_max = line_bytes_max
        self._rest = bytearray()
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[str]:
        """Return the lines that this chunk completes, without their ends.

        Raises:
            ValueError: A line is too long, or is not UTF-8.
        """
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if chunk.endswith(b"\r"):
            self._after_cr = True
        *complete, rest = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        lines = []
        for line in complete:
            self._rest += line
            lines.append(self._rest.decode())
            self._rest.clear()
        self._rest += rest
        if len(self._rest) > self._line_bytes_max:
            raise ValueError("a line of the stream is too long")
        return lines


class FrameReader:
    """Lines → frames. What was not ended by an empty line was cut, and is dropped."""

    def __init__(self, line_bytes_max: int = LINE_BYTES_MAX) -> None:
        self._splitter = LineSplitter(line_bytes_max)
        self._id = ""
        self._event = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[Frame]:
        """Return the frames that this chunk completes."""
        frames = []
        for line in self._splitter.feed(chunk):
            if line:
                self._take(line)
            elif self._data:
                frames.append(Frame(self._id, self._event, "\n".join(self._data)))
                self._event, self._data = "", []
        return frames

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "data":
                self._data.append(value)
            case "event":
                self._event = value
            case "id" if "\x00" not in value:
                self._id = value
            case _:  # a comment (the heartbeat), retry, or a word of the future
                pass


async def frames(chunks: AsyncIterator[bytes]) -> AsyncGenerator[Frame, None]:
    """Read frames off a response body, each as soon as its last byte is here.

    Raises:
        ValueError: This is no event stream.
    """
    reader = FrameReader()
    async for chunk in chunks:
        for frame in reader.feed(chunk):
            yield frame
