"""The hook that takes out of past conversations what a bot shall not learn."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeGuard

from palaver.given import Redact
from palaver.text import from_model


async def redacted(redact: Redact | None, texts: Sequence[str]) -> Sequence[str]:
    """Return what may be kept of the texts, in their order. A hook that does not await runs in a thread.

    What it raises goes through: then nothing may be used.
    """
    if redact is None:
        return texts
    if _awaits(redact):
        return [from_model(await redact(text)) for text in texts]
    return await asyncio.to_thread(_redacted, redact, texts)  # type: ignore[arg-type]  # what does not await


def _awaits(hook: Redact) -> TypeGuard[Callable[[str], Awaitable[str]]]:
    return inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(type(hook).__call__)


def _redacted(redact: Callable[[str], str], texts: Sequence[str]) -> Sequence[str]:
    return [from_model(redact(text)) for text in texts]
