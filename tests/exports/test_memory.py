"""An export takes no more memory, however much there is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from palaver.conversation import Role
from palaver.stores.sqlite import SqliteStore
from palaver.testing import FakeClock
from palaver.testing.stores.making import TENANT, make_bot, make_conversation
from palaver.testing.stores.messages import appended

MESSAGES = 100_000
LIMIT_KB = 64 * 1024
CHILD = """
import asyncio, sys
from pathlib import Path
import palaver

STATUS = Path("/proc/self/status")

def held():
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1])

async def main():
    async with palaver.open(sys.argv[1]) as hub:
        async for part in hub.conversations.export_all(format=sys.argv[2], bot_id="bot_0"):
            pass  # what an export needs is imported now
        before = most = held()
        size = 0
        with Path(sys.argv[3]).open("wb") as file:
            async for part in hub.conversations.export_all(format=sys.argv[2]):
                size += file.write(part)
                most = max(most, held())
        print(most - before, size)

asyncio.run(main())
"""
"""What it holds is counted; what it sees of the store's file, which the system takes back when it likes, is not."""


async def _filled(path: Path) -> None:
    """Half of the messages are in one conversation, the others in a thousand."""
    store = SqliteStore(str(path), clock=FakeClock())
    await store.open()
    bot = await make_bot(store)
    for size in (MESSAGES // 2, *([MESSAGES // 2000] * 1000)):
        chat = await make_conversation(store, bot=bot)
        for begin in range(0, size, 1000):
            pairs = min(1000, size - begin) // 2
            lines = [(Role.USER, "What is that? " * 2), (Role.ASSISTANT, "It is *that*. " * 4)] * pairs
            await store.append_messages(TENANT, chat.id, appended(chat, *lines))
    await store.close()


@pytest.mark.slow
async def test_a_large_export_is_written_in_bounded_memory(tmp_path: Path) -> None:
    """100,000 messages, half of them in one conversation, as JSONL: at most 64 MB more than an export of nothing."""
    store = tmp_path / "large.db"
    await _filled(store)
    command = [sys.executable, "-c", CHILD, str(store), "jsonl", str(tmp_path / "file")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    more_kb, size = map(int, done.stdout.split())
    assert size > MESSAGES * 500
    assert more_kb <= LIMIT_KB
