"""Clients that are refused before anything else, at a real server: each shows the reason as an error of its API."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import openai
import pytest
import pytest_asyncio

from crash.process import serving

CLIENTS = Path(sys.prefix) / "clients"
REASON = "An open server answers to loopback names only."

ABACUSAI = """
import sys
from abacusai import ClientOptions, PredictionClient
from abacusai.client import PermissionDeniedError

client = PredictionClient(ClientOptions(server=sys.argv[1] + "/abacusai"))
try:
    client.get_chat_response("token", "bot", [{"is_user": True, "text": "Hello?"}])
except PermissionDeniedError as error:
    print(error)
"""
KNOWRITHM = """
import sys
from knowrithm_py.dataclass.config import KnowrithmConfig
from knowrithm_py.dataclass.error import KnowrithmAPIError
from knowrithm_py.knowrithm.client import KnowrithmClient

client = KnowrithmClient("key", "secret", config=KnowrithmConfig(base_url=sys.argv[1] + "/knowrithm/api"))
try:
    client._make_request("GET", "/agent")
except KnowrithmAPIError as error:
    print(error)
"""
LONGTRAINER_AND_SESSIONS = ("/longtrainer/bots/b/chats", "/sessions")


@pytest_asyncio.fixture
async def elsewhere(tmp_path: Path) -> AsyncIterator[str]:
    """An open server by a name of this machine that is not loopback's."""
    async with serving(tmp_path / "chat.db", {"PALAVER_DEFAULT_MODEL": "scripted:echo"}) as server:
        yield server.url.replace("127.0.0.1", "0.0.0.0")


@pytest.mark.parametrize(
    ("client", "program", "said"),
    [
        ("abacusai", ABACUSAI, f"PermissionDeniedError(403): {REASON}"),
        ("abacusai-0.78", ABACUSAI, f"PermissionDeniedError(403): {REASON}"),
        ("knowrithm", KNOWRITHM, f"code=AUTHORIZATION_ERROR): {REASON}"),
        ("knowrithm-0.1.4", KNOWRITHM, f"code=AUTHORIZATION_ERROR): {REASON}"),
    ],
)
async def test_a_client_shows_why(elsewhere: str, client: str, program: str, said: str) -> None:
    """A released client raises its own error, which says why the door stays shut."""
    python = CLIENTS / client / "bin" / "python"
    done = await asyncio.create_subprocess_exec(
        str(python), "-I", "-c", program, elsewhere, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(done.communicate(), 60)
    assert done.returncode == 0
    assert said in output.decode()


async def test_openais_client_shows_why(elsewhere: str) -> None:
    """It raises an error with our reason and our word."""
    async with openai.AsyncOpenAI(base_url=f"{elsewhere}/openai/v1", api_key="any") as client:
        with pytest.raises(openai.PermissionDeniedError, match=REASON) as refused:
            await client.models.list()
    assert (refused.value.code, refused.value.type) == ("host_not_allowed", "permission_error")


@pytest.mark.parametrize("path", LONGTRAINER_AND_SESSIONS)
async def test_what_fastapis_clients_read_says_why(elsewhere: str, path: str) -> None:
    """Where there is no released client, the answer is the one that its callers read."""
    async with httpx2.AsyncClient(base_url=elsewhere) as http:
        answer = await http.get(path)
    assert (answer.status_code, answer.json()) == (403, {"detail": REASON})
