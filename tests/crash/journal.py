"""Clients that trust nobody: they write down what they sent, what was acknowledged and every byte that they saw.

They are written against the documented wire alone, not with our SDK, so that a fault of both sides can't cancel out.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

TERMINAL = ("turn.completed", "turn.interrupted", "turn.failed")
TIMEOUT = httpx2.Timeout(30.0)


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of a stream as it came: the three lines' contents."""

    id: str
    event: str
    data: str

    @property
    def seq(self) -> int:
        """The number behind the turn's id."""
        return int(self.id.rpartition(":")[2])

    @property
    def text(self) -> str:
        """The text of a delta."""
        return str(json.loads(self.data)["text"]) if self.event == "text.delta" else ""


@dataclass(slots=True)
class Entry:
    """One send: ``turn_id`` is known once it was acknowledged."""

    conversation_id: str
    key: str
    text: str
    turn_id: str | None = None
    frames: list[Frame] = field(default_factory=list)
    attempts: int = 0
    gone: list[str] = field(default_factory=list)
    """The texts that were seen when the place to go on from was gone (410); then it was read from its begin."""

    @property
    def ended(self) -> bool:
        """Whether the terminal event was seen."""
        return bool(self.frames) and self.frames[-1].event in TERMINAL

    @property
    def seen(self) -> str:
        """The text that was seen."""
        return "".join(frame.text for frame in self.frames)


async def frames_of(response: httpx2.Response) -> AsyncIterator[Frame]:
    """Yield the events of a stream; comments are passed over, an unfinished event is not there."""
    rest = b""
    async for piece in response.aiter_raw():
        *blocks, rest = (rest + piece).split(b"\n\n")
        for block in blocks:
            lines = dict(line.split(": ", 1) for line in block.decode("ascii").split("\n") if not line.startswith(":"))
            if lines:
                yield Frame(lines["id"], lines["event"], lines["data"])


class JournalClient:
    """Talks in one conversation, one send after the other, through every crash; each request goes to any of the servers.

    Where the database itself may crash, the place to go on from ``may_be_gone``.
    """

    def __init__(self, urls: Sequence[str], conversation_id: str, name: str, *, may_be_gone: bool = False) -> None:
        self._may_be_gone = may_be_gone
        self._urls = urls
        self._conversation_id = conversation_id
        self._name = name
        self._chance = random.Random(name)
        self.journal: list[Entry] = []
        self.unexpected: list[str] = []

    async def talk(self, stop: asyncio.Event) -> None:
        """Send until told to stop; the last send is followed to its end."""
        for number in itertools.count():
            if stop.is_set():
                return
            key = f"{self._name}-{number}"
            entry = Entry(self._conversation_id, key, f"{self._name} asks {number}")
            self.journal.append(entry)
            await self._see_through(entry)

    async def _see_through(self, entry: Entry) -> None:
        while not entry.ended:
            entry.attempts += 1
            try:
                async with httpx2.AsyncClient(base_url=self._chance.choice(self._urls), timeout=TIMEOUT) as http:
                    await (self._send(http, entry) if entry.turn_id is None else self._resume(http, entry))
            except httpx2.TransportError:
                await asyncio.sleep(0.05)

    async def _send(self, http: httpx2.AsyncClient, entry: Entry) -> None:
        path = f"/v1/conversations/{entry.conversation_id}/messages"
        headers = {"Idempotency-Key": entry.key, "Accept": "text/event-stream"}
        async with http.stream("POST", path, json={"text": entry.text}, headers=headers) as response:
            if response.status_code != 200:
                await self._refused(response)
                return
            entry.turn_id = response.headers["Location"].rpartition("/")[2]
            await self._read(response, entry)

    async def _resume(self, http: httpx2.AsyncClient, entry: Entry) -> None:
        path, seen = f"/v1/turns/{entry.turn_id}/events", entry.frames[-1].seq if entry.frames else 0
        by_header = bool(seen) and entry.attempts % 2 == 0
        headers = {"Last-Event-ID": entry.frames[-1].id} if by_header else {}
        params = {} if by_header else {"after": str(seen)}
        async with http.stream("GET", path, params=params, headers=headers) as response:
            if response.status_code == 410 and self._may_be_gone:
                entry.gone.append(entry.seen)
                entry.frames.clear()
                return
            if response.status_code != 200:
                await self._refused(response)
                return
            await self._read(response, entry)

    async def _read(self, response: httpx2.Response, entry: Entry) -> None:
        async for frame in frames_of(response):
            if entry.frames and frame.seq <= entry.frames[-1].seq:
                self.unexpected.append(f"{entry.key}: {frame.id} came after {entry.frames[-1].id}")
            entry.frames.append(frame)

    async def _refused(self, response: httpx2.Response) -> None:
        body = (await response.aread()).decode()
        if response.status_code != 503:
            self.unexpected.append(f"{response.status_code}: {body}")
        await asyncio.sleep(0.05)


async def conversed(
    urls: Sequence[str], count: int, fault: Callable[[], Awaitable[None]], *, may_be_gone: bool = False
) -> Sequence[JournalClient]:
    """Let clients talk, each in a conversation of its own, as long as the fault goes on; the last sends are seen through."""
    async with httpx2.AsyncClient(base_url=urls[0], timeout=TIMEOUT) as http:
        bot = await created(http, "/v1/bots", {"name": "Helper", "model": "words:any"})
        ids = [await make_conversation(http, bot["id"]) for _ in range(count)]
    clients = [JournalClient(urls, id_, f"client{each}", may_be_gone=may_be_gone) for each, id_ in enumerate(ids)]
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(client.talk(stop))
        await fault()
        stop.set()
    return clients


async def make_conversation(http: httpx2.AsyncClient, bot_id: str) -> str:
    """Create a conversation; return its id."""
    return str((await created(http, "/v1/conversations", {"bot_id": bot_id}))["id"])


async def created(http: httpx2.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """POST and return what was made."""
    response = await http.post(path, json=body)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


async def all_messages(http: httpx2.AsyncClient, conversation_id: str, limit: int) -> list[dict[str, Any]]:
    """Read a conversation's history page by page."""
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        params = {"limit": str(limit)} | ({"after": after} if after else {})
        page = (await http.get(f"/v1/conversations/{conversation_id}/messages", params=params)).json()
        found.extend(page["data"])
        after = page["next"]
        if after is None:
            return found
