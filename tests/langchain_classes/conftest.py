"""A hub that blocks, a bot in it that finds by vectors, and one that finds by words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding

import palaver
from palaver.blocking import BlockingHub
from palaver.bot import Bot


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[BlockingHub]:
    embeddings = {"fake": DeterministicFakeEmbedding(size=6)}
    with palaver.connect(str(tmp_path / "palaver.db"), embeddings=embeddings) as hub:
        yield hub


@pytest.fixture
def vector_bot(hub: BlockingHub) -> Bot:
    return hub.bots.create(name="Near", model="offline", retrieval={"embedding": "fake", "vector_weight": 1})


@pytest.fixture
def word_bot(hub: BlockingHub) -> Bot:
    return hub.bots.create(name="Words", model="offline")
