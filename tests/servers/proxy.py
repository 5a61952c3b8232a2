"""A TCP proxy that does what bad networks and dying servers do, wherever the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import repeat
from urllib.parse import urlsplit, urlunsplit


@dataclass(eq=False, slots=True)
class _Link:
    """One connection: how many bytes it may still carry (None: any number), and whether its next answer is lost."""

    left: int | None
    losing: bool = False
    cut: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, piece: bytes) -> bytes:
        """What may be carried of this piece."""
        taken = piece[: self.left]
        if self.left is not None:
            self.left -= len(taken)
        return taken


@dataclass(eq=False, slots=True)
class Proxy:
    """Stands between a client and a server of this machine, and carries everything until it is told otherwise.

    Attributes:
        cuts: How many bytes, of both directions together, each new connection carries before it is cut; None: any number.
        latency_seconds: How long each piece is on its way, in each direction.
        drops: Says of a piece that comes from the server whether it gets lost; the connection goes on.
        cut_count: How many connections were cut.
    """

    target: str
    cuts: Iterator[int | None]
    latency_seconds: float = 0.0
    drops: Callable[[bytes], bool] = lambda _: False
    cut_count: int = 0
    port: int = 0
    _links: set[_Link] = field(default_factory=set)
    _speaking: asyncio.Event = field(default_factory=asyncio.Event)
    _lost: tuple[bytes, int] | None = None
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """The target's URL with our port."""
        parts = urlsplit(self.target)
        name = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{name}@127.0.0.1:{self.port}" if name else f"127.0.0.1:{self.port}"))

    async def accept(self) -> None:
        """Listen, always on the same port."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Refuse new connections until ``accept``; those that are open stay."""
        if self._server is not None:
            self._server.close()

    def cut(self) -> None:
        """Cut every connection now."""
        self.cut_count += len(self._links)
        for link in self._links:
            link.cut.set()

    def swallow(self) -> None:
        """Carry nothing more until ``speak``: connections are accepted, and silent."""
        self._speaking.clear()

    def speak(self) -> None:
        """Carry what was held back and all that comes."""
        self._speaking.set()

    def lose_answer(self, pattern: bytes, occurrence: int = 1) -> None:
        """The nth time that a piece with ``pattern`` goes to the server, cut its connection where the answer comes."""
        self._lost = (pattern, occurrence)

    @property
    def lost_an_answer(self) -> bool:
        """Whether the pattern came by as often as it had to."""
        return self._lost is None

    async def close(self) -> None:
        """Let go of everything."""
        self.refuse()
        self.cut()
        while self._links:
            await asyncio.sleep(0)

    async def _carry(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        link, ends = _Link(next(self.cuts, None)), [to_near]
        ways: list[asyncio.Future[object]] = [asyncio.ensure_future(link.cut.wait())]
        self._links.add(link)
        try:
            with suppress(ConnectionError):
                far, to_far = await asyncio.open_connection("127.0.0.1", urlsplit(self.target).port)
                ends.append(to_far)
                for source, sink in ((near, to_far), (far, to_near)):
                    ways.append(asyncio.ensure_future(self._pass(link, source, sink, up=sink is to_far)))
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for end in ends:
                end.transport.abort()
            self._links.discard(link)

    async def _pass(self, link: _Link, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, up: bool) -> None:
        """Carry one direction; its end is the end of the connection."""
        with suppress(ConnectionError):
            while piece := await source.read(65_536):
                await asyncio.sleep(self.latency_seconds)
                await self._speaking.wait()
                if up:
                    self._look_for_pattern(link, piece)
                elif self.drops(piece):
                    continue
                sink.write(b"" if link.losing and not up else link.take(piece))
                await sink.drain()
                if link.left == 0 or (link.losing and not up):
                    self.cut_count += 1
                    return
            sink.close()
            await sink.wait_closed()

    def _look_for_pattern(self, link: _Link, piece: bytes) -> None:
        if self._lost is not None and self._lost[0] in piece:
            pattern, more = self._lost
            link.losing = more == 1
            self._lost = None if link.losing else (pattern, more - 1)


@asynccontextmanager
async def proxy_to(target: str, cuts: Iterator[int | None] | None = None) -> AsyncIterator[Proxy]:
    """Run a proxy in front of the server at this URL."""
    proxy = Proxy(target, cuts or repeat(None))
    proxy.speak()
    await proxy.accept()
    try:
        yield proxy
    finally:
        await proxy.close()
