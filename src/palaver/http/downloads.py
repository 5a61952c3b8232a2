"""Answers that are somebody's file: to be saved, never run or shown by a browser as a page of ours."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import Receive, Scope, Send


def download(content: bytes, *, name: str, media_type: str) -> Response:
    """Return a file. Whatever is in it, a browser saves it, does not guess its type and gives it no rights here."""
    return Response(content, headers=_headers(name, media_type))


def streamed(parts: AsyncGenerator[bytes], *, name: str, media_type: str) -> Response:
    """Return a file that is made while it is sent. See ``download``."""
    return _Streamed(parts, headers=_headers(name, media_type))


def _headers(name: str, media_type: str) -> dict[str, str]:
    return {
        "Content-Type": media_type,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-store",
    }


class _Streamed(Response):
    """Reads its parts in the task that sends them: a part is in memory, and one that can't be sent ends the reading."""

    def __init__(self, parts: AsyncGenerator[bytes], *, headers: dict[str, str]) -> None:
        super().__init__(headers=headers)
        del self.headers["content-length"]
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the answer."""
        async with aclosing(self._parts) as parts:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for part in parts:
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
