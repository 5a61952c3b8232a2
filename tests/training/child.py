"""A process that trains, and is killed when it is half done: ``child.py FILE BOT``."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from palaver.stores.sqlite import SqliteStore
from palaver.testing import FakeClock
from palaver.testing.stores.making import TENANT
from training.school import School

TEXTS_BEFORE_THE_END = 700


async def main(path: str, bot_id: str) -> None:
    clock = FakeClock()
    store = SqliteStore(path, clock=clock)
    await store.open()
    school = School(store, await store.get_bot(TENANT, bot_id), clock)
    seen = iter(range(10**9))

    def hook(text: str) -> str:
        if next(seen) == TEXTS_BEFORE_THE_END:
            os.kill(os.getpid(), signal.SIGKILL)
        return text

    await school.train(trainer=school.trainer(redact=hook, owner="child"))


asyncio.run(main(*sys.argv[1:]))
