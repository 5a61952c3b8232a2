"""SIGTERM: everyone is told how their turn ended, then the process leaves."""

from __future__ import annotations

import asyncio

import httpx2

from crash.journal import Frame, created, frames_of, make_conversation
from crash.process import serving


async def _stream(http: httpx2.AsyncClient, conversation_id: str, started: asyncio.Semaphore) -> list[Frame]:
    headers = {"Accept": "text/event-stream"}
    path = f"/v1/conversations/{conversation_id}/messages"
    frames = []
    async with http.stream("POST", path, json={"text": "Go on."}, headers=headers) as response:
        async for frame in frames_of(response):
            frames.append(frame)
            if frame.event == "text.delta" and len(frames) <= 3:
                started.release()
    return frames


async def test_a_drain_ends_every_stream_with_its_terminal_event(store_url: str) -> None:
    """On SIGTERM open streams get ``turn.interrupted`` with ``shutdown``, their text is kept, and the process exits 0 in 10 s."""
    streams = 20
    env = {"PALAVER_DEFAULT_MODEL": "scripted:words?count=10000&delay=0.02"}
    async with serving(store_url, env) as server:
        async with httpx2.AsyncClient(base_url=server.url, timeout=30) as http:
            bot = await created(http, "/v1/bots", {"name": "Helper"})
            ids = [await make_conversation(http, bot["id"]) for _ in range(streams)]
            started = asyncio.Semaphore(0)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(_stream(http, id_, started)) for id_ in ids]
                for _ in range(streams):
                    await started.acquire()
                seconds = await server.terminate()
        assert seconds < 10
        assert server.exit_code == 0, server.log
        await server.start()
        async with httpx2.AsyncClient(base_url=server.url, timeout=30) as http:
            for task in tasks:
                await _check(http, task.result())


async def _check(http: httpx2.AsyncClient, frames: list[Frame]) -> None:
    assert frames[-1].event == "turn.interrupted"
    turn_id = frames[-1].id.rpartition(":")[0]
    turn = (await http.get(f"/v1/turns/{turn_id}")).json()
    assert (turn["status"], turn["reason"]) == ("interrupted", "shutdown")
    history = (await http.get(f"/v1/conversations/{turn['conversation_id']}/messages")).json()["data"]
    assert history[1]["text"] == "".join(frame.text for frame in frames), "the text so far is kept"


async def test_a_queued_turn_is_told_of_the_shutdown(store_url: str) -> None:
    """A turn that waits in the queue when the server drains ends ``interrupted(shutdown)`` too: nothing stays open."""
    env = {"PALAVER_DEFAULT_MODEL": "scripted:words?count=10000&delay=0.02"}
    async with serving(store_url, env) as server:
        async with httpx2.AsyncClient(base_url=server.url, timeout=30) as http:
            bot = await created(http, "/v1/bots", {"name": "Helper"})
            path = f"/v1/conversations/{await make_conversation(http, bot['id'])}/messages"
            later = {"Prefer": "respond-async"}
            await http.post(path, json={"text": "one"}, headers=later)
            queued = await http.post(path, json={"text": "two", "policy": "queue"}, headers=later)
            assert queued.json()["turn"]["status"] == "queued"
        await server.terminate()
        await server.start()
        async with httpx2.AsyncClient(base_url=server.url, timeout=30) as http:
            turn = (await http.get(queued.headers["Location"])).json()
            assert (turn["status"], turn["reason"]) == ("interrupted", "shutdown")
