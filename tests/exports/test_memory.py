"""An export takes no more memory, however much there is."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from palaver.bot import Bot
from palaver.conversation import Role
from palaver.exports.base import Format
from palaver.stores.base import Store
from palaver.stores.open import store_for
from palaver.testing.stores.making import TENANT, make_bot, make_conversation
from palaver.testing.stores.messages import appended

MESSAGES = 100_000
LIMIT_KB = 64 * 1024
SHORT = ("What is that? " * 2, "It is *that*. " * 4)
LONG = "It is *that*. " + "on and on " * 400
"""4,000 characters."""
FEW, TIMES = 400, 4
"""Long messages of one bot, more than are read at once, and how many times as many another one has."""
MORE_BYTES = FEW * (TIMES - 1) * len(LONG)
NOISE_KB = MORE_BYTES // 2 // 1024
"""Half of what is said more: an export that held it all at once would hold more than that, in any form."""
CHILD = """
import asyncio, ctypes, gc, json, sys
from pathlib import Path
import palaver

STATUS = Path("/proc/self/status")

def held():
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1])

async def taken(hub, format, **of):
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what an export before this one let go of is no room for this one
    before, most, size = held(), 0, 0
    with Path(sys.argv[2]).open("wb") as file:
        async for part in hub.conversations.export_all(format=format, **of):
            size += file.write(part)
            most = max(most, held() - before)
    return most, size

async def main():
    told = []
    async with palaver.open(sys.argv[1]) as hub:
        for format, *bots in json.loads(sys.argv[3]):
            await taken(hub, format, bot_id="bot_0")  # what an export needs is imported now
            told.append([await taken(hub, format, bot_id=bot) for bot in bots])
    print(json.dumps(told))

asyncio.run(main())
"""
"""What it holds is counted; what it sees of the store's file, which the system takes back when it likes, is not."""


async def talk(store: Store, bot: Bot, size: int, *said: str) -> None:
    """A conversation of so many messages: what is said, a question and its answer, again and again."""
    chat = await make_conversation(store, bot=bot)
    for begin in range(0, size, 1_000):
        lines = list(zip((Role.USER, Role.ASSISTANT), said, strict=True)) * (min(1_000, size - begin) // 2)
        await store.append_messages(TENANT, chat.id, appended(chat, *lines))


async def many(store: Store) -> str:
    """Half of the messages are in one conversation, the others in a thousand. Returns the id of their bot."""
    bot = await make_bot(store)
    await talk(store, bot, MESSAGES // 2, *SHORT)
    for _ in range(20):
        await asyncio.gather(*(talk(store, bot, MESSAGES // 2_000, *SHORT) for _ in range(50)))
    return bot.id


async def few(store: Store) -> list[str]:
    """Two bots with long messages, half of them in one conversation, the others in ten. Returns their ids, the one with fewer first."""
    bots = [await make_bot(store), await make_bot(store)]
    for bot, size in zip(bots, (FEW, FEW * TIMES), strict=True):
        await asyncio.gather(*(talk(store, bot, each, LONG, LONG) for each in (size // 2, *([size // 20] * 10))))
    return [bot.id for bot in bots]


def exported(url: str, folder: Path, *asked: list[str]) -> list[list[tuple[int, int]]]:
    """Export in a process of its own: formats, each with bots. Returns how much more each export held, in KB, and its bytes."""
    command = [sys.executable, "-c", CHILD, url, str(folder / "file"), json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    told: list[list[tuple[int, int]]] = json.loads(done.stdout)
    return told


@pytest.mark.slow
async def test_a_large_export_is_written_in_bounded_memory(tmp_path: Path) -> None:
    """100,000 messages, half of them in one conversation, as JSONL: at most 64 MB more than an export of nothing."""
    url = str(tmp_path / "large.db")
    store = store_for(url, pool_size=1)
    await store.open()
    bot_id = await many(store)
    await store.close()
    (((more_kb, size),),) = exported(url, tmp_path, [Format.JSONL, bot_id])
    assert size > MESSAGES * 500
    assert more_kb <= LIMIT_KB


async def _compared(url: str, folder: Path, *formats: Format) -> None:
    """Export a few messages, and four times as many: the latter take no more memory than the former took the second time."""
    store = store_for(url, pool_size=4)
    await store.open()
    less, more = await few(store)
    await store.close()
    told = exported(url, folder, *([each, less, less, more] for each in formats))
    for each, (_, (less_kb, short), (more_kb, long)) in zip(formats, told, strict=True):
        assert long - short >= MORE_BYTES, each
        assert more_kb - less_kb <= NOISE_KB, each


@pytest.mark.slow
async def test_each_format_is_written_in_the_same_memory(tmp_path: Path) -> None:
    """Four times as much that was said takes no more."""
    await _compared(str(tmp_path / "long.db"), tmp_path, *Format)


@pytest.mark.slow
@pytest.mark.parametrize("store_url", ["postgres", "redis"], indirect=True)
async def test_each_store_is_read_in_the_same_memory(store_url: str, tmp_path: Path) -> None:
    """Four times as much that was said takes no more."""
    await _compared(store_url, tmp_path, Format.JSONL)
