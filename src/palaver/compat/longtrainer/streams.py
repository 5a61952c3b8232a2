"""An answer as it comes, for code that blocks, and from there for code that awaits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import suppress
from typing import Self

from palaver.blocking import BlockingHub
from palaver.compat.longtrainer.translate import cited
from palaver.events import Event
from palaver.results import unless_failed


class AnswerStream(Iterator[str]):
    """The texts of an answer, to be iterated over once. Leaving early does not stop it: the whole answer is kept.

    Attributes:
        sources: The titles of the documents that the answer cites, once it has ended; None before.

    Raises:
        TurnFailed: In its end, where the answer failed.
    """

    def __init__(self, hub: BlockingHub, events: Generator[Event, None, None]) -> None:
        self.sources: list[str] | None = None
        self._hub = hub
        self._events = events
        self._turn_id: str | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        """Return the next piece of text."""
        for event in self._events:
            if event.text:
                return event.text
            if "turn" in event.data:
                self._turn_id = event.data["turn"]["id"]
        if self._turn_id is not None:
            reply = unless_failed(self._hub.turns.wait(self._turn_id))
            self.sources, self._turn_id = cited(reply.citations), None
        raise StopIteration

    def close(self) -> None:
        """Read no further."""
        self._turn_id = None
        self._events.close()


async def awaited(stream: AnswerStream) -> AsyncGenerator[str, None]:
    """Yield the texts of a stream, which is read and closed in a thread of its own. Raises what the stream does."""
    loop = asyncio.get_running_loop()
    heard: asyncio.Queue[str | Exception | None] = asyncio.Queue()
    left = threading.Event()

    def tell(what: str | Exception | None) -> None:
        with suppress(RuntimeError):  # the loop was closed: nobody listens
            loop.call_soon_threadsafe(heard.put_nowait, what)

    def read() -> None:
        try:
            for text in stream:
                tell(text)
                if left.is_set():
                    break
            tell(None)
        except Exception as error:  # noqa: BLE001  # carried over to the loop and raised there
            tell(error)
        finally:
            stream.close()

    threading.Thread(target=read, name="palaver-answer", daemon=True).start()
    try:
        while (what := await heard.get()) is not None:
            if isinstance(what, Exception):
                raise what
            yield what
    finally:
        left.set()
