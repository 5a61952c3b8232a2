"""Embeddings by name, and what is asked of them at once."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import types
from typing import Any

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from palaver.embeddings.base import Purpose
from palaver.embeddings.catalog import KnownEmbeddings
from palaver.embeddings.patience import EmbeddingPatience, PatientEmbedding
from palaver.embeddings.scripted import ScriptedEmbedding
from palaver.errors import EmbeddingFailed, ModelError
from palaver.provider.addresses import Providers
from palaver.provider.retries import Pauses


def refusal_of(known: KnownEmbeddings, name: str) -> ModelError:
    with pytest.raises(ModelError) as failure:
        known.find(name)
    return failure.value


def test_there_is_none_by_default() -> None:
    """Whatever providers there are, an embedding is used only where one was named."""
    assert KnownEmbeddings(Providers(openai_api_key="k")).default_name() is None
    assert KnownEmbeddings(Providers(default_embedding="openai:x")).default_name() == "openai:x"


@pytest.mark.parametrize("name", ["", "mini", "openai:", "openai:x", "groq:x", "peer:x", "scripted:0", "scripted:x"])
def test_a_name_that_leads_nowhere_says_what_to_set(name: str) -> None:
    """It is ``provider_not_configured``."""
    assert refusal_of(KnownEmbeddings(), name).code == "provider_not_configured"


async def test_what_is_given_in_process_is_found_by_its_name() -> None:
    """Ours and LangChain's, before any provider; one that was added later, too."""
    given = {"ours": ScriptedEmbedding(8), "openai:x": ScriptedEmbedding(4)}
    known = KnownEmbeddings(embeddings=given)
    given["theirs"] = DeterministicFakeEmbedding(size=2)
    lengths = {name: len((await known.find(name).embed(["a"]))[0]) for name in given}
    assert lengths == {"ours": 32, "openai:x": 16, "theirs": 8}


def test_a_name_is_one_embedding() -> None:
    """Its dimension is remembered from one caller to the next."""
    known = KnownEmbeddings()
    assert known.find("scripted:8") is known.find("scripted:8")


async def test_a_batch_has_a_limit_of_texts_and_of_characters() -> None:
    """No call holds more than either limit, unless it is one text; order and number stay."""
    inner = ScriptedEmbedding()
    model = PatientEmbedding(inner, EmbeddingPatience(texts_at_once=3, characters_at_once=10))
    texts = ["a", "b", "c", "d", "e" * 9, "f", "g", "h" * 30, "i"]
    vectors = await model.embed(texts)
    assert inner.calls == [("a", "b", "c"), ("d", "e" * 9), ("f", "g"), ("h" * 30,), ("i",)]
    assert vectors == await ScriptedEmbedding().embed(texts)


async def test_waits_grow_and_end() -> None:
    """Two retries with growing waits, then the error."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    inner = ScriptedEmbedding(failure=ModelError("Away.", code="provider_unreachable", retryable=True))
    model = PatientEmbedding(inner, EmbeddingPatience(), Pauses(chance=lambda: 1.0, sleep=sleep))
    with pytest.raises(EmbeddingFailed):
        await model.embed(["a"])
    assert waits == [0.5, 1.0]


class Slow(Embeddings):
    """A LangChain embedding that blocks until it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.let_go.wait(10)
        return [[1.0] for _ in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


async def test_one_that_blocks_is_abandoned() -> None:
    """The loop goes on meanwhile, the time limit holds, and what comes later is not heard."""
    slow = Slow()
    known = KnownEmbeddings(embeddings={"slow": slow}, patience=EmbeddingPatience(query_seconds=0.05))
    with pytest.raises(EmbeddingFailed, match="in time"):
        await known.find("slow").embed(["?"], purpose=Purpose.QUERY)
    slow.let_go.set()
    await asyncio.sleep(0.05)


async def test_local_models_need_their_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without sentence-transformers the error says what to install."""
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(EmbeddingFailed) as failure:
        await KnownEmbeddings().find("sentence-transformers:x").embed(["a"])
    assert "pip install" in failure.value.message


async def test_local_models_are_loaded_once_from_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is downloaded, questions and documents are told apart, and a model that is not there is said so."""
    loaded: list[dict[str, Any]] = []

    class Numbers(list[list[float]]):
        def tolist(self) -> list[list[float]]:
            return self

    class Transformer:
        def __init__(self, name: str, **options: Any) -> None:
            if name == "missing":
                raise OSError("not in the cache")
            loaded.append(options)

        def encode_document(self, texts: list[str], **_: Any) -> Numbers:
            return Numbers([[1.0, 2.0] for _ in texts])

        def encode_query(self, texts: list[str], **_: Any) -> Numbers:
            return Numbers([[2.0, 1.0] for _ in texts])

    module = types.ModuleType("sentence_transformers")
    module.SentenceTransformer = Transformer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    model = KnownEmbeddings().find("sentence-transformers:/models/mini")
    documents, questions = await model.embed(["a", "b"]), await model.embed(["a"], purpose=Purpose.QUERY)
    assert (len(documents), documents[0] == questions[0]) == (2, False)
    assert loaded == [{"local_files_only": True}]
    with pytest.raises(EmbeddingFailed, match="'missing'"):
        await KnownEmbeddings().find("sentence-transformers:missing").embed(["a"])


def test_importing_the_catalog_imports_nothing_heavy() -> None:
    """Neither the HTTP client, LangChain, numpy nor torch is imported before an embedding needs it."""
    code = (
        "import sys, palaver.embeddings.catalog as c; c.KnownEmbeddings().find('scripted:8');"
        "print([n for n in ('httpx2', 'langchain_core', 'numpy', 'torch', 'faiss') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"
