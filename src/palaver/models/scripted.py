"""A model that says what a test tells it to: the public test double.

    ScriptedModel()                                   echoes: "You said: <the question>", word by word
    ScriptedModel("Hello there.")                     says this, word by word, to every prompt
    ScriptedModel(["He", Pause(1), "llo"], "Bye")     one reply a call, steps as written; the last reply is repeated
    ScriptedModel(answer=lambda prompt: ...)          a reply made from the prompt
    ScriptedModel(["Hel", Cut()])                     a stream without its end marker
    ScriptedModel([ModelError(code="provider_error", retryable=True)], "Hello")

What a configuration can name (``scripted:<name>``), for a server in another process, is ``ScriptedModel.named``.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs

from palaver.conversation import Role
from palaver.errors import ModelError
from palaver.models.base import Ended, Prompt, ReasoningSaid, Said, TextSaid, TokensCounted

_WORD = re.compile(r"\s*\S+|\s+$")
_FOREVER_SECONDS = 1e6
_DELAY_SECONDS_MAX = 3600
_COUNT_MAX = 100_000  # a bot's author names it: a server must not be made to write a text of any length


@dataclass(frozen=True, slots=True)
class Pause:
    """Say nothing for so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Cut:
    """Stop here, without an end marker, as a server does that dies."""


Step = str | Said | Pause | Cut | asyncio.Event | ModelError
"""A text piece, something said, a pause, a cut, an event to wait for, or an error to raise.

A reply that has neither ``Ended`` nor ``Cut`` nor an error ends by itself, with its tokens counted.
"""

Reply = str | Sequence[Step]
"""A text, said word by word, or steps."""


@dataclass(slots=True)
class Call:
    """What was asked once, and what became of it so far.

    Attributes:
        deltas: How many pieces of text and reasoning were given.
        text: The pieces of text, joined.
        ended: Whether the end marker was given.
        through: Whether the script was played to its end, its cut or its error.
        aborted: Whether the caller left before the end marker and before the script was through.
    """

    prompt: Prompt
    deltas: int = 0
    text: str = ""
    ended: bool = False
    through: bool = False
    aborted: bool = False


class ScriptedModel:
    """See the module.

    Args:
        replies: One a call, in the order of the calls; the last one is repeated. None: an echo.
        answer: Makes the reply from the prompt instead.
        delay_seconds: Pause before each word but the first, where a reply is a text.
        remember: How many of the newest calls are kept.

    Attributes:
        calls: The calls, oldest first.
        call_count: How many there were, also those no longer kept.
        open_streams: How many are open now.
        max_open_streams: The most that were ever open at once.
        aborted: How many were left before their script was through.
    """

    has_vision = True

    def __init__(
        self,
        *replies: Reply,
        answer: Callable[[Prompt], Reply] | None = None,
        delay_seconds: float = 0.0,
        remember: int = 10_000,
    ) -> None:
        self._replies = replies
        self._answer = answer or (self._in_order if replies else echo)
        self._delay_seconds = delay_seconds
        self._arrivals: list[tuple[int, asyncio.Future[None]]] = []
        self.calls: deque[Call] = deque(maxlen=remember)
        self.call_count = 0
        self.open_streams = 0
        self.max_open_streams = 0
        self.aborted = 0

    @classmethod
    def named(cls, name: str) -> ScriptedModel:
        """Return the model that ``scripted:<name>`` stands for.

        ``echo``, ``words?count=200`` (``words_text(200)``), ``slow`` (100 words, 20 a second), ``silent`` (never says
        a word), ``cut?count=5`` (words, then no end marker) and ``fail?code=provider_error&count=5`` (words, then the
        error). Each takes ``delay``, the seconds between words. Any other name is a text, and is said.

        Raises:
            ValueError: ``count`` is not 0 to 100,000, or ``delay`` no number of seconds up to an hour.
        """
        kind, _, query = name.partition("?")
        given = {key: values[-1] for key, values in parse_qs(query).items()}
        delay = float(given.get("delay", "0.05" if kind == "slow" else "0"))
        count = int(given.get("count", "0" if kind == "fail" else "100"))
        if not (0 <= delay <= _DELAY_SECONDS_MAX and 0 <= count <= _COUNT_MAX):
            raise ValueError(name)
        words = _words(count, delay)
        match kind:
            case "" | "echo":
                return cls(delay_seconds=delay)
            case "words" | "slow":
                return cls(words)
            case "silent":
                return cls([Pause(_FOREVER_SECONDS)])
            case "cut":
                return cls([*words, Cut()])
            case "fail":
                return cls([*words, ModelError("The script says so.", code=given.get("code"))])
            case _:
                return cls(name, delay_seconds=delay)

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Said]]:
        """Say the next reply. An error that is the reply's first step is raised here, any other while it is read."""
        steps = self._next_steps(prompt)
        call = self._opened(prompt)
        said = _play(steps, call)
        try:
            if steps and isinstance(steps[0], ModelError):
                call.through = True
                raise steps[0]
            async with aclosing(said):
                yield said
        finally:
            self.open_streams -= 1
            call.aborted = not (call.ended or call.through)
            self.aborted += call.aborted

    async def wait_for_calls(self, count: int) -> None:
        """Return once the model was called ``count`` times (its reply may still be under way)."""
        if self.call_count < count:
            arrival = asyncio.get_running_loop().create_future()
            self._arrivals.append((count, arrival))
            await arrival

    def _opened(self, prompt: Prompt) -> Call:
        call = Call(prompt)
        self.calls.append(call)
        self.call_count += 1
        self.open_streams += 1
        self.max_open_streams = max(self.max_open_streams, self.open_streams)
        for count, arrival in self._arrivals:
            if count <= self.call_count and not arrival.done():
                arrival.set_result(None)
        return call

    def _next_steps(self, prompt: Prompt) -> Sequence[Step]:
        reply = self._answer(prompt)
        return list(_paced(pieces(reply), self._delay_seconds)) if isinstance(reply, str) else reply

    def _in_order(self, _prompt: Prompt) -> Reply:
        return self._replies[min(self.call_count, len(self._replies) - 1)]


