"""How much somebody may do in a while."""

from __future__ import annotations

import pytest

from palaver.allowances import Allowances, Rate
from palaver.errors import RateLimited

MINUTE, HOUR = Rate(times=2, seconds=60), Rate(times=3, seconds=3_600)


class Time:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def refused(allowances: Allowances, *rates: Rate, owner: str = "ada") -> int:
    with pytest.raises(RateLimited) as caught:
        allowances.take(owner, *rates)
    assert caught.value.retry_after_seconds is not None
    return caught.value.retry_after_seconds


def test_no_more_than_each_rate_in_any_span() -> None:
    """What is refused says when it is not any more, and does not count; each owner has its own."""
    time = Time()
    allowances = Allowances(time)
    allowances.take("ada", MINUTE, HOUR)
    time.now += 20
    allowances.take("ada", MINUTE, HOUR)
    assert refused(allowances, MINUTE, HOUR) == 40
    allowances.take("bob", MINUTE, HOUR)
    time.now += 39.5
    assert refused(allowances, MINUTE, HOUR) == 1
    time.now += 0.5
    allowances.take("ada", MINUTE, HOUR)
    time.now += 100
    assert refused(allowances, MINUTE, HOUR) == 3_600 - 160


def test_another_rate_counts_what_was_done() -> None:
    """A widget whose limits are changed takes over who did how much."""
    allowances = Allowances(Time())
    for _ in range(3):
        allowances.take("ada", HOUR)
    assert refused(allowances, Rate(times=2, seconds=60)) == 60
    allowances.take("ada", Rate(times=4, seconds=60))
