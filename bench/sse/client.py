"""The readers: raw sockets in a process of their own, so that the server's CPU time is the server's.

``python -m bench.sse.client`` takes one JSON object on its standard input and prints one on its standard output.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import uvloop

from bench.measure import cpu_seconds, resident_bytes

_MARK = b"event: text.delta\n"
_STAMP = re.compile(rb"(\d{12,}) ")


@dataclass(slots=True)
class Tally:
    """What all readers have seen so far. A clock is read once a piece, not once an event."""

    events: int = 0
    started: int = 0
    closed: int = 0
    refused: list[str] = field(default_factory=list)


class Reader(asyncio.Protocol):
    """Sends one request, counts events until the server closes."""

    def __init__(self, request: bytes, tally: Tally) -> None:
        self._request, self._tally, self._rest = request, tally, b""
        self._head = b""
        self.closed = asyncio.get_running_loop().create_future()
        self.sent_at = self.first_at = 0.0

    def leave(self) -> None:
        """Hang up."""
        self._transport.abort()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.sent_at = time.perf_counter()
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self._head:
            self._head = data[:300]
            if not self._head.startswith(b"HTTP/1.1 200"):
                self._tally.refused.append(self._head.decode("latin-1"))
        data = self._rest + data
        seen = data.count(_MARK)
        self._rest = data[-len(_MARK) + 1 :]
        self._tally.events += seen
        if seen and not self.first_at:
            self.first_at = time.perf_counter()
            self._tally.started += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.closed += 1
        self.closed.set_result(None)


class StampReader(Reader):
    """Reads the stamps in the text of the events, and how old they are when they come."""

    def __init__(self, request: bytes, tally: Tally) -> None:
        super().__init__(request, tally)
        self.ages: list[float] = []
        self._event = b""

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        super().data_received(data)
        *events, self._event = (self._event + data).split(b"\n\n")
        for event in events:
            if _MARK in event:
                self.ages += [(now - int(stamp)) / 1e9 for stamp in _STAMP.findall(event)]


async def _open(port: int, request: str, tally: Tally) -> Reader:
    loop = asyncio.get_running_loop()
    _, reader = await loop.create_connection(lambda: Reader(request.encode(), tally), "127.0.0.1", port)
    return reader


async def _repeat(port: int, requests: list[str], tally: Tally, deadline: float) -> None:
    number = 0
    while time.perf_counter() < deadline:
        reader = await _open(port, requests[number % len(requests)], tally)
        await reader.closed
        number += 1


async def throughput(order: dict[str, Any]) -> dict[str, Any]:
    """Read the same streams over and over, on some connections, for some seconds."""
    tally, pid = Tally(), order["pid"]
    await _repeat(order["port"], order["requests"], Tally(), time.perf_counter() + 0.3)
    cpu, begun = cpu_seconds(pid), time.perf_counter()
    readers = [
        _repeat(order["port"], order["requests"], tally, begun + order["seconds"]) for _ in range(order["connections"])
    ]
    await asyncio.gather(*readers)
    taken = time.perf_counter() - begun
    return {"events": tally.events, "seconds": taken, "cpu": cpu_seconds(pid) - cpu, "refused": tally.refused[:1]}


async def live(order: dict[str, Any]) -> dict[str, Any]:
    """Open a stream per request, let all of them start, then count events and the server's CPU for some seconds."""
    tally, pid = Tally(), order["pid"]
    resident = resident_bytes(pid)
    readers = []
    for request in order["requests"]:
        readers.append(await _open(order["port"], request, tally))
        await asyncio.sleep(order["stagger"])
    while tally.started + len(tally.refused) < len(readers):
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    cpu, events, begun = cpu_seconds(pid), tally.events, time.perf_counter()
    await asyncio.sleep(order["seconds"])
    result = {
        "events": tally.events - events,
        "seconds": time.perf_counter() - begun,
        "cpu": cpu_seconds(pid) - cpu,
        "closed_early": tally.closed,
        "resident": resident_bytes(pid) - resident,
        "streams": len(readers),
        "refused": tally.refused[:1],
    }
    for reader in readers:
        reader.leave()
    return result


async def first(order: dict[str, Any]) -> dict[str, Any]:
    """One stream after the other: how long from the request to the first token."""
    tally, taken = Tally(), []
    for request in order["requests"]:
        reader = await _open(order["port"], request, tally)
        await reader.closed
        taken.append(reader.first_at - reader.sent_at)
    return {"taken": taken, "refused": tally.refused[:1]}


async def stamps(order: dict[str, Any]) -> dict[str, Any]:
    """Read streams to their ends: how old was each stamp in them when it came?"""
    tally, loop = Tally(), asyncio.get_running_loop()
    readers = []
    for request in order["requests"]:
        connected = await loop.create_connection(
            partial(StampReader, request.encode(), tally), "127.0.0.1", order["port"]
        )
        readers.append(connected[1])
    await asyncio.gather(*[reader.closed for reader in readers])
    return {"taken": [age for reader in readers for age in reader.ages], "refused": tally.refused[:1]}


def main() -> None:
    """Do what the order says."""
    order = json.load(sys.stdin)
    kinds = {"throughput": throughput, "live": live, "first": first, "stamps": stamps}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(kinds[order["kind"]](order))))


if __name__ == "__main__":
    main()
