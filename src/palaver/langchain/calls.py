"""A call of either kind of hub, from code that blocks and from code that awaits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from palaver.blocking import BlockingHub
from palaver.surface import Hub

T = TypeVar("T")
AnyHub = Hub | BlockingHub
Work = Callable[[Hub], Coroutine[Any, Any, T]]


def block(hub: AnyHub, work: Work[T]) -> T:
    """Do something with a hub, and return when it is done.

    Raises:
        TypeError: The hub is one whose calls are awaited.
    """
    if isinstance(hub, BlockingHub):
        return hub.run(work)
    raise TypeError("This hub's calls are awaited: use the methods that begin with an a, or palaver.connect.")


async def wait(hub: AnyHub, work: Work[T]) -> T:
    """Do something with a hub, and wait until it is done."""
    if isinstance(hub, BlockingHub):
        return await asyncio.to_thread(hub.run, work)
    return await work(hub)
