"""SIGKILL while documents become ready: each is found whole in the end, and no half of one ever."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import httpx2

from crash.journal import created
from crash.process import serving

DOCUMENTS = 3
SECTIONS = 1_500
_SETTLED = ("ready", "failed")


def _handbook(name: str) -> str:
    sections = (f"# Part {number}\n\nThe {name} of part {number} is {number * 7}." for number in range(SECTIONS))
    return "\n\n".join(sections)


async def _chunks(http: httpx2.AsyncClient, document_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    query: dict[str, str] = {"limit": "200"}
    while True:
        page = (await http.get(f"/v1/documents/{document_id}/chunks", params=query)).json()
        found += page["data"]
        if page["next"] is None:
            return found
        query["after"] = page["next"]


async def _settled(http: httpx2.AsyncClient, document_id: str) -> dict[str, Any]:
    """Wait for a document; until it is ready it has no chunks."""
    async with asyncio.timeout(60):
        while (document := (await http.get(f"/v1/documents/{document_id}")).json())["status"] not in _SETTLED:
            if await _chunks(http, document_id):
                assert (await http.get(f"/v1/documents/{document_id}")).json()["status"] == "ready"
            await asyncio.sleep(0.1)
    return document


async def test_a_document_whose_server_is_killed_becomes_ready_whole(store_url: str) -> None:
    """Killed at a random moment behind its acknowledgement, each document is ready soon after the restart, with the chunks of
    one that nobody disturbed, each once, and is found."""
    moments = random.Random(11)
    async with serving(store_url, {"PALAVER_DEFAULT_MODEL": "offline"}) as server:
        async with httpx2.AsyncClient(base_url=server.url, timeout=60) as http:
            bot = await created(http, "/v1/bots", {"name": "Helper"})
            path = f"/v1/bots/{bot['id']}/documents"
            whole = await _settled(http, (await created(http, path, {"text": _handbook("colour")}))["id"])
            expected = [chunk["text"] for chunk in await _chunks(http, whole["id"])]
        for number in range(DOCUMENTS):
            async with httpx2.AsyncClient(base_url=server.url, timeout=60) as http:
                made = await created(http, path, {"text": _handbook("colour"), "title": f"Copy {number}"})
            await asyncio.sleep(moments.uniform(0, 1.2))
            await server.kill()
            await server.start()
            async with httpx2.AsyncClient(base_url=server.url, timeout=60) as http:
                document = await _settled(http, made["id"])
                assert (document["status"], document["ready_version"]) == ("ready", 1)
                assert [chunk["text"] for chunk in await _chunks(http, made["id"])] == expected
                asked = {"query": "colour of part 77", "k": 50}
                hits = (await http.post(f"/v1/bots/{bot['id']}/search", json=asked)).json()["hits"]
                assert made["id"] in {hit["chunk"]["document_id"] for hit in hits}
