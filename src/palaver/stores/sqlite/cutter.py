"""The tokenizers of the indexes, asked what they make of a text: FTS5 tables in memory, which live as long as a question."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

STEMMED = "porter unicode61 remove_diacritics 2"
PLAIN = "unicode61 remove_diacritics 2"
WORD_MIN, _WORD_MAX = 4, 40  # a shorter word has too few trigrams to be told from others


class Cutter:
    """Cuts some texts into words, by one tokenizer. A context manager; used by one thread."""

    def __init__(self, tokenizer: str, texts: Iterable[str]) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.execute(
            f"CREATE VIRTUAL TABLE t USING fts5 (text, content = '', columnsize = 0, tokenize = '{tokenizer}')"
        )
        self._connection.execute("CREATE VIRTUAL TABLE terms USING fts5vocab (t, 'row')")
        self._connection.execute("CREATE VIRTUAL TABLE places USING fts5vocab (t, 'instance')")
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT INTO t (rowid, text) VALUES (?, ?)", enumerate(texts))
        self._connection.execute("COMMIT")

    def __enter__(self) -> Cutter:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

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


def words_of(texts: Iterable[str]) -> frozenset[str]:
    """Return the words that a misspelt one may be meant for."""
    with Cutter(PLAIN, texts) as cutter:
        return frozenset(term for term in cutter.terms() if WORD_MIN <= len(term) <= _WORD_MAX and term.isalpha())
