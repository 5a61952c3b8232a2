"""The model that answers when none is configured. It never pretends to be a model.

With passages for the question it quotes the sentences of them that share most with it, each with its number; with none it
says so, and what to set.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import NamedTuple

from palaver.context import Passage
from palaver.models.base import Ended, Prompt, Said, TextSaid

NO_MODEL = (
    "No language model is configured here, so this answer does not come from one: set OPENAI_API_KEY, GROQ_API_KEY "
    "or PALAVER_DEFAULT_MODEL (for example ollama:llama3.2), and ask again."
)
QUOTES_MAX = 3
QUOTE_CODE_POINTS = 600
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|\n+")
_WORD = re.compile(r"\w+")
_STEM = 5  # letters: enough to take «refunds» and «refunded» for one word, in most languages
_BEGIN_OF_WORTH = 0.5
"""A sentence is quoted if it shares at least this part of what the best one shares."""


class _Sentence(NamedTuple):
    rank: int
    place: int
    text: str
    shared: float


class OfflineModel:
    """Answers without a model: with quotes, or with one plain sentence. It needs no network and counts no tokens."""

    has_vision = True

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Said]]:
        """Say what is to be said; nothing can fail."""
        said = _say(_answer(prompt))
        async with aclosing(said):
            yield said


def _answer(prompt: Prompt) -> str:
    if not prompt.passages:
        return NO_MODEL
    question = prompt.messages[-1].text if prompt.messages else ""
    return "\n\n".join(f"{sentence.text} [{sentence.rank}]" for sentence in _quotes(question, prompt.passages))


def _quotes(question: str, passages: Sequence[Passage]) -> Sequence[_Sentence]:
    """Return the sentences that share most with the question, in the order of their passages; the first one where none does."""
    found = sorted(_sentences(_stems(question), passages), key=_best_first)
    if not found[0].shared:
        return found[:1]
    worth = found[0].shared * _BEGIN_OF_WORTH
    distinct = {each.text: each for each in reversed(found) if each.shared >= worth}
    return sorted(sorted(distinct.values(), key=_best_first)[:QUOTES_MAX], key=lambda each: (each.rank, each.place))


def _best_first(sentence: _Sentence) -> tuple[float, int, int]:
    return -sentence.shared, sentence.rank, sentence.place


def _sentences(asked: frozenset[str], passages: Sequence[Passage]) -> Iterator[_Sentence]:
    """Yield every sentence with how much of the question it shares; words that fewer sentences have count more."""
    cut = [
        (passage.rank, place, text.strip())
        for passage in passages
        for place, text in enumerate(_SENTENCE_END.split(passage.text))
        if text.strip()
    ]
    stems = [_stems(text) for _, _, text in cut]
    held = {stem: sum(stem in each for each in stems) for stem in asked}
    weights = {stem: 1 / count for stem, count in held.items() if count}
    for (rank, place, text), its in zip(cut, stems, strict=True):
        yield _Sentence(rank, place, _shortened(text), sum(weights[stem] for stem in weights.keys() & its))


def _stems(text: str) -> frozenset[str]:
    return frozenset(word[:_STEM] for word in _WORD.findall(text.casefold()))


def _shortened(text: str) -> str:
    return text if len(text) <= QUOTE_CODE_POINTS else text[: QUOTE_CODE_POINTS - 1] + "…"


async def _say(text: str) -> AsyncGenerator[Said, None]:
    yield TextSaid(text)
    yield Ended()
