"""An event loop in a thread of its own, for callers that block.

What is held is opened and closed by one task of that loop, and each stream is read by one task: what a task opened, the
same task closes. The thread is a daemon: a script that ends without ``close()`` ends. Whatever was acknowledged is
stored by then; a turn that was still running is what it is when a process dies: its text is kept, and the next process
that opens the store ends it.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator
from concurrent.futures import CancelledError, Future
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")
V = TypeVar("V")

LOOK_AHEAD = 16
"""How many items a stream may be ahead of its slow reader; then its source waits."""


class LooperClosed(RuntimeError):
    """A call on a hub that was closed, before or during the call."""


class Looper(Generic[T]):
    """Holds what an async context manager gives, in a background thread, until ``close``. Any thread may call it."""

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._opening = opening
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._opened: Future[T] = Future()
        self._ended: Future[BaseException | None] = Future()
        self._lock = threading.Lock()
        self._shut = False
        self._thread = threading.Thread(target=self._run, name="palaver-loop", daemon=True)
        self._thread.start()
        self.held = self._when_opened()

    def _when_opened(self) -> T:
        try:
            return self._opened.result()
        except KeyboardInterrupt:
            self.close()
            raise

    def _run(self) -> None:
        error: BaseException | None = LooperClosed("the loop of this hub died")
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                error = runner.run(self._outcome())
        finally:
            self._tell(error)

    async def _outcome(self) -> BaseException | None:
        holding = asyncio.create_task(self._hold(), name="palaver-hold")
        await asyncio.wait([holding])
        with self._lock:
            self._shut = True
        await asyncio.sleep(0)  # what was submitted before becomes tasks, which the runner cancels
        return holding.exception()

    def _tell(self, error: BaseException | None) -> None:
        if error is not None and not self._opened.done():
            self._opened.set_exception(error)
            error = None
        self._ended.set_result(error)

    async def _hold(self) -> None:
        async with self._opening() as held:
            self._opened.set_result(held)
            await self._closing.wait()

    def close(self) -> None:
        """Close what is held, then the loop. Calls that still wait raise ``LooperClosed``. May be called again."""
        self._refuse_own_thread()
        with suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()
        error = self._ended.result()
        if error is not None:
            raise error

    def wait(self, work: Coroutine[Any, Any, V]) -> V:
        """Run ``work`` on the loop and return its result. Ctrl-C while waiting cancels it.

        Raises:
            LooperClosed: The hub is closed, or was during the call.
        """
        future = self._submit(work)
        try:
            return future.result()
        except CancelledError:
            raise LooperClosed("this hub was closed") from None
        except BaseException:
            future.cancel()
            raise

    def _submit(self, work: Coroutine[Any, Any, V]) -> Future[V]:
        try:
            self._refuse_own_thread()
            with self._lock:
                if self._shut:
                    raise LooperClosed("this hub is closed")
                return asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:
            work.close()
            raise

    def _refuse_own_thread(self) -> None:
        if threading.current_thread() is self._thread:
            raise RuntimeError("a blocking hub can't be called from its own loop: use palaver.open there")

    def each(self, source: AsyncIterator[V]) -> Generator[V, None, None]:
        """Read an async generator to its end. Closing early closes the source before it returns."""
        stream = _Stream(cast("AsyncGenerator[V, None]", source))
        try:
            self.wait(stream.open())
            while batch := self.wait(stream.some()):
                yield from batch
        finally:
            self._leave(stream)

    def _leave(self, stream: _Stream[V]) -> None:
        if sys.is_finalizing():  # the interpreter ends with a stream left open: the loop's thread has stopped already
            return
        if threading.current_thread() is self._thread:  # the garbage collector found a forgotten stream here
            stream.cancel()
            return
        with suppress(LooperClosed):  # then the loop has closed the source
            self.wait(stream.close())


class _Stream(Generic[V]):
    """One async generator, read by one task. All methods run on the loop."""

    def __init__(self, source: AsyncGenerator[V, None]) -> None:
        self._source = source
        self._items: deque[V] = deque()
        self._room = asyncio.Semaphore(LOOK_AHEAD)
        self._news = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to read. The task is awaited by ``some`` at its end, and by ``close``."""
        self._reader = asyncio.create_task(self._read(), name="palaver-stream")

    async def _read(self) -> None:
        try:
            async with aclosing(self._source) as source:
                async for item in source:
                    await self._room.acquire()
                    self._items.append(item)
                    self._news.set()
        finally:
            self._news.set()

    async def some(self) -> list[V]:
        """Wait for the next items; none are left when there are none. Raises what the source raised, behind its items."""
        await self._news.wait()
        if not self._items and self._reader is not None:
            await self._reader
        batch = list(self._items)
        self._items.clear()
        for _ in batch:
            self._room.release()
        if self._reader is None or not self._reader.done():
            self._news.clear()
        return batch

    def cancel(self) -> None:
        """Let the reader close the source, without waiting for it."""
        if self._reader is not None:
            self._reader.cancel()

    async def close(self) -> None:
        """Close the source. What it raised and nobody asked for is dropped."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
