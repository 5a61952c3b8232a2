"""Loops that go on for as long as the process does."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

import structlog

from palaver.errors import Unavailable

_log = structlog.get_logger("palaver.background")
_BREATH_SECONDS = 0.25
_SAID_SECONDS = 10.0  # a store that is away for an hour is not worth a line for every breath


async def forever(name: str, step: Callable[[], Awaitable[object]], *, pause_seconds: float = 0.0) -> None:
    """Do ``step`` again and again, with a pause between two; a step that fails is logged and done again."""
    said_at = -math.inf
    while True:
        # One of the three places that catch everything: a loop that dies would leave turns running for good.
        try:
            await step()
        except Unavailable as error:
            if time.monotonic() >= said_at + _SAID_SECONDS:
                _log.warning("background_waits", loop=name, code=error.code)
                said_at = time.monotonic()
            await asyncio.sleep(_BREATH_SECONDS)
        except Exception:  # noqa: BLE001
            _log.exception("background_broke", loop=name)
            await asyncio.sleep(_BREATH_SECONDS)
        if pause_seconds:
            await asyncio.sleep(pause_seconds)
