"""Every embedding keeps the contract of ``embeddings/base.py``."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from palaver.embeddings.base import EmbeddingModel
from palaver.embeddings.langchain import LangChainEmbedding
from palaver.embeddings.openai import OpenAIEmbeddings
from palaver.embeddings.patience import EmbeddingPatience, PatientEmbedding
from palaver.embeddings.scripted import ScriptedEmbedding
from palaver.errors import ModelError
from palaver.testing import EmbeddingConformance
from peers.faulty import faulty, refuses
from peers.llama import Llama


class TestScripted(EmbeddingConformance):
    @pytest.fixture
    def embedding(self) -> EmbeddingModel:
        return ScriptedEmbedding()

    @pytest.fixture
    def failing(self) -> EmbeddingModel:
        return ScriptedEmbedding(failure=ModelError("It broke.", provider_text="the provider's own words"))


class TestPatient(EmbeddingConformance):
    @pytest.fixture
    def embedding(self) -> EmbeddingModel:
        return PatientEmbedding(ScriptedEmbedding(), EmbeddingPatience(texts_at_once=3))

    @pytest.fixture
    def failing(self) -> EmbeddingModel:
        failure = ModelError("It broke.", provider_text="the provider's own words")
        return PatientEmbedding(ScriptedEmbedding(failure=failure), EmbeddingPatience())


@pytest.mark.xdist_group("llama")
class TestOpenAI(EmbeddingConformance):
    @pytest.fixture
    async def embedding(self, embedder: Llama) -> AsyncIterator[EmbeddingModel]:
        server = OpenAIEmbeddings(embedder.base_url)
        yield PatientEmbedding(server.model("tiny"), EmbeddingPatience())
        await server.aclose()

    @pytest.fixture
    async def failing(self) -> AsyncIterator[EmbeddingModel]:
        async with faulty(refuses(500, "the provider's own words")) as seen:
            server = OpenAIEmbeddings(seen.base_url)
            yield server.model("tiny")
            await server.aclose()


class Broken(Embeddings):
    """A LangChain embedding that only knows how to block, and fails."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise ValueError("the provider's own words")

    def embed_query(self, text: str) -> list[float]:
        raise ValueError("the provider's own words")


class TestLangChain(EmbeddingConformance):
    @pytest.fixture
    def embedding(self) -> EmbeddingModel:
        return LangChainEmbedding(DeterministicFakeEmbedding(size=32))

    @pytest.fixture
    def failing(self) -> EmbeddingModel:
        return LangChainEmbedding(Broken())


class AsyncFake(Embeddings):
    """A LangChain embedding that awaits."""

    def __init__(self) -> None:
        self.inner = DeterministicFakeEmbedding(size=16)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise NotImplementedError

    def embed_query(self, text: str) -> list[float]:
        raise NotImplementedError

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.inner.embed_documents(texts)

    async def aembed_query(self, text: str) -> list[float]:
        return self.inner.embed_query(text)


class TestLangChainAsync(TestLangChain):
    @pytest.fixture
    def embedding(self) -> EmbeddingModel:
        return LangChainEmbedding(AsyncFake())
