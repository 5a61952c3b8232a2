"""I17: the store refuses. Nothing is acknowledged, reads go on where they can, and it heals without a restart."""

from __future__ import annotations

import asyncio
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from crash.journal import all_messages, created, make_conversation
from crash.process import serving
from palaver.models.scripted import words_text
from servers.fixtures import SERVERS
from servers.postgres import PostgresServer
from servers.process import DatabaseServer
from servers.redis import RedisServer

WORDS = 200
ENV = {
    "PALAVER_PROVIDERS": "{}",
    "PALAVER_DEFAULT_MODEL": f"scripted:words?count={WORDS}&delay=0.01",
    "PALAVER_LEASE_SECONDS": "15",
}
LATER = {"Prefer": "respond-async"}
HEALED_SECONDS = 15.0
DOWN = (503, "store_unavailable")
FULL = (507, "storage_full")


@contextmanager
def is_down(server: DatabaseServer) -> Iterator[None]:
    """It is stopped, and comes back."""
    server.stop()
    yield
    server.start()


@contextmanager
def is_killed(server: DatabaseServer) -> Iterator[None]:
    """It is killed, and comes back."""
    server.kill()
    yield
    server.start()


@contextmanager
def is_read_only(server: PostgresServer) -> Iterator[None]:
    """Its transactions are read-only."""
    for change in ("SET default_transaction_read_only = on", "RESET default_transaction_read_only"):
        server.execute(f"ALTER SYSTEM {change}")
        server.execute("SELECT pg_reload_conf()")
        if change.startswith("SET"):
            yield


@contextmanager
def is_standby(server: PostgresServer) -> Iterator[None]:
    """It comes back as a standby, which is then promoted."""
    server.stop()
    (server.folder / "data" / "standby.signal").touch()
    server.start()
    yield
    server.execute("SELECT pg_promote()")


@contextmanager
def is_crowded(server: PostgresServer) -> Iterator[None]:
    """It lets nobody in any more, and those who are in lose their connections."""
    server.execute("ALTER DATABASE palaver CONNECTION LIMIT 0")
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'palaver'")
    yield
    server.execute("ALTER DATABASE palaver CONNECTION LIMIT -1")


@contextmanager
def is_loading(server: RedisServer) -> Iterator[None]:
    """It was restarted, and reads its data for some seconds."""
    for number in range(30):
        server.execute("SET", f"ballast:{number}", random.randbytes(2_000).hex())  # between two of them it answers
    server.execute("BGREWRITEAOF")
    while server.execute("INFO", "persistence")["aof_rewrite_in_progress"]:
        time.sleep(0.02)
    server.stop()
    server.settings |= {"key-load-delay": "100000", "loading-process-events-interval-bytes": "1024"}
    server.start(wait=False)
    yield
    server.wait_until_ready()


@contextmanager
def is_replica(server: RedisServer) -> Iterator[None]:
    """It follows a master that can't be reached: a failover that went the other way."""
    server.execute("REPLICAOF", "127.0.0.1", 1)
    yield
    server.execute("REPLICAOF", "NO", "ONE")


@contextmanager
def is_full(server: RedisServer) -> Iterator[None]:
    """It has no memory left, and may drop nothing."""
    server.execute("CONFIG", "SET", "maxmemory", 1)
    yield
    server.execute("CONFIG", "SET", "maxmemory", 0)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What befalls a server, what a send is told then, and whether reads go on."""

    kind: type[DatabaseServer]
    fault: Callable[[Any], AbstractContextManager[None]]
    told: tuple[int, str] = DOWN
    reads: bool = False


REFUSALS = [
    Refusal(PostgresServer, is_down),
    Refusal(PostgresServer, is_killed),
    Refusal(PostgresServer, is_crowded),
    Refusal(PostgresServer, is_read_only, reads=True),
    Refusal(PostgresServer, is_standby, reads=True),
    Refusal(RedisServer, is_down),
    Refusal(RedisServer, is_killed),
    Refusal(RedisServer, is_loading),
    Refusal(RedisServer, is_replica, reads=True),
    Refusal(RedisServer, is_full, told=FULL, reads=True),
]


async def _refused(http: httpx2.AsyncClient, path: str, told: tuple[int, str]) -> None:
    answer = await http.post(path, json={"text": "Hello"}, headers={**LATER, "Idempotency-Key": "patient"})
    assert (answer.status_code, answer.json()["code"]) == told
    assert int(answer.headers["Retry-After"]) > 0


async def _readable(http: httpx2.AsyncClient, path: str) -> None:
    """Read until it is answered: nobody asks a server again in the same moment in which it could not be reached."""
    async with asyncio.timeout(HEALED_SECONDS):
        while (read := await http.get(path)).status_code == 503:
            await asyncio.sleep(0.1)
    assert (read.status_code, read.json()["data"]) == (200, [])


async def _accepted(http: httpx2.AsyncClient, path: str) -> str:
    """Send until it is taken; return the turn's path."""
    deadline = time.monotonic() + HEALED_SECONDS
    while True:
        answer = await http.post(path, json={"text": "Hello"}, headers={**LATER, "Idempotency-Key": "patient"})
        if answer.status_code == 202:
            assert "Idempotent-Replayed" not in answer.headers, "nothing of what was refused was stored"
            return answer.headers["Location"]
        assert answer.status_code in (503, 507)
        assert time.monotonic() < deadline, answer.text
        await asyncio.sleep(0.1)


