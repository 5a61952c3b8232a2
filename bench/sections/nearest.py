"""Search among 100,000 chunks of one bot: vectors against FAISS called directly, words, and both together."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from bench.library import Library, library
from bench.measure import interleaved, median
from bench.tables import Goal, Table, ms
from palaver.embeddings.base import packed
from palaver.embeddings.scripted import ScriptedEmbedding
from palaver.stores.knowledge_orders import ChunkQuery, VectorQuery
from palaver.tenant import DEFAULT_TENANT

CHUNKS = {"quick": 2_000, "default": 100_000, "full": 100_000}
DIMENSION = 384
EMBEDDING = f"scripted:{DIMENSION}"
QUESTION = "Which passage says word77 in the handbook?"
_DOCUMENT_CHUNKS = 2_000
_ROUNDS = 60
_K = 30


async def measure(folder: Path, *, scale: str) -> list[Table]:
    """Medians; one process, one question at a time, the embedding call excluded."""
    count = CHUNKS[scale]
    vectors = drawn(count)
    async with library(folder / "library.db", providers={"default_embedding": EMBEDDING}) as made:
        await fill(made, vectors)
        steps = await _steps(made, vectors)
        taken = await interleaved({name: [step] for name, step in steps.items()}, rounds=_ROUNDS, seconds_each=30)
    return [_table(count, {name: median(times) for name, times in taken.items()})]


def drawn(count: int) -> Any:
    """Return vectors drawn at random, the same each time."""
    import numpy as np

    return np.random.default_rng(7).normal(size=(count, DIMENSION)).astype("<f4")


async def fill(made: Library, vectors: Any) -> None:
    """Make documents ready, of one chunk a vector."""
    for start in range(0, len(vectors), _DOCUMENT_CHUNKS):
        chosen = [vector.tobytes() for vector in vectors[start : start + _DOCUMENT_CHUNKS]]
        texts = [
            f"passage {n} of the handbook says word{n % 997} and name{n}" for n in range(start, start + len(chosen))
        ]
        await made.add(texts, chosen, embedding=EMBEDDING)


def _table(count: int, medians: dict[str, float]) -> Table:
    over = medians["vectors, ours"] / min(seconds for name, seconds in medians.items() if "directly" in name)
    return Table(
        title=f"Search among {count:,} chunks of one bot, {DIMENSION} numbers a vector, ms",
        columns=("", "median"),
        rows=[(name, ms(seconds)) for name, seconds in medians.items()],
        note=f"n={_ROUNDS}, interleaved; the best {_K}. Ours: the revision asked for, FAISS, and every hit looked up in the store."
        " A whole search has its question's vector from memory.",
        goals=[
            Goal(text="vector search among 100,000, × FAISS called directly", measured=over, limit=1.3),
            Goal(
                text="a whole hybrid search among 100,000, ms",
                measured=medians["hybrid, the whole search"] * 1000,
                limit=15,
            ),
        ],
    )


async def _steps(made: Library, vectors: Any) -> dict[str, Any]:
    import faiss

    direct = faiss.IndexFlatIP(DIMENSION)
    normal = vectors.copy()
    faiss.normalize_L2(normal)
    direct.add(normal)
    asked = packed(vectors[11])
    query = VectorQuery(bot_id=made.bot.id, embedding=EMBEDDING, vector=asked, k=_K)

    def search_directly(threads: int) -> None:
        faiss.omp_set_num_threads(threads)
        direct.search(normal[11:12], _K)

    async def faiss_alone() -> None:
        await asyncio.to_thread(search_directly, 1)

    async def faiss_on_all_cores() -> None:
        await asyncio.to_thread(search_directly, os.cpu_count() or 1)

    async def ours() -> None:
        await made.indexes.vectors.search_vectors(DEFAULT_TENANT, query)

    async def words() -> None:
        await made.indexes.words.search_chunks(DEFAULT_TENANT, ChunkQuery(bot_id=made.bot.id, text=QUESTION, k=_K))

    async def hybrid() -> None:
        await made.texts(QUESTION, k=6)

    await ours()
    await ScriptedEmbedding(DIMENSION).embed([QUESTION])
    return {
        "vectors, FAISS directly, one core": faiss_alone,
        "vectors, FAISS directly, all cores": faiss_on_all_cores,
        "vectors, ours": ours,
        "words": words,
        "hybrid, the whole search": hybrid,
    }
