"""``palaver serve`` in a process of its own, that can be killed and started again on the same port and store."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from servers.process import free_port

START_SECONDS = 90
"""A machine that is busy with many tests takes long to start a server."""


class ServerProcess:
    """One server on one store (its address, or a file). ``env`` is laid over the environment."""

    def __init__(self, store: str | Path, env: Mapping[str, str], *, port: int = 0) -> None:
        self.store = str(store)
        self.port = port or free_port()
        self._env = {**os.environ, "PALAVER_LOG_LEVEL": "warning", "PALAVER_LEASE_SECONDS": "1", **env}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed by ``close``
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        command = [str(Path(sys.executable).with_name("palaver")), "serve", "--port", str(self.port)]
        self._process = await asyncio.create_subprocess_exec(
            *command, "--store", self.store, env=self._env, stdout=self._log, stderr=self._log
        )
        deadline = time.monotonic() + START_SECONDS
        async with httpx2.AsyncClient(base_url=self.url) as http:
            while not await self._is_ready(http):
                assert time.monotonic() < deadline, self.log
                await asyncio.sleep(0.02)

    async def _is_ready(self, http: httpx2.AsyncClient) -> bool:
        assert self._process is not None
        assert self._process.returncode is None, self.log
        try:
            return (await http.get("/readyz")).status_code == 200
        except httpx2.TransportError:
            return False

    async def kill(self) -> None:
        """SIGKILL: no goodbye."""
        await self._end(signal.SIGKILL)

    async def terminate(self) -> float:
        """SIGTERM; return the seconds it took to leave."""
        begun = time.monotonic()
        await self._end(signal.SIGTERM)
        return time.monotonic() - begun

    def pause(self) -> None:
        """SIGSTOP: it stands still, and doesn't know."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT: it goes on as if no time had passed."""
        os.kill(self.pid, signal.SIGCONT)

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it left, if it has."""
        return self._process.returncode if self._process else None

    @property
    def log(self) -> str:
        """What it wrote to its standard output and error."""
        file = self._log.fileno()
        return os.pread(file, os.fstat(file).st_size, 0).decode()

    async def close(self) -> None:
        """Kill it and forget its log."""
        await self.kill()
        self._log.close()

    async def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(how)
            await asyncio.wait_for(self._process.wait(), 30)


def provider_env(url: str) -> Mapping[str, str]:
    """The environment in which ``words:any`` is the word server."""
    return {"PALAVER_PROVIDERS": json.dumps({"words": url}), "PALAVER_DEFAULT_MODEL": "words:any"}


@asynccontextmanager
async def serving(store: str | Path, env: Mapping[str, str], *, port: int = 0) -> AsyncIterator[ServerProcess]:
    """A server that is started, and gone afterwards."""
    server = ServerProcess(store, env, port=port)
    try:
        await server.start()
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def fleet(store: str | Path, env: Mapping[str, str], count: int) -> AsyncIterator[Sequence[ServerProcess]]:
    """Several servers on one store, started at once."""
    servers = [ServerProcess(store, env) for _ in range(count)]
    try:
        await asyncio.gather(*(server.start() for server in servers))
        yield servers
    finally:
        await asyncio.gather(*(server.close() for server in servers))
