"""The tokenizers of the indexes, asked what they make of a text: FTS5 tables in memory, which hold it for no longer than that.

To make such tables takes half a millisecond, as long as to cut 40 passages. So they are kept for the next question.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

STEMMED = "porter unicode61 remove_diacritics 2"
PLAIN = "unicode61 remove_diacritics 2"
WORD_MIN, _WORD_MAX = 4, 40  # a shorter word has too few trigrams to be told from others


class Cutter:
    """Cuts texts into words, by one tokenizer. Used by one thread at a time."""

    def __init__(self, tokenizer: str) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._connection.execute(
            f"CREATE VIRTUAL TABLE t USING fts5 (text, content = '', columnsize = 0, tokenize = '{tokenizer}')"
        )
        self._connection.execute("CREATE VIRTUAL TABLE terms USING fts5vocab (t, 'row')")
        self._connection.execute("CREATE VIRTUAL TABLE places USING fts5vocab (t, 'instance')")

    def close(self) -> None:
        """Cut no more."""
        self._connection.close()

    @contextmanager
    def holding(self, texts: Iterable[str]) -> Iterator[Cutter]:
        """Answer for these texts meanwhile."""
        self._connection.execute("BEGIN")
        try:
            self._connection.executemany("INSERT INTO t (rowid, text) VALUES (?, ?)", enumerate(texts))
            yield self
        finally:
            self._connection.execute("ROLLBACK")

    def terms(self) -> Sequence[str]:
        """Return all terms that the texts have, each once."""
        return [row[0] for row in self._connection.execute("SELECT term FROM terms")]

    def places(self) -> Sequence[tuple[int, str]]:
        """Return the number of the text and the term, of every word."""
        return self._connection.execute("SELECT doc, term FROM places ORDER BY doc, offset").fetchall()

    def counts(self, term: str) -> Sequence[tuple[int, int]]:
        """Return how often a term is in each text that has it."""
        return self._connection.execute(
            "SELECT doc, count(*) FROM places WHERE term = ? GROUP BY doc", (term,)
        ).fetchall()


class Cutters:
    """Cutters that wait for the next text, for any thread."""

    def __init__(self) -> None:
        self._idle: Mapping[str, deque[Cutter]] = {PLAIN: deque(), STEMMED: deque()}

    def close(self) -> None:
        """Let go of those that wait."""
        for idle in self._idle.values():
            while idle:
                idle.pop().close()

    @contextmanager
    def holding(self, tokenizer: str, texts: Iterable[str]) -> Iterator[Cutter]:
        """Lend one that answers for these texts."""
        idle = self._idle[tokenizer]
        try:
            cutter = idle.pop()
        except IndexError:
            cutter = Cutter(tokenizer)
        try:
            with cutter.holding(texts):
                yield cutter
        finally:
            idle.append(cutter)


def words_of(texts: Iterable[str]) -> frozenset[str]:
    """Return the words that a misspelt one may be meant for."""
    cutter = Cutter(PLAIN)
    with closing(cutter), cutter.holding(texts):
        return frozenset(term for term in cutter.terms() if WORD_MIN <= len(term) <= _WORD_MAX and term.isalpha())
