"""Every model keeps the contract of ``models/base.py``."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from palaver.errors import ModelError
from palaver.models.base import ChatModel
from palaver.models.langchain import LangChainModel
from palaver.models.offline import OfflineModel
from palaver.models.openai import OpenAIServer
from palaver.models.patience import Patience, PatientModel
from palaver.models.scripted import Pause, ScriptedModel
from palaver.testing.models import Endless, ModelConformance, SpeakingConformance
from peers.faulty import faulty, head, refuses, says
from peers.llama import Llama

FOR_EVER = ["word ", *[Pause(0.01), "word "] * 10_000]


class TestOffline(SpeakingConformance):
    @pytest.fixture
    def speaking(self) -> ChatModel:
        return OfflineModel()


class TestScripted(ModelConformance):
    @pytest.fixture
    def speaking(self) -> ChatModel:
        return ScriptedModel()

    @pytest.fixture
    def endless(self) -> Endless:
        model = ScriptedModel(FOR_EVER)

        async def until_closed() -> None:
            assert (model.open_streams, model.aborted) == (0, 1)

        return Endless(model, until_closed)

    @pytest.fixture
    def failing(self) -> ChatModel:
        return ScriptedModel(["Hel", ModelError("It broke.", code="provider_error")])


class TestPatient(TestScripted):
    @pytest.fixture
    def speaking(self) -> ChatModel:
        return PatientModel(ScriptedModel(), Patience())

    @pytest.fixture
    def endless(self) -> Endless:
        model = ScriptedModel(FOR_EVER)

        async def until_closed() -> None:
            assert (model.open_streams, model.aborted) == (0, 1)

        return Endless(PatientModel(model, Patience()), until_closed)

    @pytest.fixture
    def failing(self) -> ChatModel:
        return PatientModel(ScriptedModel([]), Patience())


@pytest.mark.xdist_group("llama")
class TestOpenAI(ModelConformance):
    @pytest.fixture
    async def speaking(self, reciter: Llama) -> AsyncIterator[ChatModel]:
        server = OpenAIServer(reciter.base_url)
        yield server.model("tiny")
        await server.aclose()

    @pytest.fixture
    async def endless(self) -> AsyncIterator[Endless]:
        async with faulty([head(), *[says("word "), 0.01] * 10_000]) as seen:
            server = OpenAIServer(seen.base_url)
            yield Endless(server.model("tiny"), seen.until_left)
            await server.aclose()

    @pytest.fixture
    async def failing(self) -> AsyncIterator[ChatModel]:
        async with faulty(refuses(500, "the provider's own words")) as seen:
            server = OpenAIServer(seen.base_url)
            yield server.model("tiny")
            await server.aclose()


class AsyncChat(BaseChatModel):
    """A LangChain model that streams by itself."""

    words: int = 5
    fails: bool = False
    _left: asyncio.Event = PrivateAttr(default_factory=asyncio.Event)

    @property
    def _llm_type(self) -> str:
        return "async"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        try:
            for _ in range(self.words):
                await asyncio.sleep(0)
                yield ChatGenerationChunk(message=AIMessageChunk(content="word "))
            if self.fails:
                raise ValueError("the provider's own words")
        finally:
            self._left.set()


class TestLangChainAsync(ModelConformance):
    @pytest.fixture
    def speaking(self) -> ChatModel:
        return LangChainModel(AsyncChat())

    @pytest.fixture
    def endless(self) -> Endless:
        chat = AsyncChat(words=1_000_000_000)
        return Endless(LangChainModel(chat), chat._left.wait)

    @pytest.fixture
    def failing(self) -> ChatModel:
        return LangChainModel(AsyncChat(fails=True))


class SyncChat(BaseChatModel):
    """A LangChain model that only knows how to block."""

    words: int = 5
    fails: bool = False
    _left: threading.Event = PrivateAttr(default_factory=threading.Event)

    @property
    def _llm_type(self) -> str:
        return "sync"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage("word "))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        try:
            for _ in range(self.words):
                yield ChatGenerationChunk(message=AIMessageChunk(content="word "))
            if self.fails:
                raise ValueError("the provider's own words")
        finally:
            self._left.set()


class TestLangChainSync(ModelConformance):
    @pytest.fixture
    def speaking(self) -> ChatModel:
        return LangChainModel(SyncChat())

    @pytest.fixture
    def endless(self) -> Endless:
        chat = SyncChat(words=1_000_000_000)

        async def until_closed() -> None:
            assert await asyncio.to_thread(chat._left.wait, 5)

        return Endless(LangChainModel(chat), until_closed)

    @pytest.fixture
    def failing(self) -> ChatModel:
        return LangChainModel(SyncChat(fails=True))
