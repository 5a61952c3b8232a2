"""Reading among many: the newest conversations, a page in the middle of a long one, a search."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.measure import interleaved, median
from bench.peers.ours import Ours
from bench.tables import Goal, Table, ms

CONVERSATIONS = {"quick": 500, "default": 100_000, "full": 100_000}
MESSAGES = {"quick": 1_000, "default": 100_000, "full": 100_000}
_ROUNDS = 100


async def measure(folder: Path, *, scale: str) -> list[Table]:
    """Median times in one process, on one store that holds all of it."""
    ours = Ours()
    await ours.open(str(folder))
    await ours.fill_conversations(CONVERSATIONS[scale])
    reads = await _reads(ours, MESSAGES[scale])
    taken = await interleaved({name: [step] for name, step in reads.items()}, rounds=_ROUNDS, seconds_each=5)
    await ours.close()
    rows = [(name, ms(median(times)), ms(sorted(times)[int(len(times) * 0.99)])) for name, times in taken.items()]
    table = Table(
        title=f"Reading among {CONVERSATIONS[scale]:,} conversations and {MESSAGES[scale]:,} messages in one of them, ms",
        columns=("", "median", "99th percentile"),
        rows=rows,
        note=f"In process, n={_ROUNDS}, through the hub: validation, the store, the values, the cursors.",
        goals=[Goal(text=f"{name}, ms", measured=median(times) * 1000, limit=5) for name, times in taken.items()],
    )
    return [table]


async def _reads(ours: Ours, messages: int) -> dict[str, Callable[[], Awaitable[None]]]:
    hub, bot_id = ours.hub, ours.bot_id
    long_id = await ours.filled(messages)
    middle = await ours.cursor_at(long_id, messages // 2)
    await hub.messages.append(long_id, [{"role": "user", "text": "Where is the needle?"}])

    async def newest() -> None:
        await hub.conversations.list(limit=20)

    async def newest_of_bot() -> None:
        await hub.conversations.list(limit=20, bot_id=bot_id)

    async def middle_page() -> None:
        await hub.messages.list(long_id, limit=50, after=middle)

    async def last_page() -> None:
        await hub.messages.list(long_id, limit=50, order="desc")

    async def rare_word() -> None:
        await hub.messages.search("needle", limit=20)

    async def common_word() -> None:
        await hub.messages.search("handbook", limit=20)

    return {
        "the newest 20 conversations": newest,
        "the newest 20 of a bot": newest_of_bot,
        "a page of 50 in the middle": middle_page,
        "the last page of 50": last_page,
        "a search, a rare word": rare_word,
        "a search, a word in every message": common_word,
    }
