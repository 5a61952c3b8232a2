"""Loops that go on for as long as the process does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from palaver.errors import Unavailable

_log = structlog.get_logger("palaver.background")
_BREATH_SECONDS = 0.25


async def forever(name: str, step: Callable[[], Awaitable[object]], *, pause_seconds: float = 0.0) -> None:
    """Do ``step`` again and again, with a pause between two; a step that fails is logged and done again."""
    while True:
        # One of the three places that catch everything: a loop that dies would leave turns running for good.
        try:
            await step()
        except Unavailable as error:
            _log.warning("background_waits", loop=name, code=error.code)
            await asyncio.sleep(_BREATH_SECONDS)
        except Exception:  # noqa: BLE001
            _log.exception("background_broke", loop=name)
            await asyncio.sleep(_BREATH_SECONDS)
        if pause_seconds:
            await asyncio.sleep(pause_seconds)
