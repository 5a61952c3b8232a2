"""Calls that block, in a thread that may be abandoned."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_own_thread(call: Callable[[], T]) -> T:
    """Return what ``call`` returns. Who is cancelled leaves it behind: what it says later is not heard.

    It is a thread of its own, not the loop's pool: one that never ends must not take a place, nor hold up the exit.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def settle(settled: Callable[[], None]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(lambda: None if answer.done() else settled())

    def run() -> None:
        try:
            result = call()
        except Exception as error:  # noqa: BLE001  # carried over to the loop and raised there
            failure = error
            settle(lambda: answer.set_exception(failure))
        else:
            settle(lambda: answer.set_result(result))

    threading.Thread(target=run, name="palaver-embedding", daemon=True).start()
    return await answer
