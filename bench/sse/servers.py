"""Servers in processes of their own: ours as ``palaver serve`` starts it, the bare one with the same settings, and a model's."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Make a request and return the JSON it answers with."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the server did not open its port")


@contextmanager
def _running(command: Sequence[str], port: int, env: Mapping[str, str], log: Path) -> Iterator[Server]:
    with log.open("wb") as output:
        process = subprocess.Popen(list(command), env={**os.environ, **env}, stdout=output, stderr=output)
        try:
            _await_port(port, process)
            yield Server(port, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def bare(folder: Path) -> Iterator[Server]:
    """The bare Starlette app."""
    with _app("bench.sse.bare:app", folder / "bare.log") as server:
        yield server


@contextmanager
def model(folder: Path) -> Iterator[Server]:
    """The model's server; see its module for the models that it has."""
    with _app("bench.sse.model:app", folder / "model.log") as server:
        yield server


@contextmanager
def _app(name: str, log: Path) -> Iterator[Server]:
    """An app under uvicorn with uvloop and httptools, no access log."""
    port = _free_port()
    command = [sys.executable, "-m", "uvicorn", name, "--port", str(port)]
    command += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    with _running(command, port, {}, log) as server:
        yield server


@contextmanager
def ours(store: str, log: Path, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    """``palaver serve`` on that store. ``env`` is laid over the environment."""
    port = _free_port()
    code = "from palaver.cli.main import run; run()"
    command = [sys.executable, "-c", code, "serve", "--port", str(port), "--store", store]
    with _running(command, port, {"PALAVER_LOG_LEVEL": "warning", **(env or {})}, log) as server:
        yield server


def client(order: Mapping[str, Any]) -> dict[str, Any]:
    """Let the client's process do what the order says."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.sse.client"], input=json.dumps(order).encode(), capture_output=True, timeout=300
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode())
    result: dict[str, Any] = json.loads(done.stdout)
    if result["refused"]:
        raise RuntimeError(f"the server refused: {result['refused'][0]}")
    return result


def get(path: str) -> str:
    """A GET whose connection ends with its answer."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\nConnection: close\r\n\r\n"


def post(path: str, body: Mapping[str, Any]) -> str:
    """A POST of JSON that asks for a stream."""
    text = json.dumps(body)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(text)}\r\nConnection: close\r\n\r\n{text}"
