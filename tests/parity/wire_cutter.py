"""A TCP proxy that cuts connections after a number of bytes, as bad networks do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class WireCutter:
    """``cuts`` says after how many bytes of answer each new connection is cut; None never."""

    def __init__(self, target: str, cuts: Iterator[int | None]) -> None:
        self._port = urlsplit(target).port
        self._cuts = cuts
        self._open: set[asyncio.Task[None]] = set()
        self.cut = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        carrying = asyncio.current_task()
        assert carrying is not None
        self._open.add(carrying)
        carrying.add_done_callback(self._open.discard)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        upstream = asyncio.ensure_future(self._carry(reader, far_writer, None))
        try:
            await self._carry(far_reader, writer, next(self._cuts, None))
        finally:
            upstream.cancel()
            await asyncio.gather(upstream, return_exceptions=True)
            for each in (writer, far_writer):
                each.transport.abort()

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, left: int | None) -> None:
        with suppress(ConnectionError):
            while piece := await source.read(4096):
                kept = piece if left is None else piece[:left]
                sink.write(kept)
                await sink.drain()
                if left is not None:
                    left -= len(kept)
                    if left <= 0:
                        self.cut += 1
                        return

    async def close(self) -> None:
        """Cut whatever is still open."""
        for each in self._open:
            each.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


@asynccontextmanager
async def cutting(target: str, cuts: Iterator[int | None]) -> AsyncIterator[tuple[str, WireCutter]]:
    """Run a cutter in front of a server; gives its URL."""
    cutter = WireCutter(target, cuts)
    server = await asyncio.start_server(cutter.handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", cutter
    finally:
        server.close()
        await cutter.close()
