"""The background loop under the blocking hub."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from palaver.looper import LOOK_AHEAD, Looper, LooperClosed


class Source:
    """Counts, and notes which task read and closed it."""

    def __init__(self, upto: int, error: Exception | None = None) -> None:
        self.upto = upto
        self.error = error
        self.made = 0
        self.tasks: set[asyncio.Task[object] | None] = set()
        self.closed = threading.Event()

    async def items(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(self.upto):
                self.tasks.add(asyncio.current_task())
                self.made += 1
                yield number
            if self.error is not None:
                raise self.error
        finally:
            self.tasks.add(asyncio.current_task())
            self.closed.set()


@asynccontextmanager
async def resource(log: list[object]) -> AsyncIterator[str]:
    log.append(asyncio.current_task())
    yield "held"
    log.append(asyncio.current_task())


async def forever() -> AsyncGenerator[int, None]:
    await asyncio.Event().wait()
    yield 1


def test_what_is_held_is_opened_and_closed_by_one_task() -> None:
    """The context manager is entered and left by the same task, once, however often close is called."""
    log: list[object] = []
    looper = Looper(lambda: resource(log))
    assert looper.held == "held"
    looper.close()
    looper.close()
    assert len(log) == 2
    assert log[0] is log[1]


def test_an_opening_that_fails_raises_here() -> None:
    """What the opening raises is raised by the constructor, and no thread is left."""

    @asynccontextmanager
    async def broken() -> AsyncIterator[str]:
        raise OSError("no such store")
        yield ""

    before = threading.active_count()
    with pytest.raises(OSError, match="no such store"):
        Looper(broken)
    assert threading.active_count() == before


def test_a_stream_is_read_whole_by_one_task() -> None:
    """Every item arrives in order; the source is read and closed by one task."""
    looper = Looper(lambda: resource([]))
    source = Source(1000)
    assert list(looper.each(source.items())) == list(range(1000))
    assert len(source.tasks) == 1
    looper.close()


def test_an_error_comes_behind_the_items_before_it() -> None:
    """Items that precede an error are seen first; then the error itself is raised."""
    looper = Looper(lambda: resource([]))
    reading = looper.each(Source(3, KeyError("end")).items())
    assert [next(reading) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(KeyError):
        next(reading)
    looper.close()


def test_leaving_early_closes_the_source() -> None:
    """Closing the generator closes the source before close returns, and the source was never far ahead."""
    looper = Looper(lambda: resource([]))
    source = Source(10**6)
    reading = looper.each(source.items())
    assert next(reading) == 0
    reading.close()
    assert source.closed.is_set()
    assert source.made <= 2 * LOOK_AHEAD + 2
    looper.close()


def test_ctrl_c_ends_a_wait() -> None:
    """KeyboardInterrupt while a stream or a call waits is raised at once, and the hub stays usable."""
    looper = Looper(lambda: resource([]))
    for interrupted in (lambda: next(looper.each(forever())), lambda: looper.wait(asyncio.sleep(3600))):
        timer = threading.Timer(0.1, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        timer.join()
    assert looper.wait(asyncio.sleep(0, "fine")) == "fine"
    looper.close()


def test_many_threads_may_call() -> None:
    """Calls and streams from several threads at once all get their own answers."""
    looper = Looper(lambda: resource([]))
    answers: dict[int, list[int]] = {}

    def work(number: int) -> None:
        answers[number] = [looper.wait(asyncio.sleep(0, number)), *looper.each(Source(50).items())]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers == {number: [number, *range(50)] for number in range(8)}
    looper.close()


def test_close_ends_the_calls_of_other_threads() -> None:
    """A call and a stream that wait in other threads raise LooperClosed when the hub is closed; so do later ones."""
    looper = Looper(lambda: resource([]))
    errors: list[BaseException] = []
    begun = threading.Barrier(3)

    def call() -> None:
        begun.wait()
        with pytest.raises(LooperClosed) as caught:
            looper.wait(asyncio.sleep(3600))
        errors.append(caught.value)

    def read() -> None:
        begun.wait()
        with pytest.raises(LooperClosed) as caught:
            next(looper.each(forever()))
        errors.append(caught.value)

    threads = [threading.Thread(target=call), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    begun.wait()
    looper.close()
    for thread in threads:
        thread.join(10)
    assert len(errors) == 2
    with pytest.raises(LooperClosed):
        looper.wait(asyncio.sleep(0))


def test_a_call_from_the_loop_itself_is_refused() -> None:
    """A blocking call on the loop's own thread raises instead of waiting for itself for ever."""
    looper = Looper(lambda: resource([]))

    async def inside() -> None:
        looper.wait(asyncio.sleep(0))

    with pytest.raises(RuntimeError, match="own loop"):
        looper.wait(inside())
    looper.close()


def test_a_script_that_forgets_close_ends() -> None:
    """The interpreter exits though the loop was never closed and a stream is open."""
    script = (
        "import asyncio\nfrom contextlib import asynccontextmanager\nfrom palaver.looper import Looper\n"
        "@asynccontextmanager\nasync def held():\n    yield 1\n"
        "async def numbers():\n    n = 0\n    while True:\n        yield n\n        n += 1\n"
        "looper = Looper(held)\nstream = looper.each(numbers())\nprint(next(stream))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=True)
    assert (done.stdout, done.stderr) == ("0\n", "")
