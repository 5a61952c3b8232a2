"""What a conversation is about: the words, and pairs of words, that most of its messages hold. Pure.

Words are what stands between blanks and punctuation; common ones of seven languages, numbers and what has fewer than three
letters are none. A pair counts where both words stand side by side; a word that only occurs in a pair is told by that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise

from palaver.figures import Topic

TOPICS_MAX = 10
_WORD = re.compile(r"[^\W\d_][\w'’-]*\w")
_LETTERS_MIN, _LETTERS_MAX = 3, 40
_PAIR_MIN = 2


@cache
def _common_words() -> frozenset[str]:
    return frozenset(files("palaver.analytics").joinpath("common_words.txt").read_text(encoding="utf-8").split())


class Topics:
    """Gathers the words of one message after the other."""

    def __init__(self) -> None:
        self._words: Counter[str] = Counter()
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._spellings: dict[str, Counter[str]] = {}

    def add(self, text: str) -> None:
        """Add a message."""
        words: set[str] = set()
        pairs: set[tuple[str, str]] = set()
        for run in _runs(text):
            folded = [word.casefold() for word in run]
            for word, plain in zip(folded, run, strict=True):
                self._spellings.setdefault(word, Counter())[plain] += 1
            words.update(folded)
            pairs.update(pairwise(folded))
        self._words.update(words)
        self._pairs.update(pairs)

    def best(self, limit: int = TOPICS_MAX) -> tuple[Topic, ...]:
        """Return what most messages hold, at most ``limit``."""
        pairs = {pair: count for pair, count in self._pairs.items() if count >= _PAIR_MIN}
        told = {word for pair, count in pairs.items() for word in pair if self._words[word] == count}
        found: list[tuple[int, tuple[str, ...]]] = [(count, pair) for pair, count in pairs.items()]
        found += [(count, (word,)) for word, count in self._words.items() if word not in told]
        found.sort(key=lambda each: (-each[0], -len(each[1]), -len("".join(each[1])), each[1]))
        return tuple(Topic(term=self._spelt(words), count=count) for count, words in found[:limit])

    def _spelt(self, words: Sequence[str]) -> str:
        return " ".join(self._spellings[word].most_common(1)[0][0] for word in words)


def _runs(text: str) -> Iterable[list[str]]:
    """Yield words that stand side by side, with nothing common or other between them."""
    run: list[str] = []
    end = 0
    for found in _WORD.finditer(text):
        word = found[0]
        if text[end : found.start()].strip(" ") and run:
            yield run
            run = []
        end = found.end()
        if _LETTERS_MIN <= len(word) <= _LETTERS_MAX and word.casefold() not in _common_words():
            run.append(word)
        elif run:
            yield run
            run = []
    if run:
        yield run
