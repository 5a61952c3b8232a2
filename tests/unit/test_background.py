"""Loops that go on for as long as the process does."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from palaver.background import forever
from palaver.errors import StoreUnavailable


async def test_a_loop_that_waits_tries_often_and_says_so_once() -> None:
    """While the store is away a step is tried several times a second; the log has one line for it, not one a try."""
    tried = 0
    thrice = asyncio.Event()

    async def step() -> None:
        nonlocal tried
        tried += 1
        if tried == 3:
            thrice.set()
        raise StoreUnavailable("The database can't be reached.")

    with capture_logs() as said:
        loop = asyncio.create_task(forever("wakeups", step))
        await asyncio.wait_for(thrice.wait(), 5)
        loop.cancel()
    assert [(line["event"], line["loop"]) for line in said] == [("background_waits", "wakeups")]
