"""Lists that are answered whole, of any length: read page by page while they are sent."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar

from palaver.compat.pieces import begun
from palaver.http.sse import Stream
from palaver.page import Page
from palaver.serving import Caller

T = TypeVar("T")
Fetch = Callable[[str | None], Awaitable[Page[T]]]
"""Returns the page behind a cursor; None: the first one."""

_HEADERS = {"Content-Type": "application/json"}


async def each(fetch: Fetch[T]) -> AsyncGenerator[T, None]:
    """Yield everything that is listed."""
    page = await fetch(None)
    while True:
        for item in page:
            yield item
        if page.next is None:
            return
        page = await fetch(page.next)


async def whole_list(caller: Caller, name: str, items: AsyncGenerator[Any, None]) -> Stream:
    """Answer ``{name: [items]}``. What the first item raises is raised here, before the answer begins."""
    caller.serving.streams.check()
    return Stream(
        await begun(_pieces(name, items)),
        slots=caller.serving.streams,
        headers=_HEADERS,
    )


async def _pieces(name: str, items: AsyncGenerator[Any, None]) -> AsyncGenerator[bytes, None]:
    comma = f'{{"{name}":['
    async with aclosing(items):
        async for item in items:
            yield (comma + json.dumps(item, separators=(",", ":"))).encode()
            comma = ","
    yield b"]}" if comma == "," else f"{comma}]}}".encode()
