"""How much somebody may do in a while: counted in this process, and forgotten when it ends."""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from palaver.errors import RateLimited

_OWNERS_MAX = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most ``times`` within any ``seconds``."""

    times: int
    seconds: int


class Allowances:
    """Remembers when each owner last did something. The owners that did nothing for longest are forgotten first.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._done: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, owner: str, *rates: Rate) -> None:
        """Note that an owner does it once more; an owner is always asked with the same rates.

        Raises:
            RateLimited: That would be more than one of the rates. It is not noted.
        """
        now = self._clock()
        most = max(rate.times for rate in rates)
        done = self._done.pop(owner, None) or deque(maxlen=most)
        self._done[owner] = done if done.maxlen == most else deque(done, maxlen=most)
        wait = max(_wait(self._done[owner], rate, now) for rate in rates)
        if wait > 0:
            raise RateLimited("That was too much at once. Wait a little.", retry_after_seconds=math.ceil(wait))
        self._done[owner].append(now)
        if len(self._done) > _OWNERS_MAX:
            self._done.popitem(last=False)


def _wait(done: deque[float], rate: Rate, now: float) -> float:
    """Return how many seconds are left until one more is not too much."""
    return 0.0 if len(done) < rate.times else done[-rate.times] + rate.seconds - now
