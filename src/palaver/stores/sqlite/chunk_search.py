"""Search by words: the best few of a bot's chunks, without ranking all that have a common word.

FTS5's own ranking reads every row that has any of the words: a second for a question among a million chunks. A chunk that
answers a question has its rare words, or several of the common ones together. So each word is probed first: how many
chunks have it, up to ``_PROBED``, and about how many if there are more. Then candidates are gathered: all chunks with a
rare word, and the first of those that have the most telling common words together. What words each candidate has is
known from that, and weighs as much as the words are rare. The best of them are read, cut by the index's own tokenizer
and ranked by BM25 over all words of the question. Function words need no list: they are those that most chunks have.

The chunks of a bot are one range of the index, so no search leaves it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from palaver.document import Hit, passage_of
from palaver.metadata import fits
from palaver.stores.knowledge_orders import ChunkQuery
from palaver.stores.knowledge_rows import CHUNK_WIDTH, chunk_of
from palaver.stores.sqlite.cutter import PLAIN, STEMMED, Cutter, Cutters
from palaver.stores.sqlite.spelling import meant_for
from palaver.stores.sqlite.transaction import Row, Transaction

_PROBED = 1000
_TOGETHER = 300
"""How many chunks are gathered at most that have some common words together."""
_TELLING = 3
"""How many common words are looked for together at first: more where too many chunks have them, fewer where too few do."""
_USUAL, _NEARLY_ALL = 0.25, 0.75
"""A word that this part of the chunks has says little about which of them answers, or nothing."""
_RANKED = 64
_WORDS_MAX = 32
_SPANS_MAX = 8
_K1, _B = 1.2, 0.75  # the usual parameters of BM25

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the question: what it is looked up as, each with how sure that is, the stems of these, how many chunks have
    one, and what that says. A misspelt word says less, the less it is like what it is taken for: it may be right, and new."""

    forms: Mapping[str, float]
    stems: Mapping[str, float]
    count: int
    weight: float

    @property
    def match(self) -> str:
        """As an FTS5 query."""
        return _any_of(self.forms)


def search(tx: Transaction, cutters: Cutters, tenant_id: str, bot_n: int, query: ChunkQuery) -> Sequence[Hit]:
    """``ChunkRows.search_chunks``"""
    spans = _spans(tx, bot_n, query.where)
    words = _Reading(tx, cutters, bot_n, spans).words(query.text) if spans else ()
    if not words:
        return ()
    rows = _live(tx, tenant_id, _Gathering(tx, words, spans).candidates(), query)
    ranked = _ranked(cutters, words, rows)[: query.k]
    return tuple(
        Hit(chunk=chunk_of(row), title=row[CHUNK_WIDTH], score=score, rank=rank)
        for rank, (score, row) in enumerate(ranked, 1)
    )


def _spans(tx: Transaction, bot_n: int, where: Mapping[str, str]) -> Sequence[Span]:
    """Return the ranges of the index that can hold what is looked for: few, and perhaps a little too wide."""
    if not where:
        row = tx.row("range_of_chunks", bot_n=bot_n)
        return [] if row is None or row[0] is None else [(row[0], row[1])]
    rows = tx.rows("ranges_of_documents", bot_n=bot_n)
    spans = sorted((first, last) for metadata, first, last in rows if fits(json.loads(metadata), where))
    gaps = sorted((later[0] - earlier[1], later[0]) for earlier, later in pairwise(spans))
    begins = {start for _, start in gaps[::-1][: _SPANS_MAX - 1]}
    joined: list[Span] = []
    for first, last in spans:
        if joined and first not in begins:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


class _Reading:
    """Reads a question: which of its words any chunk has, or is meant to have."""

    def __init__(self, tx: Transaction, cutters: Cutters, bot_n: int, spans: Sequence[Span]) -> None:
        self._tx = tx
        self._cutters = cutters
        self._bot_n = bot_n
        self._spans = spans

    def words(self, text: str) -> Sequence[_Word]:
        """Return those words, rare ones first."""
        with self._cutters.holding(PLAIN, [text]) as cutter:
            plain = list(dict.fromkeys(term for _, term in cutter.places()))[:_WORDS_MAX]
        taken = [self._taken_for(word) for word in plain]
        stems = self._stems([form for forms, _ in taken for form in forms])
        total = _width(self._spans)
        known: dict[frozenset[str], _Word] = {}
        for forms, count in taken:
            if count:
                stemmed = {stems[form]: likeness for form, likeness in forms.items()}
                weight = max(forms.values()) ** 2 * math.log(1 + (total - count + 0.5) / (count + 0.5))
                known.setdefault(frozenset(stemmed), _Word(forms, stemmed, count, weight))
        return sorted(known.values(), key=lambda word: word.count)

    def _taken_for(self, word: str) -> tuple[Mapping[str, float], int]:
        """Return what a word is looked up as, and how many chunks that fits."""
        count = _probe(self._tx, _any_of([word]), self._spans)
        if count:
            return {word: 1.0}, count
        forms = meant_for(self._tx, self._bot_n, word)
        return forms, _probe(self._tx, _any_of(forms), self._spans) if forms else 0

    def _stems(self, words: Sequence[str]) -> Mapping[str, str]:
        with self._cutters.holding(STEMMED, words) as cutter:
            return {words[number]: term for number, term in cutter.places()}


