"""The real model servers, started once in a test run where a test asks for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from peers.gguf_files import write_eye, write_random, write_reciter
from peers.llama import Llama, llama


@pytest.fixture(scope="session")
def reciter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    """A server whose model recites ``SENTENCE``, with room for 4,096 tokens."""
    model = tmp_path_factory.mktemp("reciter") / "model.gguf"
    write_reciter(model)
    with llama(model, context=4096) as server:
        yield server


@pytest.fixture(scope="session")
def babbler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    """A server whose model sees images and babbles without end, for 10 seconds or more where nobody stops it."""
    folder = tmp_path_factory.mktemp("babbler")
    write_random(folder / "model.gguf")
    write_eye(folder / "eye.gguf")
    with llama(folder / "model.gguf", context=32_768, eye=folder / "eye.gguf") as server:
        yield server


@pytest.fixture(scope="session")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    """A server whose model has random weights and embeds: the same text always the same, with 64 numbers."""
    model = tmp_path_factory.mktemp("embedder") / "model.gguf"
    write_random(model)
    with llama(model, context=4096, embeds=True) as server:
        yield server
