"""What belongs to one tenant, and what belongs to nobody: every byte that leaves the server is searched for it."""

from __future__ import annotations

import asyncio
import random
import re
import sys
from contextlib import suppress
from pathlib import Path

import httpx2

from crash.process import ServerProcess, serving

ROUNDS = 40


class Tenant:
    """A client of one tenant that does everything at random, and keeps every byte that it was sent."""

    def __init__(self, name: str, secret: str, server: ServerProcess) -> None:
        self.name = name
        self.canary = f"canary{name}feather"
        self.seen = bytearray()
        self._server = server
        self._http = httpx2.AsyncClient(base_url=server.url, headers={"Authorization": f"Bearer {secret}"}, timeout=20)
        self._chance = random.Random(name)
        self._chats: list[str] = []

    async def begin(self) -> None:
        bot = await self._post("/v1/bots", {"name": f"Bot {self.canary}", "instructions": self.canary})
        for number in range(3):
            chat = {"bot_id": bot["id"], "title": f"{self.canary} {number}", "external_id": self.canary}
            self._chats.append((await self._post("/v1/conversations", chat))["id"])

    async def live(self) -> None:
        """Talk, read and search; every third call is cancelled at a random moment."""
        for _ in range(ROUNDS):
            act = self._chance.choice([self._stream, self._send, self._search, self._read])
            limit = self._chance.choice([0.003, 0.03, 10.0])
            with suppress(TimeoutError):
                async with asyncio.timeout(limit):
                    await act(self._chance.choice(self._chats))
        await self._http.aclose()

    async def _post(self, path: str, body: dict[str, str], **headers: str) -> dict[str, str]:
        response = await self._http.post(path, json=body, headers=headers)
        self._keep(response)
        answer: dict[str, str] = response.json()
        return answer

    def _keep(self, response: httpx2.Response) -> None:
        self.seen += response.content + repr(response.headers).encode()

    async def _send(self, chat: str) -> None:
        await self._post(f"/v1/conversations/{chat}/messages", {"text": f"{self.canary} sends", "policy": "interrupt"})

    async def _stream(self, chat: str) -> None:
        body = {"text": f"{self.canary} streams", "policy": "queue"}
        headers = {"Accept": "text/event-stream"}
        async with self._http.stream(
            "POST", f"/v1/conversations/{chat}/messages", json=body, headers=headers
        ) as stream:
            async for chunk in stream.aiter_bytes():
                self.seen += chunk

    async def _search(self, _chat: str) -> None:
        for word in ("sends", "streams", "feather", "canary"):
            self._keep(await self._http.get("/v1/search", params={"q": word}))

    async def _read(self, chat: str) -> None:
        for path in ("/v1/bots", "/v1/conversations", "/v1/turns", f"/v1/conversations/{chat}/messages"):
            self._keep(await self._http.get(path))


async def _key(server: ServerProcess, tenant: str, scope: str = "admin") -> str:
    """Make a key with the command line, in a process of its own, as an operator does."""
    palaver = Path(sys.executable).with_name("palaver")
    process = await asyncio.create_subprocess_exec(
        *(str(palaver), "keys", "create", "--tenant", tenant, "--scope", scope, "--store", server.store),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    found = re.search(r"pk_\S+", out.decode())
    assert found is not None, out
    return found[0]


async def test_no_byte_of_a_tenant_or_of_a_secret_gets_out(store_url: str, store_folder: Path) -> None:
    """Tenants that talk, stream, queue, interrupt, search and hang up at random never see each other's canary; the
    server's log and the store's files hold no secret of a key, nor the provider's (I14, I22)."""
    provider_secret = "sk-canary-of-the-provider"
    env = {
        "PALAVER_DEFAULT_MODEL": "scripted:words?count=30&delay=0.003",
        "PALAVER_LOG_LEVEL": "debug",
        "OPENAI_API_KEY": provider_secret,
    }
    async with serving(store_url, env) as server:
        names = ["ash", "birch", "cedar"]
        secrets = [await _key(server, name) for name in names]
        await asyncio.sleep(1.1)  # a server looks for a first key once a second
        tenants = [Tenant(name, secret, server) for name, secret in zip(names, secrets, strict=True)]
        await asyncio.gather(*(tenant.begin() for tenant in tenants))
        await asyncio.gather(*(tenant.live() for tenant in tenants))
        assert await server.terminate() < 10
        for tenant in tenants:
            assert tenant.canary.encode() in tenant.seen, "it saw its own"
            for other in tenants:
                assert other is tenant or other.canary.encode() not in tenant.seen
        files = [path for path in store_folder.rglob("*") if path.is_file()]
        kept = [server.log.encode(), *(path.read_bytes() for path in files)]
        assert any(tenants[0].canary.encode() in content for content in kept), "these are the store's bytes"
        for secret in (*secrets, provider_secret):
            assert all(secret.encode() not in content for content in kept)
