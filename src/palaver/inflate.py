"""Bodies of HTTP responses, decompressed a little at a time: a few bytes can become gigabytes, and the reader sets the limit."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2

INFLATE_BYTES = 64 * 1024
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


def encoding_of(response: httpx2.Response) -> str:
    """Return the content encoding that the response names; ``identity`` for none."""
    return response.headers.get("content-encoding", "").strip().lower() or "identity"


def can_inflate(response: httpx2.Response) -> bool:
    """Whether ``inflated`` can read the body."""
    return encoding_of(response) in ("identity", "gzip", "x-gzip", "deflate")


async def inflated(response: httpx2.Response) -> AsyncGenerator[bytes, None]:
    """Yield the body, in pieces of which a compressed one grows to ``INFLATE_BYTES`` at most.

    Raises ``zlib.error`` and what httpx2 raises.
    """
    inflater = None if encoding_of(response) == "identity" else zlib.decompressobj(_GZIP_OR_ZLIB)
    async with aclosing(response.aiter_raw()) as raw:
        async for some in raw:
            if inflater is None:
                yield some
                continue
            while some and not inflater.eof:
                yield inflater.decompress(some, INFLATE_BYTES)
                some = inflater.unconsumed_tail
                await asyncio.sleep(0)  # others have their turn in between
