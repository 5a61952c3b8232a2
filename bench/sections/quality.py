"""Whether what is asked for is found: 66 passages, each asked for in three ways.

*Natural* questions use words of the passage, *typo* ones misspell them, *paraphrased* ones avoid them. An embedding is
measured where the optional package of ``bench/minilm.py`` is installed; llama.cpp serves it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.library import Library, library
from bench.tables import Goal, Table

PASSAGES = Path(__file__).parent.parent / "passages.json"
KINDS = ("natural", "typo", "paraphrase")
ROOT = Path(__file__).parent.parent.parent


async def measure(folder: Path, *, scale: str) -> list[Table]:
    """Recall at 1 and at 5, by words alone and, where there is one, with an embedding."""
    passages = json.loads(PASSAGES.read_text(encoding="utf-8"))
    if scale == "quick":
        passages = passages[:10]
    rows, goals = [], []
    async with _ways(folder) as ways:
        for name, embedding in ways.items():
            recalls = await _recalls(folder / f"{len(rows)}.db", passages, embedding)
            rows.append((name, *(f"{one:.2f} / {five:.2f}" for one, five in recalls)))
            goals.append(
                Goal(text=f"natural questions found first, {name}", measured=recalls[0][0], limit=0.9, at_least=True)
            )
    table = Table(
        title=f"Recall at 1 / at 5 among {len(passages)} passages",
        columns=("", *KINDS),
        rows=rows,
        note="One question of each kind a passage. MiniLM (all-MiniLM-L6-v2) is measured where its optional package is installed.",
        goals=goals,
    )
    return [table]


@asynccontextmanager
async def _ways(folder: Path) -> AsyncIterator[Mapping[str, dict[str, Any]]]:
    from bench.minilm import minilm_folder, write_minilm

    weights = minilm_folder()
    if weights is None:
        yield {"by words": {}}
        return
    sys.path.insert(0, str(ROOT / "tests"))
    from peers.llama import llama

    model = folder / "minilm.gguf"
    write_minilm(weights, model)
    with llama(model, context=2048, embeds=True) as server:
        peer = {"named": {"peer": server.base_url}, "default_embedding": "peer:minilm"}
        yield {"by words": {}, "MiniLM alone": {**peer, "vector_weight": 1.0}, "MiniLM and words, 0.7 / 0.3": peer}


async def _recalls(path: Path, passages: Sequence[Mapping[str, str]], way: dict[str, Any]) -> list[tuple[float, float]]:
    weight = way.pop("vector_weight", 0.7)
    async with library(path, providers=way, retrieval={"vector_weight": weight}) as made:
        await made.add([passage["text"] for passage in passages])
        return [await _recall(made, passages, kind) for kind in KINDS]


async def _recall(made: Library, passages: Sequence[Mapping[str, str]], kind: str) -> tuple[float, float]:
    first = among = 0
    for passage in passages:
        found = await made.texts(passage[kind], k=5)
        first += found[:1] == [passage["text"]]
        among += passage["text"] in found
    return first / len(passages), among / len(passages)