def echo(prompt: Prompt) -> str:
    """The default reply: the last thing that a person said."""
    questions = [message.text for message in prompt.messages if message.role is Role.USER]
    return f"You said: {questions[-1] if questions else ''}"


def pieces(text: str) -> Sequence[str]:
    """Return the text cut before the blanks in front of each word; joined, they are the text."""
    return _WORD.findall(text)


def words_text(count: int) -> str:
    """The whole text of ``scripted:words?count=…``: ``word0 word1 word2 …``."""
    return " ".join(f"word{number}" for number in range(count))


def _paced(words: Iterable[str], delay_seconds: float) -> Iterator[Step]:
    for index, word in enumerate(words):
        if index and delay_seconds:
            yield Pause(delay_seconds)
        yield word


@lru_cache(maxsize=8)
def _words(count: int, delay_seconds: float) -> Sequence[Step]:
    # Made once for all calls: a benchmark of streams is not to measure the memory of its model.
    return tuple(_paced(pieces(words_text(count)), delay_seconds))


async def _play(steps: Sequence[Step], call: Call) -> AsyncGenerator[Said, None]:
    for step in steps:
        if isinstance(step, (Cut, ModelError)):
            call.through = True
        said = await _take(step)
        if said is not None:
            _note(said, call)
            yield said
        if call.through:
            return
    if not call.ended:
        yield _count(call)
        call.ended = True
        yield Ended()
    call.through = True


async def _take(step: Step) -> Said | None:
    match step:
        case str():
            return TextSaid(step)
        case Pause():
            await asyncio.sleep(step.seconds)
        case asyncio.Event():
            await step.wait()
        case ModelError():
            raise step
        case Cut():
            pass
        case _:
            return step
    return None


def _note(said: Said, call: Call) -> None:
    match said:
        case TextSaid():
            call.deltas += 1
            call.text += said.text
        case ReasoningSaid():
            call.deltas += 1
        case Ended():
            call.ended = True
        case TokensCounted():
            pass


def _count(call: Call) -> TokensCounted:
    given = call.prompt.system, *(message.text for message in call.prompt.messages)
    return TokensCounted(sum(len(text.split()) for text in given), len(call.text.split()))
