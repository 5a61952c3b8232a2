"""The words of a bot, in memory: SQLite's FTS5, of the standard library.

A question is any of its words, not all of them. What it weighs that one is there grows with how rare the word is (BM25);
a score is the share of what the question could weigh at most, so that it is 0–1 and compares between questions. A word
that no chunk has is taken for misspelt: the words that are most like it, by their trigrams, are looked for in its place.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from palaver.document import Chunk, ChunkKey
from palaver.metadata import fits
from palaver.page import Slice, Window
from palaver.retrieval.lookup import Scored
from palaver.retrieval.mirror import Mirror, Source, all_of

_SCHEMA = """
CREATE TABLE chunks (n INTEGER PRIMARY KEY, document_id TEXT, version INTEGER, ordinal INTEGER, text TEXT);
CREATE INDEX chunks_of_documents ON chunks (document_id);
CREATE VIRTUAL TABLE chunks_fts USING fts5 (
    text, content='chunks', content_rowid='n', tokenize="porter unicode61 remove_diacritics 2"
);
CREATE TABLE words (n INTEGER PRIMARY KEY, word TEXT UNIQUE, count INTEGER);
CREATE VIRTUAL TABLE words_fts USING fts5 (word, content='words', content_rowid='n', tokenize='trigram', detail='none');
"""
_WORD = re.compile(r"[^\W_]+")
WORDS_MAX = 40
"""The most words of a question that are looked for; of more, the longest."""
_LIKE_MAX = 3
"""How many words are looked for in the place of a misspelt one."""
_GATHERED = 200
"""How many chunks each look-up gathers, at least."""
_LIKE_LOOKED_AT = 100
_LIKENESS = 0.4
"""The share of their trigrams that two words must have in common to be taken for each other (Dice)."""
_COMMON_SHARE = 0.25
_COMMON_CHUNKS = 2_000
"""Among so many chunks, a word in more than that share of them is left out where the question has a rarer one: it says
next to nothing, and costs most."""
_SHORT_LETTERS = 2
_SHORT_SURENESS = 0.5
"""What words of so few letters count for: mostly they are grammar, sometimes a name."""
_BM25_BEST = 2.2
"""What BM25 makes of a word at most, times its weight (k1 + 1, with the k1 of FTS5)."""


class WordMirror(Mirror[Chunk]):
    """All chunks of one bot."""

    def __init__(self) -> None:
        super().__init__()
        self._db = _database()
        self._size_bytes = 0

    @property
    def size_bytes(self) -> int:
        """See ``Mirror``."""
        return self._size_bytes

    async def read(self, source: Source, document_id: str, version: int) -> Sequence[Chunk]:
        """See ``Mirror``."""

        async def page(window: Window) -> Slice[Chunk]:
            return await source.store.page_chunks(source.tenant_id, document_id, window, version=version)

        return await all_of(page)

    def add(self, document_id: str, version: int, rows: Sequence[Chunk]) -> None:
        """See ``Mirror``."""
        with self._changing():
            for chunk in rows:
                added = self._db.execute(
                    "INSERT INTO chunks (document_id, version, ordinal, text) VALUES (?, ?, ?, ?)",
                    (document_id, version, chunk.ordinal, chunk.passage),
                )
                self._db.execute("INSERT INTO chunks_fts (rowid, text) VALUES (?, ?)", (added.lastrowid, chunk.passage))
            self._count_words(words for chunk in rows for words in _words_of(chunk.passage))

    def remove(self, document_id: str) -> None:
        """See ``Mirror``."""
        with self._changing():
            texts = [
                text for (text,) in self._db.execute("SELECT text FROM chunks WHERE document_id = ?", (document_id,))
            ]
            self._db.execute(
                "INSERT INTO chunks_fts (chunks_fts, rowid, text)"
                " SELECT 'delete', n, text FROM chunks WHERE document_id = ?",
                (document_id,),
            )
            self._db.execute("DELETE FROM chunks WHERE document_id = ?", (document_id,))
            self._count_words((word for text in texts for word in _words_of(text)), sign=-1)

    def clear(self) -> None:
        """See ``Mirror``."""
        self._db.close()
        self._db = _database()

    def best(self, text: str, k: int, where: Mapping[str, str]) -> Sequence[Scored]:
        """Return the ``k`` chunks that fit a text best, of documents with this metadata, best first."""
        (total,) = self._db.execute("SELECT count(*) FROM chunks").fetchone()
        counts = self._counts(text, total)
        at_most = sum(_weight(total, count) for count in counts.values()) * _BM25_BEST
        number = max(k, _GATHERED)
        found: dict[ChunkKey, float] = defaultdict(float)
        for terms, sureness in self._lookups(counts):
            for key, score in self._with_any(terms, number, where):
                found[key] += score * sureness / at_most
        return sorted(found.items(), key=lambda each: (-each[1], each[0]))[:k]

    def _counts(self, text: str, total: int) -> Mapping[str, int]:
        """Return the words of a question that are looked for, with how many chunks have each."""
        words = sorted(dict.fromkeys(_words_of(text)), key=len, reverse=True)[:WORDS_MAX]
        counts = {word: self._frequency(word) for word in words}
        if total >= _COMMON_CHUNKS and any(0 < count <= total * _COMMON_SHARE for count in counts.values()):
            return {word: count for word, count in counts.items() if count <= total * _COMMON_SHARE}
        return counts

    def _lookups(self, counts: Mapping[str, int]) -> Iterator[tuple[Sequence[str], float]]:
        """Yield what is looked up together, and how sure it is that it was meant."""
        present = [word for word, count in counts.items() if count]
        yield [word for word in present if len(word) > _SHORT_LETTERS], 1.0
        yield [word for word in present if len(word) <= _SHORT_LETTERS], _SHORT_SURENESS
        for word, count in counts.items():
            if not count and (like := self._like(word)):
                yield [other for _, other in like], like[0][0] ** 2

    def _with_any(self, terms: Sequence[str], number: int, where: Mapping[str, str]) -> Iterator[Scored]:
        """Yield the best chunks that have any of these words, with their BM25."""
        if not terms:
            return
        parameters: dict[str, str | int] = {"match": " OR ".join(f'"{term}"' for term in terms), "number": number}
        condition = ""
        if where:
            fitting = [document_id for document_id, held in self.held.items() if fits(held.metadata, where)]
            condition = " AND c.document_id IN (SELECT value FROM json_each(:documents))"
            parameters["documents"] = json.dumps(fitting)
        rows = self._db.execute(
            "SELECT c.document_id, c.version, c.ordinal, bm25(chunks_fts) FROM chunks_fts"  # noqa: S608 - constants
            " CROSS JOIN chunks c ON c.n = chunks_fts.rowid"
            f" WHERE chunks_fts MATCH :match{condition} ORDER BY bm25(chunks_fts), c.n LIMIT :number",
            parameters,
        )
        for name, version, ordinal, rank in rows:
            yield ChunkKey(name, version, ordinal), -rank

    def _frequency(self, word: str) -> int:
        found = self._db.execute("SELECT count(*) FROM chunks_fts WHERE chunks_fts MATCH ?", (f'"{word}"',))
        return int(found.fetchone()[0])

    def _like(self, word: str) -> Sequence[tuple[float, str]]:
        """Return the words that are most like one that is not there, the most like first, with how much they are."""
        trigrams = _trigrams(word)
        match = " OR ".join(f'"{trigram}"' for trigram in sorted(_whole_trigrams(word)))
        if not match:
            return ()
        rows = self._db.execute(
            "SELECT w.word FROM words_fts CROSS JOIN words w ON w.n = words_fts.rowid"
            " WHERE words_fts MATCH ? ORDER BY words_fts.rank LIMIT ?",
            (match, _LIKE_LOOKED_AT),
        )
        rated = sorted(((_dice(trigrams, _trigrams(other)), other) for (other,) in rows), reverse=True)
        best = rated[0][0] if rated else 0.0
        return [each for each in rated[:_LIKE_MAX] if each[0] >= max(_LIKENESS, best * 0.9)]

    def _count_words(self, words: Iterable[str], *, sign: int = 1) -> None:
        for word, count in Counter(words).items():
            row = self._db.execute("SELECT n, count FROM words WHERE word = ?", (word,)).fetchone()
            if row is None:
                added = self._db.execute("INSERT INTO words (word, count) VALUES (?, ?)", (word, count))
                self._db.execute("INSERT INTO words_fts (rowid, word) VALUES (?, ?)", (added.lastrowid, word))
            elif row[1] + sign * count > 0:
                self._db.execute("UPDATE words SET count = count + ? WHERE n = ?", (sign * count, row[0]))
            else:
                self._db.execute(
                    "INSERT INTO words_fts (words_fts, rowid, word) VALUES ('delete', ?, ?)", (row[0], word)
                )
                self._db.execute("DELETE FROM words WHERE n = ?", (row[0],))

    @contextmanager
    def _changing(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        pages, page_bytes = (self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        self._size_bytes = pages * page_bytes


def _database() -> sqlite3.Connection:
    database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    database.executescript(_SCHEMA)
    return database


def _weight(total: int, count: int) -> float:
    """Return what BM25 lets a word weigh that so many of all chunks have (as FTS5 does)."""
    return max(1e-6, math.log((total - count + 0.5) / (count + 0.5)))


def _words_of(text: str) -> list[str]:
    bare = "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))
    return _WORD.findall(bare)


def _whole_trigrams(word: str) -> frozenset[str]:
    return frozenset(word[start : start + 3] for start in range(len(word) - 2))


def _trigrams(word: str) -> frozenset[str]:
    return _whole_trigrams(f"  {word} ")


def _dice(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other))
