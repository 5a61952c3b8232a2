"""A client that does not read: it costs the server a bounded amount of memory, and nobody waits for it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx2

from crash.journal import created, frames_of, make_conversation
from crash.process import ServerProcess, serving

LAZY = 40
WORDS = 30_000


def _resident_bytes(server: ServerProcess) -> int:
    status = Path(f"/proc/{server.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


async def _stop_reading(server: ServerProcess, turn_id: str) -> asyncio.StreamWriter:
    """Ask for the events of a turn and read nothing of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
    writer.write(f"GET /v1/turns/{turn_id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    await writer.drain()
    reader._transport.pause_reading()  # type: ignore[attr-defined]  # from here on the socket's buffer fills up
    return writer


async def test_slow_readers_cost_little_and_delay_nobody(tmp_path: Path) -> None:
    """Forty readers of a long turn that stopped reading take less than 16 MB together, a reader beside them gets every
    word, and one that comes back later reads the whole turn (I20)."""
    env = {"PALAVER_DEFAULT_MODEL": f"scripted:words?count={WORDS}"}
    async with (
        serving(tmp_path / "chat.db", env) as server,
        httpx2.AsyncClient(base_url=server.url, timeout=60) as http,
    ):
        bot = await created(http, "/v1/bots", {"name": "Helper"})
        chat = await make_conversation(http, bot["id"])
        sent = await http.post(f"/v1/conversations/{chat}/messages", json={"text": "Tell me everything."})
        turn_id = sent.json()["turn"]["id"]
        text = sent.json()["message"]["text"]
        before = _resident_bytes(server)
        lazy = [await _stop_reading(server, turn_id) for _ in range(LAZY)]
        for _ in range(20):  # others are served all the while
            assert (await http.get(f"/v1/turns/{turn_id}")).status_code == 200
            await asyncio.sleep(0.02)
        assert _resident_bytes(server) - before < 16_000_000
        async with http.stream("GET", f"/v1/turns/{turn_id}/events") as response:
            frames = [frame async for frame in frames_of(response)]
        assert "".join(frame.text for frame in frames) == text
        assert json.loads(frames[-1].data)["message"]["text"] == text
        for writer in lazy:
            writer.close()
