"""When a call that failed is tried again: the same rule for everything that a provider is asked."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from palaver.errors import ModelError

RETRY_AFTER_MAX_SECONDS = 60
BACKOFF_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pauses:
    """What is waited between two tries, and how.

    Attributes:
        chance: Returns a number of [0, 1) for the jitter.
        sleep: Waits so many seconds.
    """

    chance: Callable[[], float] = random.random
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def before_retry(self, error: ModelError, failures: int, retries: int) -> float | None:
        """Return how many seconds to wait before the next try, or None where there is none to be.

        The wait is exponential with full jitter, or what the provider asked for, up to a minute; a provider that asks for
        more is not waited for.

        Args:
            error: What the last try failed with; ``retryable`` says whether another one may help.
            failures: How many tries have failed, this one included.
            retries: Tries after the first one.
        """
        if not error.retryable or failures > retries:
            return None
        asked = error.retry_after_seconds
        if asked is None:
            return BACKOFF_SECONDS * 2.0 ** (failures - 1) * self.chance()
        return asked if asked <= RETRY_AFTER_MAX_SECONDS else None
