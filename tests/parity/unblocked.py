"""A blocking hub with await in front, so that one scenario runs on every kind of hub.

Each call runs in a thread of its own, as a caller that blocks would make it.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

from palaver.blocking import BlockingHub

_END = object()


class Unblocked:
    """Looks like ``surface.Hub``; every namespace and method is the blocking one's."""

    def __init__(self, hub: BlockingHub) -> None:
        self._hub = hub

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._hub, name)
        return _awaited(found) if callable(found) else _Namespace(found)


class _Namespace:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return _awaited(getattr(self._inner, name))


def _awaited(method: Callable[..., Any]) -> Callable[..., Any]:
    if "Generator" in str(inspect.signature(method).return_annotation):
        return lambda *args, **kwargs: _each(method(*args, **kwargs))
    return lambda *args, **kwargs: asyncio.to_thread(method, *args, **kwargs)


async def _each(reading: Generator[Any, None, None]) -> AsyncGenerator[Any, None]:
    try:
        while (each := await asyncio.to_thread(next, reading, _END)) is not _END:
            yield each
    finally:
        await asyncio.to_thread(reading.close)
