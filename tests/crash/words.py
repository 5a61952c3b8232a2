"""A model's server that says ``word0 word1 …``, slowly, and remembers what it was asked and what became of it.

It speaks just enough of the OpenAI wire. It runs in the test's process, so it survives the kills of the server.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from palaver.models.scripted import words_text

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


@dataclass(slots=True)
class WordCall:
    """One call: the question it ended with, how many words were sent, and how it ended."""

    question: str
    deltas: int = 0
    ended: bool = False
    aborted: bool = False


@dataclass(slots=True)
class WordServer:
    """``talker`` of a question is its first word: the overlap is counted for each."""

    count: int
    delay_seconds: float
    port: int = 0
    calls: list[WordCall] = field(default_factory=list)
    max_overlap: int = 0
    _open: Counter[str] = field(default_factory=Counter)

    @property
    def text(self) -> str:
        """What a call says if it is let."""
        return words_text(self.count)

    @property
    def url(self) -> str:
        """The base URL of the provider."""
        return f"http://127.0.0.1:{self.port}/v1"

    def calls_of(self, question: str) -> list[WordCall]:
        """The calls whose prompt ended with this question."""
        return [call for call in self.calls if call.question == question]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection: one call."""
        try:
            call = WordCall(await _question(reader))
            self.calls.append(call)
            talker = call.question.partition(" ")[0]
            self._open[talker] += 1
            self.max_overlap = max(self.max_overlap, self._open[talker])
            try:
                await self._speak(call, reader, writer)
            finally:
                self._open[talker] -= 1
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _speak(self, call: WordCall, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = asyncio.ensure_future(reader.read())
        try:
            writer.write(_HEAD)
            for word in self.text.replace(" ", "\n ").split("\n"):
                writer.write(_chunk({"content": word}, None))
                await writer.drain()
                call.deltas += 1
                await asyncio.wait([left], timeout=self.delay_seconds)
                if left.done():
                    call.aborted = True
                    return
            writer.write(_chunk({}, "stop") + b"data: [DONE]\n\n")
            await writer.drain()
            call.ended = True
        except ConnectionError:
            call.aborted = True
        finally:
            left.cancel()


async def _question(reader: asyncio.StreamReader) -> str:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    body: dict[str, Any] = json.loads(await reader.readexactly(int(lines[b"content-length"])))
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _chunk(delta: dict[str, str], finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return (
        b"data: " + json.dumps({"id": "w", "object": "chat.completion.chunk", "choices": [choice]}).encode() + b"\n\n"
    )


@asynccontextmanager
async def word_server(*, count: int, delay_seconds: float) -> AsyncIterator[WordServer]:
    """Serve on a free port of the loopback."""
    words = WordServer(count, delay_seconds)
    server = await asyncio.start_server(words.answer, "127.0.0.1", 0)
    words.port = server.sockets[0].getsockname()[1]
    try:
        yield words
    finally:
        server.close()