async def _ended(http: httpx2.AsyncClient, turn: str) -> dict[str, Any]:
    async with asyncio.timeout(HEALED_SECONDS):
        while (answer := await http.get(turn)).json().get("status") not in ("completed", "interrupted"):
            await asyncio.sleep(0.05)
    body: dict[str, Any] = answer.json()
    return body


async def _check(
    http: httpx2.AsyncClient, fault: AbstractContextManager[None], told: tuple[int, str], *, reads: bool
) -> None:
    bot = await created(http, "/v1/bots", {"name": "Helper"})
    busy, quiet = [f"/v1/conversations/{await make_conversation(http, bot['id'])}/messages" for _ in range(2)]
    running = (await http.post(busy, json={"text": "Go"}, headers=LATER)).headers["Location"]
    await asyncio.sleep(0.3)
    await asyncio.to_thread(fault.__enter__)
    try:
        await _refused(http, quiet, told)
        if reads:
            await _readable(http, quiet)
        else:
            assert (await http.get(quiet)).status_code == 503
        assert (await http.get("/readyz")).status_code == (200 if reads else 503)
        await asyncio.sleep(0.5)
        await _refused(http, quiet, told)
    finally:
        await asyncio.to_thread(fault.__exit__, None, None, None)
    turn = await _ended(http, await _accepted(http, quiet))
    assert turn["status"] == "completed"
    assert [message["text"] for message in (await http.get(quiet)).json()["data"]] == ["Hello", words_text(WORDS)]
    cut = await _ended(http, running)
    assert (cut["status"], cut["reason"]) == ("interrupted", "store_unavailable")
    question, answer = await all_messages(http, cut["conversation_id"], 100)
    assert question["text"] == "Go"
    assert words_text(WORDS).startswith(answer["text"])
    assert answer["text"], "what was said before is kept"


@pytest.mark.parametrize(
    "refusal",
    [refusal for refusal in REFUSALS if refusal.kind in SERVERS],
    ids=lambda refusal: f"{refusal.kind.__name__}-{refusal.fault.__name__}",
)
async def test_a_store_that_refuses_acknowledges_nothing_and_heals(refusal: Refusal) -> None:
    """I17: while the store refuses, a send is told so with ``Retry-After`` and is not stored, reads go on where they can;
    afterwards the same key is taken and the turn that ran is ended with its text, with no restart."""
    with refusal.kind() as server:
        async with serving(server.url(), ENV) as process:
            async with httpx2.AsyncClient(base_url=process.url, timeout=60) as http:
                await _check(http, refusal.fault(server), refusal.told, reads=refusal.reads)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "palaver-test", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("nobody may mount here: tests/server/test_full_store.py fills a file that may not grow")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


async def test_a_full_disk_acknowledges_nothing_and_heals(small_disk: Path) -> None:
    """I17: on a disk without room a send is 507 ``storage_full``, reads go on, the turn that ran keeps its text; once there
    is room the same key is taken, with no restart."""

    @contextmanager
    def is_without_room() -> Iterator[None]:
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        yield
        ballast.unlink()

    async with serving(small_disk / "chat.db", ENV) as process:
        async with httpx2.AsyncClient(base_url=process.url, timeout=60) as http:
            await _check(http, is_without_room(), FULL, reads=True)
