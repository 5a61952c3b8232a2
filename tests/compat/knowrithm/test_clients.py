"""The released clients of Knowrithm, unmodified, against a server in a process of its own."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import httpx2
import pytest

from crash.process import serving

HERE = Path(__file__).parent
CLIENTS = Path(sys.prefix) / "clients"


async def _prepared(url: str) -> tuple[str, str]:
    """Close a server with a key; return it, and an agent whose model fails."""
    async with httpx2.AsyncClient(base_url=url) as http:
        key = (await http.post("/v1/keys", json={"scope": "admin"})).json()["secret"]
        http.headers["Authorization"] = f"Bearer {key}"
        failing = {"name": "Failing", "model": "scripted:fail?code=provider_rejected&count=2"}
        return key, (await http.post("/v1/bots", json=failing)).json()["id"]


@pytest.mark.parametrize(("client", "program"), [("knowrithm", "newest.py"), ("knowrithm-0.1.4", "oldest.py")])
async def test_everything_that_a_client_does_works(tmp_path: Path, client: str, program: str) -> None:
    """What a release can do with conversations and all around them is answered as it expects: a program says so with its classes."""
    async with serving(tmp_path / "chat.db", {"PALAVER_DEFAULT_MODEL": "scripted:echo"}) as server:
        python = CLIENTS / client / "bin" / "python"
        asked = [f"{server.url}/knowrithm/api", *await _prepared(server.url)]
        done = await asyncio.create_subprocess_exec(
            str(python),
            "-I",
            str(HERE / program),
            *asked,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(done.communicate(), 60)
        assert (done.returncode, output.decode().splitlines()[-1:]) == (0, ["done"]), (
            output.decode()[-3000:] + server.log
        )
