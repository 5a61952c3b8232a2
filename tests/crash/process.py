"""``palaver serve`` in a process of its own, that can be killed and started again on the same port and file."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class ServerProcess:
    """One server on one file. ``env`` is laid over the environment."""

    def __init__(self, store: Path, env: Mapping[str, str], *, port: int = 0) -> None:
        self.store = store
        self.port = port or free_port()
        self._env = {**os.environ, "PALAVER_LOG_LEVEL": "warning", "PALAVER_LEASE_SECONDS": "1", **env}
        self._log = store.with_name(f"server-{self.port}.log")
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        command = [str(Path(sys.executable).with_name("palaver")), "serve", "--port", str(self.port)]
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, "--store", f"sqlite:///{self.store}", env=self._env, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 30
        async with httpx2.AsyncClient(base_url=self.url) as http:
            while not await self._is_ready(http):
                assert time.monotonic() < deadline, self._log.read_text()
                await asyncio.sleep(0.02)

    async def _is_ready(self, http: httpx2.AsyncClient) -> bool:
        assert self._process is not None
        assert self._process.returncode is None, self._log.read_text()
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
        return self._log.read_text()

    async def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(how)
            await asyncio.wait_for(self._process.wait(), 30)


def provider_env(url: str) -> Mapping[str, str]:
    """The environment in which ``words:any`` is the word server."""
    return {"PALAVER_PROVIDERS": json.dumps({"words": url}), "PALAVER_DEFAULT_MODEL": "words:any"}


@asynccontextmanager
async def serving(store: Path, env: Mapping[str, str], *, port: int = 0) -> AsyncIterator[ServerProcess]:
    """A server that is started, and gone afterwards."""
    server = ServerProcess(store, env, port=port)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()
