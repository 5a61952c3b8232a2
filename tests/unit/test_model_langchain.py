"""LangChain models given in process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from palaver.conversation import Role
from palaver.errors import ModelError
from palaver.models.base import Ended, ImageData, Prompt, PromptMessage, ReasoningSaid, TextSaid, TokensCounted
from palaver.models.langchain import LangChainModel
from palaver.models.patience import Patience, PatientModel
from palaver.testing.models import failure_of, listen, question, text_of


class Chat(BaseChatModel):
    """Streams the chunks that it is given; an exception among them is raised."""

    chunks: tuple[Any, ...] = ()
    _given: list[tuple[list[BaseMessage], dict[str, Any]]] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "chunks"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        self._given.append((messages, kwargs))
        for chunk in self.chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield ChatGenerationChunk(
                message=chunk if isinstance(chunk, AIMessageChunk) else AIMessageChunk(content=chunk)
            )


class Whole(BaseChatModel):
    """Only knows ``_generate``, and takes until it is let go."""

    go: Any = None
    _done: threading.Event = PrivateAttr(default_factory=threading.Event)

    @property
    def _llm_type(self) -> str:
        return "whole"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        if self.go is not None:
            self.go.wait(5)
        self._done.set()
        usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
        message = AIMessage("All at once.", usage_metadata=usage)
        return ChatResult(generations=[ChatGeneration(message=message)])


class Pieces(Whole):
    """Blocks between its pieces."""

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        yield ChatGenerationChunk(message=AIMessageChunk(content="one "))
        self.go.wait(5)
        yield ChatGenerationChunk(message=AIMessageChunk(content="two"))
        self._done.set()


class AsyncWhole(Whole):
    """Knows ``_agenerate`` and no stream."""

    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        assert threading.current_thread() is threading.main_thread()
        return self._generate(messages)


async def test_text_reasoning_tokens_and_the_end() -> None:
    """Chunks become what was said: reasoning under all its names, tokens summed, the provider's own end."""
    chat = Chat(
        chunks=(
            AIMessageChunk(content=[{"type": "reasoning", "reasoning": "R1"}, {"type": "thinking", "thinking": "R2"}]),
            AIMessageChunk(content="", additional_kwargs={"reasoning_content": "R3"}),
            AIMessageChunk(content=[{"type": "text", "text": "He"}]),
            AIMessageChunk(content="llo", usage_metadata={"input_tokens": 5, "output_tokens": 1, "total_tokens": 6}),
            AIMessageChunk(content="", usage_metadata={"input_tokens": 0, "output_tokens": 2, "total_tokens": 2}),
            AIMessageChunk(content="", response_metadata={"finish_reason": "length"}),
        )
    )
    assert await listen(LangChainModel(chat), question("?")) == [
        ReasoningSaid("R1"),
        ReasoningSaid("R2"),
        ReasoningSaid("R3"),
        TextSaid("He"),
        TextSaid("llo"),
        TokensCounted(5, 3),
        Ended("length"),
    ]


async def test_the_prompt_is_passed_on_whole() -> None:
    """Instructions, history in its roles, images as data URLs and the parameters that were set."""
    chat = Chat(chunks=("ok",))
    messages = [
        PromptMessage(role=Role.USER, text="one"),
        PromptMessage(role=Role.ASSISTANT, text="two"),
        PromptMessage(role=Role.USER, text="three", images=(ImageData(content=b"\x01", media_type="image/png"),)),
    ]
    prompt = Prompt(instructions="Be kind.", messages=messages, params={"temperature": 0, "stop": ["x"], "seed": None})
    await listen(LangChainModel(chat), prompt)
    [(given, keywords)] = chat._given
    blocks = [
        {"type": "text", "text": "three"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AQ=="}},
    ]
    assert [type(message) for message in given] == [SystemMessage, HumanMessage, AIMessage, HumanMessage]
    assert [message.content for message in given] == ["Be kind.", "one", "two", blocks]
    assert keywords["temperature"] == 0
    assert "seed" not in keywords


class Refused(Exception):
    def __init__(self, status_code: int) -> None:
        super().__init__("the provider's own words")
        self.status_code = status_code


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (ValueError("the provider's own words"), "provider_error", False),
        (Refused(401), "provider_auth", False),
        (Refused(429), "provider_rate_limited", True),
        (Refused(503), "provider_error", True),
        (Refused(7), "provider_error", False),
    ],
)
async def test_what_it_raises_becomes_ours(error: Exception, code: str, retryable: bool) -> None:
    """Before the first delta an exception fails the turn by its status, where it has one; its words go to the log."""
    failure = await failure_of(LangChainModel(Chat(chunks=(error,))), question("?"))
    assert (failure.code, failure.retryable, failure.interrupts) == (code, retryable, False)
    assert "own words" in failure.provider_text
    assert "own words" not in str(failure)


async def test_what_it_raises_after_a_delta_keeps_the_text() -> None:
    """After a delta an exception interrupts the turn: ``disconnected_by_model``."""
    model = LangChainModel(Chat(chunks=("He", "llo\ud83d", ValueError("gone"))))
    async with model.stream(question("?")) as said:
        assert [await anext(said) for _ in range(3)] == [TextSaid("He"), TextSaid("llo"), TextSaid("\ufffd")]
        with pytest.raises(ModelError) as raised:
            await anext(said)
    assert (raised.value.code, raised.value.interrupts) == ("disconnected_by_model", True)


async def test_halves_of_characters_join() -> None:
    """A surrogate pair in two chunks is one character."""
    assert text_of(await listen(LangChainModel(Chat(chunks=("\ud83d", "\ude00"))), question("?"))) == "😀"


@pytest.mark.parametrize("kind", [Whole, AsyncWhole])
async def test_a_model_without_a_stream_answers_at_once(kind: type[Whole]) -> None:
    """What only knows a whole answer gives it in one piece, with its tokens; an asynchronous one without a thread."""
    said = await listen(LangChainModel(kind()), question("?"))
    assert said == [TextSaid("All at once."), TokensCounted(3, 4), Ended("stop")]


@pytest.mark.parametrize("kind", [Whole, Pieces])
async def test_a_synchronous_model_does_not_block_and_is_abandoned(kind: type[Whole]) -> None:
    """While it blocks the loop runs; leaving returns at once, and what it says later is not used."""
    go = threading.Event()
    chat = kind(go=go)
    reading = asyncio.ensure_future(listen(LangChainModel(chat), question("?")))
    await asyncio.sleep(0.05)
    assert not reading.done()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(reading, 1)
    go.set()
    if kind is Whole:
        assert await asyncio.to_thread(chat._done.wait, 5)


async def test_a_synchronous_model_that_hangs_is_stalled() -> None:
    """The time limits hold for it too: ``stalled``, its text kept."""
    go = threading.Event()
    model = PatientModel(LangChainModel(Pieces(go=go)), Patience(idle_seconds=0.1))
    failure = await failure_of(model, question("?"))
    assert (failure.code, failure.interrupts) == ("stalled", True)
    go.set()


async def test_a_synchronous_model_can_not_run_far_ahead() -> None:
    """A model that is faster than its reader waits for it: what is read slowly is not piled up in memory."""
    told = 0

    class Fast(Whole):
        def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
            nonlocal told
            for _ in range(100_000):
                told += 1
                yield ChatGenerationChunk(message=AIMessageChunk(content="x"))
            self._done.set()

    async with LangChainModel(Fast()).stream(question("?")) as said:
        for _ in range(10):
            await anext(said)
        await asyncio.sleep(0.1)
        assert told < 1000
