"""Training a bot on its conversations: with nothing trained before, and with very much."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from bench.measure import Step, interleaved, median
from bench.tables import Goal, Table
from palaver.bot import Bot
from palaver.conversation import Role, TextPart
from palaver.document import Chunk
from palaver.ids import child_id, new_id
from palaver.stores.base import Store
from palaver.stores.knowledge_orders import Embedded, TrainingFilter
from palaver.stores.orders import AppendedMessage, BotDraft, ConversationDraft
from palaver.stores.sqlite import SqliteStore
from palaver.tenant import DEFAULT_TENANT
from palaver.training.means import Means
from palaver.training.trainer import Trainer

CHATS = {"quick": 50, "default": 1_000, "full": 10_000}
BEFORE = {"quick": 200, "default": 10_000, "full": 100_000}
_ROUNDS = 3
_AT_ONCE = 500
_WORDS = [f"word{number}" for number in range(5_000)]


class _NoVectors:
    async def embed(self, bot: Bot, chunks: Sequence[Chunk]) -> Embedded | None:
        return None


class _Classroom:
    """A bot on a store of its own, its conversations, and who trains it."""

    def __init__(self, store: Store, bot: Bot, seed: int) -> None:
        self.store = store
        self._bot = bot
        self._chance = random.Random(seed)
        self._trainer = Trainer(Means(store=store, embeds=_NoVectors()), owner="bench", lease_seconds=600)

    async def talk(self, chats: int) -> None:
        """Keep that many conversations, of one question and one answer each, many to a commit."""
        for start in range(0, chats, _AT_ONCE):
            await asyncio.gather(*[self._chat() for _ in range(min(_AT_ONCE, chats - start))])

    async def _chat(self) -> None:
        draft = ConversationDraft(id=new_id("conv"), bot_id=self._bot.id)
        await self.store.create_conversation(DEFAULT_TENANT, draft)
        turn_id = child_id("turn", draft.id)
        said = [(Role.USER, 8), (Role.ASSISTANT, 40)]
        messages = [self._message(draft.id, turn_id, role, words) for role, words in said]
        await self.store.append_messages(DEFAULT_TENANT, draft.id, messages)

    def _message(self, conversation_id: str, turn_id: str, role: Role, words: int) -> AppendedMessage:
        text = " ".join(self._chance.choices(_WORDS, k=words))
        return AppendedMessage(
            message_id=child_id("msg", conversation_id), turn_id=turn_id, role=role, parts=(TextPart(text=text),)
        )

    async def train(self) -> str:
        """Train on all that is new, and return the document's id."""
        begun = await self._trainer.start(DEFAULT_TENANT, TrainingFilter(bot_id=self._bot.id))
        assert begun is not None
        await self._trainer.step()
        return begun.id

    async def forget(self, document_id: str) -> None:
        """Take a run back, and remove what is left of it."""
        await self.store.delete_document(DEFAULT_TENANT, document_id)
        while await self.store.purge(deleted_before_seconds=0, limit=_AT_ONCE):
            pass


@asynccontextmanager
async def _classroom(home: Path, *, before: int, chats: int) -> AsyncIterator[_Classroom]:
    home.mkdir()
    store = SqliteStore(home / "palaver.db")
    await store.open()
    draft = BotDraft(id=new_id("bot"), name="bench", model="offline")
    classroom = _Classroom(store, (await store.create_bot(DEFAULT_TENANT, draft)).value, seed=before)
    if before:
        await classroom.talk(before)
        await classroom.train()
    await classroom.talk(chats)
    yield classroom
    await store.close()


async def _times(rooms: Mapping[str, _Classroom]) -> Mapping[str, list[float]]:
    trained: dict[str, str] = {}

    def step(name: str) -> Step:
        async def train() -> None:
            trained[name] = await rooms[name].train()

        return train

    taken: dict[str, list[float]] = {name: [] for name in rooms}
    for _ in range(_ROUNDS):
        once = await interleaved({name: [step(name)] for name in rooms}, rounds=1, seconds_each=0)
        for name, room in rooms.items():
            taken[name] += once[name]
            await room.forget(trained[name])
    return taken


async def measure(folder: Path, *, scale: str) -> list[Table]:
    """Time runs over the same number of new conversations, interleaved, each taken back before the next."""
    chats, before = CHATS[scale], BEFORE[scale]
    async with AsyncExitStack() as stack:
        rooms = {
            f"{count:,} trained before": await stack.enter_async_context(
                _classroom(folder / str(count), before=count, chats=chats)
            )
            for count in (0, before)
        }
        taken = {name: median(times) for name, times in (await _times(rooms)).items()}
    first, last = taken.values()
    table = Table(
        title=f"Training on {chats:,} new conversations, in a file",
        columns=("", "seconds", "conversations/s"),
        rows=[(name, f"{seconds:.2f}", f"{chats / seconds:,.0f}") for name, seconds in taken.items()],
        note=f"One question of 8 words and one answer of 40 each, no vectors; median of {_ROUNDS} runs, interleaved, each "
        "taken back and purged before the next.",
        goals=[
            Goal(text=f"training with {before:,} pairs trained before, × with none", measured=last / first, limit=1.2)
        ],
    )
    return [table]
