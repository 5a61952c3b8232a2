"""The proxy does to a connection what it says, and nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from itertools import chain, repeat

import pytest

from servers.proxy import Proxy, proxy_to

GONE = (ConnectionError, asyncio.IncompleteReadError)
LINE_BYTES = 1_000_000


class Echo:
    """A server that says every line back, and remembers it."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            self.lines.append(line)
            writer.write(line)
        writer.close()


async def is_pending(saying: asyncio.Future[bytes]) -> bool:
    return not (await asyncio.wait([saying], timeout=0.1))[0]


class Client:
    """One connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, line: bytes) -> bytes:
        """Send a line and return what comes back; raises one of ``GONE`` when nothing more can come."""
        self.writer.write(line)
        async with asyncio.timeout(5):
            return await self.reader.readuntil(b"\n")


Connect = Callable[[], "asyncio.Future[Client]"]


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0, limit=LINE_BYTES)
    async with server, proxy_to(f"redis://somebody@127.0.0.1:{server.sockets[0].getsockname()[1]}/3?x=1") as proxy:
        yield proxy


@pytest.fixture
async def connect(proxy: Proxy) -> AsyncIterator[Connect]:
    made: list[Client] = []

    async def connected() -> Client:
        made.append(Client(*await asyncio.open_connection("127.0.0.1", proxy.port, limit=LINE_BYTES)))
        return made[-1]

    yield lambda: asyncio.ensure_future(connected())
    for client in made:
        client.writer.close()


def test_its_url_is_the_targets_with_another_port() -> None:
    """A store that is given the proxy's URL asks for the same user and database."""
    proxy = Proxy("postgresql://me:word@127.0.0.1:5432/data?a=b", repeat(None), port=99)
    assert proxy.url == "postgresql://me:word@127.0.0.1:99/data?a=b"


async def test_it_carries_everything(connect: Connect) -> None:
    """Untold, it changes nothing, and an end on one side is an end on the other."""
    client = await connect()
    line = b"x" * (LINE_BYTES - 1) + b"\n"
    assert await client.say(line) == line
    client.writer.write_eof()
    assert await client.reader.read() == b""


async def test_it_cuts_what_is_open(proxy: Proxy, connect: Connect) -> None:
    """``cut`` ends every connection, and the next one works."""
    clients = [await connect(), await connect()]
    for client in clients:
        await client.say(b"1\n")
    proxy.cut()
    for client in clients:
        with pytest.raises(GONE):
            await client.say(b"2\n")
    assert await (await connect()).say(b"3\n") == b"3\n"
    assert proxy.cut_count == 2


@pytest.mark.parametrize(
    ("carried", "arrived", "back"), [(3, [], b""), (6, [b"hello\n"], b""), (9, [b"hello\n"], b"hel")]
)
async def test_it_cuts_after_a_number_of_bytes(
    proxy: Proxy, connect: Connect, echo: Echo, carried: int, arrived: list[bytes], back: bytes
) -> None:
    """The bytes of both directions count; those before the cut arrive, and none behind it."""
    proxy.cuts = chain([carried], repeat(None))
    client = await connect()
    client.writer.write(b"hello\n")
    async with asyncio.timeout(5):
        assert await client.reader.read() == back
    assert [line for line in echo.lines if line.endswith(b"\n")] == arrived
    assert await (await connect()).say(b"hello\n") == b"hello\n"


async def test_it_loses_an_answer(proxy: Proxy, connect: Connect, echo: Echo) -> None:
    """The server has done what was asked, and its client doesn't know: the second time that the pattern comes by."""
    proxy.lose_answer(b"COMMIT", occurrence=2)
    client = await connect()
    assert await client.say(b"COMMIT 1\n") == b"COMMIT 1\n"
    assert not proxy.lost_an_answer
    with pytest.raises(GONE):
        await client.say(b"COMMIT 2\n")
    assert proxy.lost_an_answer
    assert echo.lines == [b"COMMIT 1\n", b"COMMIT 2\n"]
    assert await (await connect()).say(b"COMMIT 3\n") == b"COMMIT 3\n"


async def test_it_is_silent(proxy: Proxy, connect: Connect) -> None:
    """A black hole accepts connections and says nothing; what was held back comes when it speaks again."""
    proxy.swallow()
    client = await connect()
    saying = asyncio.ensure_future(client.say(b"1\n"))
    assert await is_pending(saying)
    proxy.speak()
    assert await saying == b"1\n"


async def test_it_refuses(proxy: Proxy, connect: Connect) -> None:
    """A refused connection fails at once, one that is open stays, and the port is the same afterwards."""
    client = await connect()
    await client.say(b"1\n")
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        await connect()
    assert await client.say(b"2\n") == b"2\n"
    await proxy.accept()
    assert await (await connect()).say(b"3\n") == b"3\n"


async def test_it_is_slow(proxy: Proxy, connect: Connect) -> None:
    """The latency counts in both directions."""
    proxy.latency_seconds = 0.05
    client = await connect()
    begun = time.monotonic()
    assert await client.say(b"1\n") == b"1\n"
    assert time.monotonic() - begun >= 0.1


async def test_it_drops_messages(proxy: Proxy, connect: Connect) -> None:
    """What the filter names is lost, and the connection goes on."""
    proxy.drops = lambda piece: b"secret" in piece
    client = await connect()
    saying = asyncio.ensure_future(client.say(b"secret\n"))
    assert await is_pending(saying)
    client.writer.write(b"plain\n")
    assert await saying == b"plain\n"
