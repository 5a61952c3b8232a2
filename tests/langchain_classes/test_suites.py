"""LangChain's own suites pass on our classes."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_tests.integration_tests import RetrieversIntegrationTests, VectorStoreIntegrationTests

from palaver.blocking import BlockingHub
from palaver.bot import Bot
from palaver.langchain import PalaverRetriever, PalaverVectorStore


class TestVectorStore(VectorStoreIntegrationTests):
    """``VectorStore``, from code that blocks and code that awaits."""

    @pytest.fixture
    def vectorstore(self, hub: BlockingHub, vector_bot: Bot) -> PalaverVectorStore:  # type: ignore[override]
        embeddings: Embeddings = self.get_embeddings()
        return PalaverVectorStore(hub, vector_bot.id, embeddings=embeddings)


class TestRetriever(RetrieversIntegrationTests):
    """``BaseRetriever``, with more documents than it is asked for."""

    @pytest.fixture(autouse=True)
    def _place(self, hub: BlockingHub, word_bot: Bot) -> None:
        self._params: dict[str, Any] = {"hub": hub, "bot_id": word_bot.id}
        for number in range(4):
            hub.documents.add(word_bot.id, text=f"Refunds of kind {number} take {number + 2} days.")

    @property
    def retriever_constructor(self) -> type[PalaverRetriever]:
        return PalaverRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return self._params

    @property
    def retriever_query_example(self) -> str:
        return "How long do refunds take?"
