"""When a call that failed is tried again: the same rule for everything that a provider is asked."""

from __future__ import annotations

import random
from collections.abc import Callable

from palaver.errors import ModelError

RETRY_AFTER_MAX_SECONDS = 60
BACKOFF_SECONDS = 0.5


def pause_before_retry(
    error: ModelError, failures: int, *, retries: int, chance: Callable[[], float] = random.random
) -> float | None:
    """Return how many seconds to wait before the next try, or None where there is none to be.

    The wait is exponential with full jitter, or what the provider asked for, up to a minute; a provider that asks for
    more is not waited for.

    Args:
        error: What the last try failed with; ``retryable`` says whether another one may help.
        failures: How many tries have failed, this one included.
        retries: Tries after the first one.
        chance: Returns a number of [0, 1) for the jitter.
    """
    if not error.retryable or failures > retries:
        return None
    asked = error.retry_after_seconds
    if asked is None:
        return BACKOFF_SECONDS * 2.0 ** (failures - 1) * chance()
    return asked if asked <= RETRY_AFTER_MAX_SECONDS else None
