"""Event streams over real sockets: live, resumed, kept alive, left, cut."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import uvicorn

from palaver.models.scripted import ScriptedModel
from palaver.server.serve import DrainingServer
from server.frames import Frame, frames_of
from server.world import World, a_world

STREAM = {"Accept": "text/event-stream"}


@asynccontextmanager
async def listening(
    folder: Path, model: ScriptedModel, **settings: Any
) -> AsyncIterator[tuple[World, httpx2.AsyncClient]]:
    """A world that listens on a real port, and a client of that port."""
    async with a_world(folder, model, **settings) as world:
        config = uvicorn.Config(world.app, lifespan="off", log_config=None, ws="none", timeout_graceful_shutdown=1)
        server = DrainingServer(config, world.root)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            port = listener.getsockname()[1]
            async with asyncio.TaskGroup() as group:
                group.create_task(server._serve(sockets=[listener]))
                async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as http:
                    while not server.started:
                        await asyncio.sleep(0.01)
                    yield world, http
                server.should_exit = True


async def _until(stream: AsyncIterator[bytes], wanted: bytes) -> bytes:
    """Read until ``wanted`` was sent; return all that was read."""
    read = b""
    async for chunk in stream:
        read += chunk
        if wanted in read:
            return read
    raise AssertionError(f"{wanted!r} never came: {read!r}")


async def test_deltas_arrive_while_the_model_speaks(tmp_path: Path) -> None:
    """The first words are at the client before the model has said the last ones; then the stream ends by itself."""
    go_on = asyncio.Event()
    async with listening(tmp_path, ScriptedModel(["Hello", go_on, " there"])) as (world, http):
        path = f"/v1/conversations/{await world.conversation()}/messages"
        async with http.stream("POST", path, json={"text": "x"}, headers=STREAM) as response:
            chunks = response.aiter_bytes()
            read = await _until(chunks, b"Hello")
            go_on.set()
            read += b"".join([chunk async for chunk in chunks])
        frames = frames_of(read)
        assert [frame.event for frame in frames] == ["turn.accepted", "text.delta", "text.delta", "turn.completed"]
        assert [frame.data["text"] for frame in frames[1:3]] == ["Hello", " there"]


async def test_a_heartbeat_comes_before_the_first_word(tmp_path: Path) -> None:
    """A silent model's stream says that it is alive, at once after the turn was accepted and again."""
    go_on = asyncio.Event()
    async with listening(tmp_path, ScriptedModel([go_on, "x"]), limits={"heartbeat_seconds": 0.05}) as (world, http):
        path = f"/v1/conversations/{await world.conversation()}/messages"
        async with http.stream("POST", path, json={"text": "x"}, headers=STREAM) as response:
            chunks = response.aiter_bytes()
            read = await _until(chunks, b": ping\n\n: ping\n\n")
            go_on.set()
            read += b"".join([chunk async for chunk in chunks])
        assert [frame.event for frame in frames_of(read)] == ["turn.accepted", "text.delta", "turn.completed"]


async def test_leaving_does_not_stop_the_turn(tmp_path: Path) -> None:
    """A client that hangs up in mid-stream finds the whole answer later; its stream is let go of at once."""
    go_on = asyncio.Event()
    async with listening(tmp_path, ScriptedModel(["Hello", go_on, " there"])) as (world, http):
        path = f"/v1/conversations/{await world.conversation()}/messages"
        async with http.stream("POST", path, json={"text": "x"}, headers=STREAM) as response:
            await _until(response.aiter_bytes(), b"Hello")
        streams = world.app.state.serving.streams
        while streams.open:
            await asyncio.sleep(0.01)
        go_on.set()
        reply = await world.root.for_tenant().turns.wait(response.headers["location"].rpartition("/")[2])
        assert (reply.turn.status, reply.text) == ("completed", "Hello there")
        assert world.model.aborted == 0


