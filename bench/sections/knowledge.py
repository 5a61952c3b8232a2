"""What a bot knows: a question as a person writes it, among a million chunks of one bot."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from bench.measure import interleaved, median
from bench.tables import Goal, Table, ms
from palaver.document import Chunk, DocumentSource
from palaver.ids import new_id
from palaver.stores.knowledge_orders import CHUNKS_AT_ONCE, ChunkQuery, DocumentDraft, Ingestion
from palaver.stores.orders import BotDraft
from palaver.stores.sqlite import SqliteStore
from palaver.tenant import DEFAULT_TENANT

CHUNKS = {"quick": 2_000, "default": 20_000, "full": 1_000_000}
_A_DOCUMENT = 1_000
_WORDS_A_CHUNK = 90
_QUESTIONS = 100
_WORDS = 120_000
_SYLLABLES = (
    "ba",
    "re",
    "ti",
    "mo",
    "lan",
    "der",
    "fi",
    "ko",
    "sun",
    "per",
    "tra",
    "vel",
    "ing",
    "or",
    "ent",
    "al",
    "is",
    "qu",
)
_FUNCTION_WORDS = (
    *(
        "the",
        "of",
        "and",
        "to",
        "in",
        "a",
        "is",
        "that",
        "it",
        "for",
        "on",
        "with",
        "as",
        "be",
        "at",
        "by",
        "this",
        "i",
        "not",
    ),
    *("you", "are", "or", "we", "an", "from", "have", "do", "how", "what", "my", "when", "your"),
)
_LEASE_SECONDS = 3600.0


class _Language:
    """Words whose frequencies fall as those of a language do: a few are in every sentence, most in few texts."""

    def __init__(self) -> None:
        self._random = random.Random(7)
        rest = {"".join(self._random.choices(_SYLLABLES, k=self._random.randint(2, 4))) for _ in range(_WORDS)}
        self._words = [*_FUNCTION_WORDS, *sorted(rest, key=lambda word: hashlib.sha256(word.encode()).digest())]
        self._weights = list(accumulate(1 / (rank + 2.7) ** 1.05 for rank in range(len(self._words))))

    def text(self) -> str:
        """Return a passage."""
        return " ".join(self._random.choices(self._words, cum_weights=self._weights, k=_WORDS_A_CHUNK))

    def question(self, passage: str) -> str:
        """Return a question that a passage answers: some of its words, and twice as many that say nothing."""
        telling = sorted(set(passage.split()) - set(_FUNCTION_WORDS))
        words = self._random.sample(telling, 4) + self._random.sample(_FUNCTION_WORDS, 8)
        self._random.shuffle(words)
        return " ".join(words)


async def measure(folder: Path, *, scale: str) -> list[Table]:
    """Fill one bot of a store, and ask it."""
    store = SqliteStore(folder / "knowledge.db")
    await store.open()
    bot = (await store.create_bot(DEFAULT_TENANT, BotDraft(id=new_id("bot"), name="bench", model="offline"))).value
    language = _Language()
    passages = await _fill(store, bot.id, language, CHUNKS[scale])
    queries = iter([ChunkQuery(bot_id=bot.id, text=language.question(passage), k=5) for passage in passages])

    async def ask() -> None:
        await store.search_chunks(DEFAULT_TENANT, next(queries))

    taken = await interleaved({"a question": [ask]}, rounds=_QUESTIONS, seconds_each=60)
    await store.close()
    return [_table(taken["a question"], CHUNKS[scale])]


async def _fill(store: SqliteStore, bot_id: str, language: _Language, count: int) -> Sequence[str]:
    """Make documents ready until there are so many chunks; return some of their texts, spread over all."""
    kept: list[str] = []
    for first in range(0, count, _A_DOCUMENT):
        draft = DocumentDraft(
            id=new_id("doc"),
            bot_id=bot_id,
            title="bench",
            source=DocumentSource.TEXT,
            media_type="text/plain",
            sha256="0" * 64,
        )
        await store.create_document(DEFAULT_TENANT, draft, b"")
        (claim,) = await store.claim_documents("bench", _LEASE_SECONDS, 1)
        for start in range(0, min(_A_DOCUMENT, count - first), CHUNKS_AT_ONCE):
            texts = [language.text() for _ in range(CHUNKS_AT_ONCE)]
            await store.put_chunks(claim, [_chunk(claim, start + number, text) for number, text in enumerate(texts)])
            kept += texts[:: max(1, count // _QUESTIONS // 4)]
        await store.publish_document(claim)
    return random.Random(1).sample(kept, 2 * _QUESTIONS)


def _chunk(claim: Ingestion, ordinal: int, text: str) -> Chunk:
    return Chunk(
        document_id=claim.document.id,
        version=claim.document.version,
        ordinal=ordinal,
        text=text,
        start=0,
        end=len(text),
        tokens=len(text) // 4,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def _table(times: Sequence[float], count: int) -> Table:
    return Table(
        title=f"A question of 12 words among {count:,} chunks of one bot, by words alone (SQLite), ms",
        columns=("", "median", "90th percentile"),
        rows=[("the best 5 chunks", ms(median(times)), ms(sorted(times)[int(len(times) * 0.9)]))],
        note=f"In process, n={len(times)}; chunks of {_WORDS_A_CHUNK} words, eight of the question's words are in most of them.",
        goals=[Goal(text="a question, ms", measured=median(times) * 1000, limit=20)],
    )
