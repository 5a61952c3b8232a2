"""The contract of a chat model as tests, for everyone who writes one.

Subclass ``ModelConformance`` in a test module and give it pytest fixtures: ``speaking`` (a model that answers every
prompt with text and ends), ``endless`` (an ``Endless``: one that goes on until it is left) and ``failing`` (one that fails).
A model that can't do one of these takes the parts it can. The tests are coroutines: run them with pytest-asyncio or anyio.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from palaver.conversation import Role
from palaver.errors import ModelError
from palaver.models.base import ChatModel, Ended, Prompt, PromptMessage, ReasoningSaid, Said, TextSaid, TokensCounted

PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Endless:
    """A model that speaks until it is left. ``until_closed`` returns once its provider has seen that."""

    model: ChatModel
    until_closed: Callable[[], Awaitable[None]]


def question(text: str, *, instructions: str = "") -> Prompt:
    """A prompt of one question."""
    return Prompt(instructions=instructions, messages=(PromptMessage(role=Role.USER, text=text),))


async def listen(model: ChatModel, prompt: Prompt) -> Sequence[Said]:
    """Return everything that the model says.

    Raises:
        ModelError: The model's.
    """
    async with model.stream(prompt) as said:
        return [item async for item in said]


async def failure_of(model: ChatModel, prompt: Prompt) -> ModelError:
    """Return the error with which the model fails.

    Raises:
        AssertionError: It does not fail.
    """
    try:
        await listen(model, prompt)
    except ModelError as error:
        return error
    raise AssertionError("the model did not fail")


def text_of(said: Sequence[Said]) -> str:
    """The text of the answer."""
    return "".join(item.text for item in said if isinstance(item, TextSaid))


class SpeakingConformance:
    """What holds for an answer that ends well."""

    async def test_an_answer_has_text_and_one_end_marker(self, speaking: ChatModel) -> None:
        """Text comes, then exactly one end marker, and no text or reasoning after it."""
        said = await listen(speaking, question("Hello?"))
        assert text_of(said)
        ends = [index for index, item in enumerate(said) if isinstance(item, Ended)]
        assert len(ends) == 1
        assert not any(isinstance(item, (TextSaid, ReasoningSaid)) for item in said[ends[0] :])

    async def test_text_is_unicode_that_can_be_stored(self, speaking: ChatModel) -> None:
        """No piece holds half a character or NUL."""
        for item in await listen(speaking, question("Hello?")):
            if isinstance(item, (TextSaid, ReasoningSaid)):
                item.text.encode("utf-8")
                assert "\x00" not in item.text

    async def test_token_counts_are_not_negative(self, speaking: ChatModel) -> None:
        """What is counted is a number of tokens."""
        counts = [item for item in await listen(speaking, question("Hello?")) if isinstance(item, TokensCounted)]
        assert all(count.input_tokens >= 0 and count.output_tokens >= 0 for count in counts)

    async def test_two_calls_at_once_do_not_mix(self, speaking: ChatModel) -> None:
        """Each of two streams that are read in turns is a whole answer."""
        first, second = await asyncio.gather(*(listen(speaking, question("Hello?")) for _ in range(2)))
        for said in (first, second):
            assert sum(isinstance(item, Ended) for item in said) == 1
            assert text_of(said)

    async def test_a_call_that_is_not_read_can_be_left(self, speaking: ChatModel) -> None:
        """Leaving without reading raises nothing, and the model can be called again."""
        async with speaking.stream(question("Hello?")):
            pass
        assert text_of(await listen(speaking, question("Hello?")))


class AbortingConformance:
    """What holds when the caller leaves in mid-answer."""

    async def test_leaving_closes_the_call(self, endless: Endless) -> None:
        """The provider sees that its reader left."""
        async with endless.model.stream(question("Go on.")) as said:
            async for item in said:
                if isinstance(item, TextSaid):
                    break
        await asyncio.wait_for(endless.until_closed(), PATIENCE_SECONDS)

    async def test_cancelling_the_reader_closes_the_call(self, endless: Endless) -> None:
        """A task that is cancelled while it reads ends cancelled, and the provider sees that its reader left."""
        speaks = asyncio.Event()

        async def read() -> None:
            async with endless.model.stream(question("Go on.")) as said:
                async for item in said:
                    if isinstance(item, TextSaid):
                        speaks.set()

        reader = asyncio.ensure_future(read())
        await asyncio.wait_for(speaks.wait(), PATIENCE_SECONDS)
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader
        assert reader.cancelled()
        await asyncio.wait_for(endless.until_closed(), PATIENCE_SECONDS)


class FailingConformance:
    """What holds when the model fails."""

    async def test_a_failure_is_a_model_error(self, failing: ChatModel) -> None:
        """Nothing but ``ModelError`` is raised; it has a code, and a sentence that does not quote the provider."""
        error = await failure_of(failing, question("Hello?"))
        assert error.code
        assert error.message
        assert not error.provider_text or error.provider_text not in error.message


class ModelConformance(SpeakingConformance, AbortingConformance, FailingConformance):
    """All of the contract."""
