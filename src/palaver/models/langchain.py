"""Any LangChain ``BaseChatModel`` that is given in process.

LangChain has no end marker: the normal end of its iteration is taken for one. A model that only knows ``_generate`` or
``_stream`` runs in a thread, and a thread can't be stopped: when the call is aborted the model is abandoned, and nothing
that it says later is used. Images go as ``image_url`` blocks with data URLs, which LangChain's models agree on.
"""

from __future__ import annotations

import asyncio
import threading
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

from palaver.conversation import Role
from palaver.errors import ModelError
from palaver.models.base import Ended, Prompt, PromptMessage, ReasoningSaid, Said, TextSaid, TokensCounted
from palaver.models.halves import Joiner
from palaver.models.patience import disconnected
from palaver.provider.refusals import foreign_failure

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessageChunk, BaseMessage

_CHUNKS_AHEAD = 256
"""How many chunks a synchronous model may be ahead of its reader, so that memory is bounded."""
_LOOK_UP_SECONDS = 0.25
"""How often a synchronous model that is too far ahead looks whether it was abandoned."""
_PARAMS = ("temperature", "top_p", "max_tokens", "seed", "stop", "presence_penalty", "frequency_penalty")


class LangChainModel:
    """A LangChain model as ours. A bot's parameters are passed on as keyword arguments, where it sets any."""

    has_vision = True

    def __init__(self, chat_model: BaseChatModel) -> None:
        self._chat_model = chat_model

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Said]]:
        """Call the model; an asynchronous one is cancelled when the context is left, a synchronous one abandoned.

        Raises:
            ModelError: By the status of the provider's error where it has one; else ``provider_error`` before the
                first delta and ``disconnected_by_model`` after it.
        """
        said = _said(self._chat_model, prompt)
        async with aclosing(said):
            yield said


async def _said(chat_model: BaseChatModel, prompt: Prompt) -> AsyncGenerator[Said, None]:
    answer = _Answer()
    chunks = (_astream if _is_async(chat_model) else _threaded)(chat_model, prompt)
    try:
        async with aclosing(chunks):
            async for chunk in chunks:
                for said in answer.read(chunk):
                    yield said
    except ModelError:
        raise
    except Exception as error:  # noqa: BLE001  # a foreign model may raise anything: the edge where it becomes ours
        for said in answer.cut():
            yield said
        raise answer.failure(error) from None
    for said in answer.end():
        yield said


class _Answer:
    """Reads the chunks of one answer."""

    def __init__(self) -> None:
        self._spoke = False
        self._finish_reason = "stop"
        self._given_tokens = 0
        self._made_tokens = 0
        self._text = Joiner()
        self._reasoning = Joiner()

    def read(self, chunk: AIMessageChunk) -> Iterator[Said]:
        for thought in _thoughts(chunk):
            if joined := self._reasoning.add(thought):
                self._spoke = True
                yield ReasoningSaid(joined)
        if joined := self._text.add(str(chunk.text)):
            self._spoke = True
            yield TextSaid(joined)
        reason = chunk.response_metadata.get("finish_reason") or chunk.response_metadata.get("stop_reason")
        self._finish_reason = str(reason or self._finish_reason)
        if chunk.usage_metadata:  # chunks carry what was added, and are summed
            self._given_tokens += chunk.usage_metadata["input_tokens"]
            self._made_tokens += chunk.usage_metadata["output_tokens"]

    def cut(self) -> Iterator[Said]:
        if rest := self._reasoning.end():
            yield ReasoningSaid(rest)
        if rest := self._text.end():
            yield TextSaid(rest)

    def end(self) -> Iterator[Said]:
        yield from self.cut()
        if self._given_tokens or self._made_tokens:
            yield TokensCounted(self._given_tokens, self._made_tokens)
        yield Ended(self._finish_reason)

    def failure(self, error: Exception) -> ModelError:
        failure = foreign_failure(error)
        return disconnected(failure.provider_text) if self._spoke else failure


def _thoughts(chunk: AIMessageChunk) -> Iterator[str]:
    extra = chunk.additional_kwargs.get("reasoning_content")
    if isinstance(extra, str):
        yield extra
    for block in chunk.content if isinstance(chunk.content, list) else ():
        if isinstance(block, dict) and block.get("type") in ("reasoning", "thinking", "reasoning_content"):
            thought = block.get("reasoning") or block.get("thinking") or block.get("text")
            if isinstance(thought, str):
                yield thought


def _is_async(chat_model: BaseChatModel) -> bool:
    from langchain_core.language_models import BaseChatModel

    kind = type(chat_model)
    if kind._astream is not BaseChatModel._astream:
        return True
    # Without a stream of its own an asynchronous answer comes whole, which is better than a thread that can't be stopped.
    return kind._stream is BaseChatModel._stream and kind._agenerate is not BaseChatModel._agenerate


async def _astream(chat_model: BaseChatModel, prompt: Prompt) -> AsyncGenerator[AIMessageChunk, None]:
    stream: Any = chat_model.astream(_messages(prompt), **_keywords(prompt))
    async with aclosing(stream):
        async for chunk in stream:
            yield chunk


async def _threaded(chat_model: BaseChatModel, prompt: Prompt) -> AsyncGenerator[AIMessageChunk, None]:
    loop = asyncio.get_running_loop()
    heard: asyncio.Queue[AIMessageChunk | Exception | None] = asyncio.Queue()
    room = threading.Semaphore(_CHUNKS_AHEAD)
    abandoned = threading.Event()

    def tell(what: AIMessageChunk | Exception | None) -> None:
        while not (abandoned.is_set() or loop.is_closed()):
            if room.acquire(timeout=_LOOK_UP_SECONDS):
                loop.call_soon_threadsafe(heard.put_nowait, what)
                return

    def run() -> None:
        try:
            for chunk in chat_model.stream(_messages(prompt), **_keywords(prompt)):
                tell(chunk)
                if abandoned.is_set():
                    return
            tell(None)
        except Exception as error:  # noqa: BLE001  # carried over to the loop and raised there
            tell(error)

    # A thread of its own, not the loop's pool: one that never ends must not take a place, nor hold up the exit.
    threading.Thread(target=run, name="palaver-langchain", daemon=True).start()
    try:
        while (what := await heard.get()) is not None:
            if isinstance(what, Exception):
                raise what
            room.release()
            yield what
    finally:
        abandoned.set()


def _keywords(prompt: Prompt) -> dict[str, Any]:
    return {key: prompt.params[key] for key in _PARAMS if prompt.params.get(key) is not None}


def _messages(prompt: Prompt) -> list[BaseMessage]:
    from langchain_core.messages import SystemMessage

    system: list[BaseMessage] = [SystemMessage(prompt.system)] if prompt.system else []
    return system + [_message(message) for message in prompt.messages]


def _message(message: PromptMessage) -> BaseMessage:
    from langchain_core.messages import AIMessage, HumanMessage

    kind = HumanMessage if message.role is Role.USER else AIMessage
    if not message.images:
        return kind(message.text)
    blocks: list[str | dict[Any, Any]] = [{"type": "text", "text": message.text}] if message.text else []
    for image in message.images:
        url = f"data:{image.media_type};base64,{b64encode(image.content).decode()}"
        blocks.append({"type": "image_url", "image_url": {"url": url}})
    return kind(blocks)
