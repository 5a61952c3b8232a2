"""The released clients of Abacus.AI, unmodified, against a server in a process of its own."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import httpx2
import pytest

from crash.process import serving

SCRIPT = Path(__file__).with_name("script.py")
CLIENTS = Path(sys.prefix) / "clients"
SERVED = {"PALAVER_DEFAULT_MODEL": "scripted:echo", "PALAVER_HEARTBEAT_SECONDS": "0.05"}
BOTS = ("scripted:echo", "scripted:fail?code=provider_rejected&count=2", "scripted:words?count=4&delay=0.2")


async def _prepared(url: str) -> list[str]:
    """Close a server with a key; return it, a bot that echoes, one that fails and a slow one."""
    async with httpx2.AsyncClient(base_url=url) as http:
        key = (await http.post("/v1/keys", json={"scope": "write"})).json()["secret"]
        http.headers["Authorization"] = f"Bearer {key}"
        made = [await http.post("/v1/bots", json={"name": model, "model": model}) for model in BOTS]
        return [key, *(answer.json()["id"] for answer in made)]


@pytest.mark.parametrize("client", ["abacusai", "abacusai-0.78"])
async def test_everything_that_a_client_does_works(tmp_path: Path, client: str) -> None:
    """Sessions, conversations, answers and streams are what the client expects: one program says so with its own classes."""
    async with serving(tmp_path / "chat.db", SERVED) as server:
        asked = [f"{server.url}/abacusai", *await _prepared(server.url)]
        python = CLIENTS / client / "bin" / "python"
        done = await asyncio.create_subprocess_exec(
            str(python), "-I", str(SCRIPT), *asked, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await asyncio.wait_for(done.communicate(), 60)
        assert (done.returncode, output.decode().splitlines()[-1:]) == (0, ["done"]), output.decode() + server.log
