"""What retrieval adds to the time to the first token: a turn of a bot with 100,000 chunks, and the same without any."""

from __future__ import annotations

import random
import time
from contextlib import aclosing
from pathlib import Path

from bench.library import library
from bench.measure import median
from bench.sections.nearest import CHUNKS, DIMENSION, EMBEDDING, QUESTION, drawn, fill
from bench.tables import Goal, Table, ms
from palaver.config import Settings
from palaver.events import EventType
from palaver.hub import HubRoot, LocalHub
from palaver.models.scripted import Pause, ScriptedModel

_ROUNDS = {"quick": 5, "default": 100, "full": 300}
_MODEL = "bench"


async def measure(folder: Path, *, scale: str) -> list[Table]:
    """Medians, interleaved: of turns that a hub runs, from the send to the first word of the model, which answers at once."""
    count = CHUNKS[scale]
    path = folder / "library.db"
    async with library(path, providers={"default_embedding": EMBEDDING}) as made:
        await fill(made, drawn(count))
    settings = Settings(store=f"sqlite:///{path}", default_embedding=EMBEDDING)
    async with HubRoot.open(settings, models={_MODEL: ScriptedModel(["Word77", Pause(0.03), " is there."])}) as root:
        hub = root.for_tenant()
        await hub.bots.update(made.bot.id, model=_MODEL)
        unread = await hub.bots.create(name="without", model=_MODEL)
        return [_table(count, *await _medians(hub, (unread.id, made.bot.id), rounds=_ROUNDS[scale]))]


async def _medians(hub: LocalHub, bot_ids: tuple[str, str], *, rounds: int) -> list[float]:
    taken: dict[str, list[float]] = {bot_id: [] for bot_id in bot_ids}
    shuffled = list(bot_ids)
    for _ in range(rounds + 1):
        random.shuffle(shuffled)
        for bot_id in shuffled:
            taken[bot_id].append(await _first_token_seconds(hub, bot_id))
    return [median(seconds[1:]) for seconds in taken.values()]  # the first one reads what is then kept in memory


async def _first_token_seconds(hub: LocalHub, bot_id: str) -> float:
    chat = await hub.conversations.create(bot_id)
    begun, first = time.perf_counter(), 0.0
    async with aclosing(hub.messages.stream(chat.id, QUESTION)) as events:
        async for event in events:
            if event.type == EventType.TEXT_DELTA and not first:
                first = time.perf_counter()
    return first - begun


def _table(count: int, without: float, knowing: float) -> Table:
    return Table(
        title=f"From a send to the first token, of a bot with {count:,} chunks ({DIMENSION} numbers a vector) and of one with none, ms",
        columns=("", "median"),
        rows=[
            ("without documents", ms(without)),
            ("with words and vectors searched", ms(knowing)),
            ("added by retrieval", ms(knowing - without)),
        ],
        note="In process, through the hub, the turn stored in the same file; each in a conversation of its own, interleaved. "
        "The question's vector is known; the model answers at once.",
        goals=[
            Goal(
                text="the first token, ms that retrieval adds among 100,000 chunks",
                measured=(knowing - without) * 1000,
                limit=15,
            )
        ],
    )