def _any_of(forms: Iterable[str]) -> str:
    return "(" + " OR ".join(f'"{form}"' for form in forms) + ")"


def _width(spans: Sequence[Span]) -> int:
    return sum(last - first + 1 for first, last in spans)


def _probe(tx: Transaction, match: str, spans: Sequence[Span]) -> int:
    """Return how many chunks fit; beyond ``_PROBED`` about how many, if they go on as they begin."""
    found: int = 0
    for number, (first, last) in enumerate(spans):
        row = tx.row("probe_chunks", match=match, first=first, last=last, limit=_PROBED - found)
        count, end = row or (0, first)
        found += int(count)
        if found >= _PROBED:
            return found * _width(spans) // (_width(spans[:number]) + int(end) - first + 1)
    return found


class _Gathering:
    """Gathers chunks, and notes which words each is known to have: a bit for each word, by its number."""

    def __init__(self, tx: Transaction, words: Sequence[_Word], spans: Sequence[Span]) -> None:
        self._tx = tx
        self._words = words
        self._spans = spans
        self._has: dict[int, int] = {}

    def candidates(self) -> Sequence[int]:
        """Return chunks that have rare words or several common ones, by the weight of what they are known to have."""
        rare = [number for number, word in enumerate(self._words) if word.count < _PROBED]
        common = [number for number, word in enumerate(self._words) if word.count >= _PROBED]
        telling = self._in_less_than(_USUAL, common) or self._in_less_than(_NEARLY_ALL, common)
        if not rare:
            telling = telling or common
        self._with_rare(rare, telling[:_TELLING])
        self._with_most(telling)
        weights = {known: self._weight(known) for known in set(self._has.values())}
        return sorted(self._has, key=lambda n: (-weights[self._has[n]], n))

    def _in_less_than(self, share: float, numbers: Sequence[int]) -> Sequence[int]:
        at_most = _width(self._spans) * share
        return [number for number in numbers if self._words[number].count < at_most]

    def _weight(self, known: int) -> float:
        return sum(word.weight for number, word in enumerate(self._words) if known >> number & 1)

    def _with_rare(self, rare: Sequence[int], telling: Sequence[int]) -> None:
        for number in rare:
            self._note((number,), self._words[number].match, _PROBED)
        if rare:
            any_rare = " OR ".join(self._words[number].match for number in rare)
            for number in telling:
                self._note((number,), f"{self._words[number].match} AND ({any_rare})", _PROBED)

    def _with_most(self, telling: Sequence[int]) -> None:
        """Look for common words together: for more of them while too many chunks have them, for fewer while too few do."""
        for size in range(min(_TELLING, len(telling)), len(telling) + 1):
            if self._all_of(telling[:size]) < _TOGETHER:
                break
        for size in range(min(_TELLING, len(telling)) - 1, 0, -1):
            for group in combinations(telling[:_TELLING], size):
                if len(self._has) < _TOGETHER:
                    self._all_of(group)

    def _all_of(self, numbers: Sequence[int]) -> int:
        if not numbers:
            return 0
        return self._note(numbers, " AND ".join(self._words[number].match for number in numbers), _TOGETHER)

    def _note(self, numbers: Sequence[int], match: str, limit: int) -> int:
        known = sum(1 << number for number in numbers)
        found = 0
        for first, last in self._spans:
            rows = self._tx.rows("chunks_with", match=match, first=first, last=last, limit=limit)
            for (n,) in rows:
                self._has[n] = self._has.get(n, 0) | known
            found += len(rows)
        return found


def _live(tx: Transaction, tenant_id: str, candidates: Iterable[int], query: ChunkQuery) -> Sequence[Row]:
    """Read the best candidates, passing over those that are not live."""
    wanted = max(_RANKED, 2 * query.k)
    found: list[Row] = []
    for n in candidates:
        row = tx.row("found_chunk", n=n, tenant_id=tenant_id)
        if row is not None and (not query.where or fits(json.loads(row[CHUNK_WIDTH + 1]), query.where)):
            found.append(row)
            if len(found) == wanted:
                break
    return found


def _ranked(cutters: Cutters, words: Sequence[_Word], rows: Sequence[Row]) -> Sequence[tuple[float, Row]]:
    """Return chunks by their BM25 over all words, as a part of the highest that there can be."""
    texts = [passage_of(row[3], row[8]) for row in rows]
    usual = sum(map(len, texts)) / max(1, len(texts))
    scores = [0.0] * len(rows)
    with cutters.holding(STEMMED, texts) as cutter:
        for word in words:
            for number, count in _counts(cutter, word):
                norm = _K1 * (1 - _B + _B * len(texts[number]) / usual)
                scores[number] += word.weight * count * (_K1 + 1) / (count + norm)
    highest = sum(word.weight for word in words) * (_K1 + 1)
    ranked = sorted(zip(scores, rows, strict=True), key=lambda each: (-each[0], each[1][0], each[1][2]))
    return [(min(1.0, score / highest), row) for score, row in ranked if score > 0]


def _counts(cutter: Cutter, word: _Word) -> Iterator[tuple[int, float]]:
    for stem, likeness in word.stems.items():
        for number, count in cutter.counts(stem):
            yield number, count * likeness
