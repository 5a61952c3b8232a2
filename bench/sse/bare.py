"""The floor for streams: a Starlette app that keeps nothing, sends frames like ours, and sleeps like a model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

_TURN_ID = "turn_0198c0de0000700080000000000000ab"


def frame(seq: int) -> bytes:
    """One event as Palaver frames it."""
    return f'id: {_TURN_ID}:{seq}\nevent: text.delta\ndata: {{"text":" word{seq}"}}\n\n'.encode()


async def _frames(count: int, delay_seconds: float) -> AsyncIterator[bytes]:
    for seq in range(count):
        if delay_seconds and seq:
            await asyncio.sleep(delay_seconds)
        yield frame(seq)


async def _stream(request: Request) -> StreamingResponse:
    count, delay = int(request.query_params["count"]), float(request.query_params.get("delay", "0"))
    return StreamingResponse(_frames(count, delay), media_type="text/event-stream")


app = Starlette(routes=[Route("/stream", _stream, methods=["GET", "POST"])])
