"""From a database thread back to the event loops: results are handed over in one wake-up a loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """What becomes of a future: a value, or an error."""

    future: asyncio.Future[Any]
    value: Any
    error: BaseException | None


def deliver(answers: Iterable[Answer]) -> None:
    """Settle futures, each in its own loop. A loop that is closed, or a caller that was cancelled, misses nothing."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Answer]] = {}
    for answer in answers:
        by_loop.setdefault(answer.future.get_loop(), []).append(answer)
    for loop, its_answers in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, its_answers)
        except RuntimeError:  # the loop was closed while we worked: nobody waits there
            continue


def _settle(answers: Iterable[Answer]) -> None:
    for future, value, error in answers:
        if future.done():
            continue
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)
