"""Answers in pieces, begun only once it is known that there is one."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing


async def begun(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Return the same pieces once the first of them is there: what it raises is raised here, before an answer has a status."""
    try:
        first = await anext(pieces, b"")
    except BaseException:
        await pieces.aclose()
        raise
    return _joined(first, pieces)


async def _joined(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first
        async for piece in rest:
            yield piece
