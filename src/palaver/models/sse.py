"""Server-sent events as model servers send them: bytes in, the data of each event out. No I/O.

A line ends at LF, CR or CRLF and nowhere else: ``str.splitlines`` would also cut at U+2028, U+0085 and eight others,
which stand in the text of answers. The bytes may be cut anywhere, inside a character or between CR and LF.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_LINE_END = re.compile(rb"\r\n|\n|\r")
_FIELDS = (b"data", b"event", b"id", b"retry", b"")
LINES_MAX = 10_000
"""The most lines up to the end of an event, blank ones and comments included: they say nothing, and cost time."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class EventTooLong(Exception):
    """An event is over a limit. What was fed is lost; feed no more."""


class EventStream:
    """Parses one stream.

    Args:
        limit_bytes: The most bytes of one event that are held; about twice as many may be in memory for a moment.

    Attributes:
        is_foreign: Whether the first line that is not blank is no line of an event stream: HTML, or plain JSON.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.is_foreign = False
        self._limit_bytes = limit_bytes
        self._tail: list[bytes] = []
        self._tail_bytes = 0
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._skip_line_feed = False
        self._seen_line = False
        self._lines_before_event = 0

    def feed(self, received: bytes) -> Iterator[str]:
        """Yield the data of each event that ``received`` completes; its lines joined by LF, its bytes read as UTF-8.

        Raises:
            EventTooLong: An event has more than ``limit_bytes`` or ``LINES_MAX``.
        """
        for line in self._lines(received):
            self._lines_before_event += 1
            if self._lines_before_event > LINES_MAX:
                raise EventTooLong
            if not line:
                yield from self._dispatch()
            else:
                self._take(line)

    def end(self) -> Iterator[str]:
        """Yield the data of an event whose blank line was never sent. It may be whole, or cut like everything else."""
        line = b"".join(self._tail)
        self._tail.clear()
        if line:
            self._take(line)
        yield from self._dispatch()

    def _lines(self, received: bytes) -> Iterator[bytes]:
        start = 0
        if self._skip_line_feed and received:
            start = int(received.startswith(b"\n"))
            self._skip_line_feed = False
        for end in _LINE_END.finditer(received, start):
            line = received[start : end.start()]
            if self._tail:
                line = b"".join((*self._tail, line))
                self._tail.clear()
                self._tail_bytes = 0
            self._check(len(line))
            yield line
            start = end.end()
        if start < len(received):
            self._tail.append(received[start:])
            self._tail_bytes += len(received) - start
            self._check(self._tail_bytes)
        elif received.endswith(b"\r"):
            self._skip_line_feed = True

    def _take(self, line: bytes) -> None:
        if not self._seen_line:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        name, _, value = line.partition(b":")
        if not self._seen_line:
            self._seen_line = True
            self.is_foreign = name not in _FIELDS
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._data_bytes += len(value)
            self._check(self._data_bytes)

    def _dispatch(self) -> Iterator[str]:
        if self._data:
            data = b"\n".join(self._data) if len(self._data) > 1 else self._data[0]
            self._data.clear()
            self._data_bytes = 0
            self._lines_before_event = 0
            yield data.decode("utf-8", "replace")

    def _check(self, size_bytes: int) -> None:
        if size_bytes > self._limit_bytes:
            raise EventTooLong
