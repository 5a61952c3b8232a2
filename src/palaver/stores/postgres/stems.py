"""Text → the stems of its search row, and how much the text is about each: what a ranking of chunks goes by.

A ranking is BM25's: a stem counts by how rare it is among the bot's chunks (``inverse_frequency``, known when somebody
asks), and by how often it stands in the chunk, given the chunk's length. That share never changes, so it is written with
the stem: as one of the four letters that PostgreSQL keeps with a word, read back by its ``ts_rank``.

Stems are Porter's, as SQLite's full-text index has them.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections import Counter
from functools import lru_cache

import snowballstemmer

from palaver.stores.postgres.lexemes import scope_of, words_of

SHARES = (0.2, 0.4, 0.6, 0.8)
"""What the letters D, C, B and A stand for."""
TS_RANK = 1.64493406685
"""``ts_rank`` of one word at one place is its letter's weight divided by this (its limit of a sum of 1/i²)."""
_LETTERS = "DCBA"
_BOUNDS = (0.3, 0.5, 0.7)  # between them
_SATURATION = 1.2  # BM25's k1: the second time a word stands in a text says less than the first
_LENGTH_PART = 0.75  # … and its b
_USUAL_WORDS = 150  # of a chunk; the average of a bot would change with every document
_STEMS_KEPT = 50_000
_WORD_LETTERS = 40  # longer runs are no words of a language: keys, hashes, data


@lru_cache(maxsize=_STEMS_KEPT)
def _stem_of(word: str) -> str:
    if len(word) > _WORD_LETTERS or not word.isascii():
        return word
    stem: str = snowballstemmer.stemmer("porter").stemWord(word)
    return stem or word  # of «s» nothing would be left


def stems_of(text: str) -> list[str]:
    """Return the stems of the words of a text, in their order."""
    return [_stem_of(word) for word in words_of(text)]


def chunk_row_of(text: str, tenant_id: str, bot_id: str) -> str:
    """Return the search row of a chunk as a ``tsvector``."""
    stems = stems_of(text)
    length = 1 - _LENGTH_PART + _LENGTH_PART * len(stems) / _USUAL_WORDS
    rows = [f"'{stem}':1{_letter(count / (count + _SATURATION * length))}" for stem, count in Counter(stems).items()]
    return " ".join([*scope_of(tenant_id, bot_id), *rows])


def _letter(share: float) -> str:
    return _LETTERS[bisect(_BOUNDS, share)]


def inverse_frequency(chunks: int, total: int) -> float:
    """Return how much a stem says that is in so many of all chunks."""
    return math.log(1 + (max(total - chunks, 0) + 0.5) / (chunks + 0.5))