async def test_leaving_a_plain_send_does_not_stop_the_turn(tmp_path: Path) -> None:
    """A client that gives up waiting for its 201 gets the same answer when it asks again with its key."""
    go_on = asyncio.Event()
    async with listening(tmp_path, ScriptedModel(["Hello", go_on, " there"])) as (world, http):
        path = f"/v1/conversations/{await world.conversation()}/messages"
        asked: dict[str, Any] = {"json": {"text": "x"}, "headers": {"Idempotency-Key": "k"}}
        waiting = asyncio.ensure_future(http.post(path, **asked))
        await world.model.wait_for_calls(1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        go_on.set()
        again = await http.post(path, **asked)
        assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
        assert again.json()["message"]["text"] == "Hello there"
        assert world.model.call_count == 1


async def test_a_stream_is_resumed_from_every_event(tmp_path: Path) -> None:
    """From any event on, by header or query, a reader gets exactly the bytes of the events it missed."""
    async with listening(tmp_path, ScriptedModel("One two three 🙂 four.")) as (world, http):
        turn = (await world.sent(await world.conversation()))["turn"]["id"]
        url = f"/v1/turns/{turn}/events"
        whole = (await http.get(url)).content
        parts = [part + b"\n\n" for part in whole.split(b"\n\n")[:-1]]
        for seen in range(len(parts) + 1):
            rest = b"".join(parts[seen:])
            assert (await http.get(f"{url}?after={seen}")).content == rest
            assert (await http.get(url, headers={"Last-Event-ID": f"{turn}:{seen}"})).content == rest


async def test_many_readers_get_the_same_bytes(tmp_path: Path) -> None:
    """Readers that join at different times of a running turn read the same events."""
    go_on = asyncio.Event()
    async with listening(tmp_path, ScriptedModel(["a", go_on, "b", "c"])) as (world, http):
        path = f"/v1/conversations/{await world.conversation()}/messages"
        begun = await http.post(path, json={"text": "x"}, headers={"Prefer": "respond-async"})
        url = begun.headers["location"] + "/events"

        async def read() -> list[Frame]:
            return frames_of((await http.get(url)).content)

        early = [asyncio.ensure_future(read()) for _ in range(5)]
        while world.app.state.serving.streams.open < 5:
            await asyncio.sleep(0.01)
        go_on.set()
        told = await asyncio.gather(*early)
        told.append(await read())
        assert all(each == told[0] for each in told)
        assert told[0][-1].event == "turn.completed"


async def test_a_queued_turn_tells_that_it_waits(tmp_path: Path) -> None:
    """A queued turn's stream begins with ``turn.queued`` and goes on to its own end."""
    go_on = asyncio.Event()
    async with listening(tmp_path, ScriptedModel([go_on, "first"], "second")) as (world, http):
        path = f"/v1/conversations/{await world.conversation()}/messages"
        await http.post(path, json={"text": "1"}, headers={"Prefer": "respond-async"})
        body = {"text": "2", "policy": "queue"}
        async with http.stream("POST", path, json=body, headers=STREAM) as response:
            chunks = response.aiter_bytes()
            read = await _until(chunks, b"turn.queued")
            go_on.set()
            read += b"".join([chunk async for chunk in chunks])
        frames = frames_of(read)
        assert [frame.event for frame in frames] == ["turn.queued", "turn.accepted", "text.delta", "turn.completed"]
        assert [frame.id.rpartition(":")[2] for frame in frames] == ["1", "2", "3", "4"]


async def test_a_drain_ends_open_streams_with_their_terminal_event(tmp_path: Path) -> None:
    """When the server is told to stop, an open stream gets ``turn.interrupted`` with ``shutdown``, then its end."""
    never = asyncio.Event()
    async with listening(tmp_path, ScriptedModel(["Hello", never])) as (world, http):
        path = f"/v1/conversations/{await world.conversation()}/messages"
        async with http.stream("POST", path, json={"text": "x"}, headers=STREAM) as response:
            chunks = response.aiter_bytes()
            read = await _until(chunks, b"Hello")
            await world.root.engine.drain()
            read += b"".join([chunk async for chunk in chunks])
        last = frames_of(read)[-1]
        assert (last.event, last.data["turn"]["reason"]) == ("turn.interrupted", "shutdown")
        assert last.data["message"]["text"] == "Hello"
