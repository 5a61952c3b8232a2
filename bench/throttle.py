"""Processes that get less than a core: stopped for a part of each 10 ms or so, so that others have the machine meanwhile."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

_PERIOD_SECONDS = 0.01


@contextmanager
def held_to(share: float, pids: Sequence[int]) -> Iterator[None]:
    """Let each of these processes run for this share of the time."""
    with ExitStack() as stack:
        for pid in pids:
            stack.enter_context(_held(share, pid))
        yield


@contextmanager
def _held(share: float, pid: int) -> Iterator[None]:
    is_over = threading.Event()
    thread = threading.Thread(target=_hold, args=(share, pid, is_over))
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _hold(share: float, pid: int, is_over: threading.Event) -> None:
    while not is_over.is_set():
        period = random.uniform(0.5, 1.5) * _PERIOD_SECONDS  # so that two are not stopped in step
        time.sleep(period * share)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(period * (1 - share))
        os.kill(pid, signal.SIGCONT)
