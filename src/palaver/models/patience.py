"""Time limits, retries and the size limit of an answer: the same for every model.

A retry happens only before the first delta, only for an error that says it may help, and at most ``retries`` times; so
a turn makes at most 3 calls, of which at most one yields a delta. How long is waited in between: ``provider.retries``.

What is enforced here, for every model: the time limits (``stalled``), the size of the answer (``limit``), that a stream
has an end marker (``disconnected_by_model``), that an answer has text (``empty_answer``) and that it can be stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Self, TypeVar

from palaver.conversation import InterruptReason
from palaver.errors import ModelError
from palaver.models.base import ChatModel, Ended, Prompt, ReasoningSaid, Said, TextSaid, TokensCounted
from palaver.provider.retries import Pauses
from palaver.text import from_model

_T = TypeVar("_T")

AFTER_END_SECONDS = 2.0
"""How long the token count may lag behind the end marker: the answer is complete, so nobody waits for long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a model is waited for, how often it is asked, how much it may say. The defaults are the contract's.

    Attributes:
        connect_seconds: For connecting to its server (enforced by the models that connect).
        first_byte_seconds: From the call to the first thing said.
        idle_seconds: Between two things said.
        total_seconds: For all tries together.
        retries: Tries after the first one.
        answer_bytes: The most UTF-8 that text and reasoning together may have.
    """

    connect_seconds: float = 10.0
    first_byte_seconds: float = 60.0
    idle_seconds: float = 30.0
    total_seconds: float = 600.0
    retries: int = 2
    answer_bytes: int = 4_000_000


class PatientModel:
    """A model with limits and retries around it."""

    def __init__(
        self,
        model: ChatModel,
        patience: Patience,
        pauses: Pauses | None = None,
    ) -> None:
        self.model = model
        self.has_vision = model.has_vision
        self._patience = patience
        self._pauses = pauses or Pauses()

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Said]]:
        """Call the model, again where that may help. Every error is raised while the stream is read.

        Raises:
            ModelError: The model's own, or ``stalled``, ``limit``, ``disconnected_by_model``, ``empty_answer``.
        """
        said = self._tries(prompt)
        async with aclosing(said):
            yield said

    async def _tries(self, prompt: Prompt) -> AsyncGenerator[Said, None]:
        ends_at = asyncio.get_running_loop().time() + self._patience.total_seconds
        failures = 0
        while True:
            attempt = _Attempt(self._patience, ends_at)
            try:
                async with aclosing(attempt.listen(self.model, prompt)) as said:
                    async for item in said:
                        yield item
                return
            except ModelError as error:
                failures += 1
                if attempt.spoke:
                    raise
                pause = self._pauses.before_retry(error, failures, self._patience.retries)
                if pause is None or asyncio.get_running_loop().time() + pause >= ends_at:
                    raise
            await self._pauses.sleep(pause)


class _Attempt:
    """One call of the model, and what it has come to."""

    def __init__(self, patience: Patience, ends_at: float) -> None:
        self._patience = patience
        self._ends_at = ends_at
        self._bytes = 0
        self._wrote = False
        self._ended = False
        self.spoke = False

    async def listen(self, model: ChatModel, prompt: Prompt) -> AsyncGenerator[Said, None]:
        try:
            async with AsyncExitStack() as stack:
                limit = stack.enter_context(_Limit(self._ends_at))
                limit.begin(self._patience.first_byte_seconds)
                said = await stack.enter_async_context(model.stream(prompt))
                while (item := await anext(said, None)) is not None:
                    limit.pause()
                    if (kept := self._kept(item)) is not None:
                        yield kept
                    limit.begin(AFTER_END_SECONDS if self._ended else self._patience.idle_seconds)
        except ModelError:
            if not self._ended:  # what goes wrong after the end marker no longer matters
                raise
        if not self._ended:
            raise disconnected()

    def _kept(self, item: Said) -> Said | None:
        match item:
            case TextSaid(text) | ReasoningSaid(text):
                return None if self._ended or not text else self._measured(item)
            case Ended():
                if self._ended:
                    return None
                self._check_not_empty()
                self._ended = True
            case TokensCounted():
                pass
        return item

    def _measured(self, item: TextSaid | ReasoningSaid) -> Said:
        text = from_model(item.text)
        self._bytes += len(text) if text.isascii() else len(text.encode())
        if self._bytes > self._patience.answer_bytes:
            raise ModelError(
                "The answer grew over the limit and was ended.", code=InterruptReason.LIMIT.value, interrupts=True
            )
        self.spoke = True
        self._wrote = self._wrote or isinstance(item, TextSaid)
        return item if text == item.text else type(item)(text)

    def _check_not_empty(self) -> None:
        if not self._wrote:
            raise ModelError("The model ended its answer without a word.", code="empty_answer")


class _Limit:
    """A time limit on waiting for the model, and on nothing else: the reader may take its time.

    ``asyncio.timeout`` around each wait would cost more than everything else that a piece of text goes through. Here
    one timer serves a whole call: moving the limit is an assignment, and when the timer rings it looks where the limit
    is by now. What it cancels is turned into ``stalled`` where the block is left.

    Args:
        ends_at: When all waiting ends, in the loop's time.
    """

    def __init__(self, ends_at: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends_at = ends_at
        self._when = ends_at
        self._timer: asyncio.TimerHandle | None = None
        self._task = asyncio.current_task()
        self._cancellations = self._task.cancelling() if self._task else 0
        self._is_waiting = False
        self._has_rung = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Raise ``stalled`` (``ModelError``) if the limit is what ended the block."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is None or not self._has_rung or kind is None or not issubclass(kind, asyncio.CancelledError):
            return
        if self._task.uncancel() <= self._cancellations:
            raise _stalled() from None

    def begin(self, seconds: float) -> None:
        """Let the waiting from now on take so long."""
        when = self._when = min(self._loop.time() + seconds, self._ends_at)
        self._is_waiting = True
        timer = self._timer
        if timer is None:
            self._timer = self._loop.call_at(when, self._ring)
        elif when < timer.when():
            timer.cancel()
            self._timer = self._loop.call_at(when, self._ring)

    def pause(self) -> None:
        """Nobody waits for the model now."""
        self._is_waiting = False

    def _ring(self) -> None:
        self._timer = None
        if not self._is_waiting:
            return
        if self._loop.time() < self._when:
            self._timer = self._loop.call_at(self._when, self._ring)
        elif self._task is not None:
            self._has_rung = True
            self._task.cancel()


def _stalled() -> ModelError:
    return ModelError("The model fell silent for too long.", code=InterruptReason.STALLED.value, interrupts=True)


def disconnected(provider_text: str = "") -> ModelError:
    """The error of a stream that broke off: the turn keeps its text and ends ``interrupted``."""
    return ModelError(
        "The connection to the model broke off in mid-answer.",
        code=InterruptReason.DISCONNECTED_BY_MODEL.value,
        interrupts=True,
        provider_text=provider_text,
    )
