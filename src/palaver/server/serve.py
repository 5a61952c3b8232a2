"""Running the app: ``palaver serve``.

uvicorn tells an app of its end only after the last connection has closed, and an open event stream does not close by
itself. So the signal starts the engine's drain first: turns end ``interrupted(shutdown)``, streams get their terminal
event and close, and then uvicorn's own shutdown has nothing left to wait for.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from types import FrameType
from typing import Unpack

import uvicorn
from fastapi import FastAPI

from palaver.config import Settings
from palaver.errors import InvalidInput
from palaver.given import Given
from palaver.http.doors import is_loopback
from palaver.hub import HubRoot
from palaver.server.app import create_app
from palaver.server.logs import configure_logs, log_guarantee
from palaver.stores.open import without_password
from palaver.stores.orders import StoreHealth

_ALLOCATIONS_A_SWEEP = 50_000
GRACE_SECONDS = 1
BACKLOG = 2048


class DrainingServer(uvicorn.Server):
    """uvicorn that lets the engine drain before it waits for connections."""

    def __init__(self, config: uvicorn.Config, root: HubRoot) -> None:
        super().__init__(config)
        self._root = root

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop to listen, end the turns, then the connections."""
        for server in self.servers:
            server.close()
        for each in sockets or []:
            each.close()
        await self._root.engine.drain()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin the shutdown. The signal is not raised again afterwards: a drained exit is a clean one."""
        del frame
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket, so that port 0 is known before anyone is told."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise InvalidInput(f"{host}:{port} can't be listened on: {error.strerror}.", code="refuses_to_bind") from None
    listener.setblocking(False)
    return listener


async def check_bind(root: HubRoot, settings: Settings) -> None:
    """Refuse to leave loopback while anyone may come in.

    Raises:
        InvalidInput: ``refuses_to_bind``, with what to do.
    """
    if settings.open or is_loopback(settings.host) or await root.store.any_key_ever():
        return
    raise InvalidInput(
        f"No API key exists, so anyone who reaches {settings.host} could read and write everything. "
        "Make a key first (palaver keys create), or pass --open if a door of your own stands in front.",
        code="refuses_to_bind",
    )


def _welcome(root: HubRoot, settings: Settings, listener: socket.socket, health: StoreHealth) -> str:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return (
        f"Palaver is on http://{shown}:{port} · store {without_password(settings.store)}: {health.detail} "
        f"· default model {root.models.default_name()}"
    )


async def _run(settings: Settings, given: Given) -> None:
    async with HubRoot.open(settings, **given) as root:
        await check_bind(root, settings)
        listener = _listen(settings.host, settings.port)
        app: FastAPI = create_app(settings, hub_root=root)
        config = uvicorn.Config(
            app,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        health = await root.store.health()
        log_guarantee(health)
        print(_welcome(root, settings, listener, health), flush=True)
        _sweep_less_often()
        await DrainingServer(config, root).serve(sockets=[listener])


def _sweep_less_often() -> None:
    """Tell the garbage collector that this process keeps what it has.

    500 live streams hold some hundred thousand objects that are not garbage; with Python's own thresholds, sweeping
    them takes 15 % of the CPU that an event costs. What a stream leaves behind is freed by its reference counts.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS_A_SWEEP, 20, 100)


def _loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # Windows has none
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def serve(settings: Settings | None = None, **given: Unpack[Given]) -> None:
    """Serve until SIGTERM or SIGINT, then drain. Blocks; call it from the main thread.

    Args:
        settings: Read from the environment when omitted.
        given: What the program gives: models, embeddings and more.

    Raises:
        InvalidInput: ``refuses_to_bind``: nobody would guard that address, or it can't be listened on.
        StoreRefused: The store can't be opened as it is.
    """
    settings = settings or Settings()
    configure_logs(settings.log_level)
    with asyncio.Runner(loop_factory=_loop) as runner:
        runner.run(_run(settings, given))
