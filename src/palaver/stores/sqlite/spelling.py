"""Words that a misspelt one may be meant for: those of the bot's own chunks that share most of their trigrams with it."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import pairwise

from palaver.stores.sqlite.cutter import WORD_MIN
from palaver.stores.sqlite.transaction import Transaction

_LOOKED_AT = 2000
_TRIGRAMS = 0.25
"""How much of their trigrams two words share at least to be compared letter by letter."""
_ALIKE = 0.8
_NEARLY_BEST = 0.9


def meant_for(tx: Transaction, bot_n: int, word: str) -> dict[str, float]:
    """Return the words most like one that no chunk has, each with how alike it is (0–1). None if a chunk has the word."""
    if len(word) < WORD_MIN or tx.row("word", bot_n=bot_n, word=word):
        return {}
    grams = _grams(word)
    for match in _matches(word):
        rows = tx.rows("words_like", match=match, bot_n=bot_n, limit=_LOOKED_AT)
        alike = {other: _likeness(word, other) for (other,) in rows if _shared(grams, _grams(other)) >= _TRIGRAMS}
        best = max(alike.values(), default=0.0)
        if best >= _ALIKE:
            return {other: value for other, value in alike.items() if value >= max(_ALIKE, _NEARLY_BEST * best)}
    return {}


def _matches(word: str) -> Iterator[str]:
    """What is looked up, the fewest words first: those that share two trigrams in a row, then those that share any."""
    grams = [f'"{word[start : start + 3]}"' for start in range(len(word) - 2)]
    yield " OR ".join(f"({one} AND {other})" for one, other in pairwise(grams))
    yield " OR ".join(grams)


def _grams(word: str) -> frozenset[str]:
    padded = f"  {word} "  # so that a word's begin and end count
    return frozenset(padded[start : start + 3] for start in range(len(padded) - 2))


def _shared(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)


def _likeness(word: str, other: str) -> float:
    return SequenceMatcher(a=word, b=other, autojunk=False).ratio()
