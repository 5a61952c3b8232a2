"""A question with its answer as text of a training document, and back. Pure.

The text of a training document is its pairs in order, parted by empty lines. A pair is ``Q: `` and the question on one
line, then ``A: `` and the answer. It is one chunk, or several where it is long: slices that leave nothing out and don't
overlap, so that the pairs can be read from the chunks again. All of them have the question as their heading.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from palaver.context import estimate_tokens
from palaver.document import Chunk, Document, Provenance, TrainedPair, unmarked
from palaver.stores.knowledge_orders import Pair
from palaver.training.likeness import fingerprint_of

CHUNK_TOKENS = 400
HEADING_CODE_POINTS = 200
_QUESTION, _ANSWER = "Q: ", "\nA: "
_BETWEEN = "\n\n"
_ENDS = ("\n\n", "\n", ". ", " ")
"""Behind which a long pair is cut, the best first."""


def pair_of(pair: Pair, question: str, answer: str) -> TrainedPair:
    """Return a turn with the texts that are used of it. Marks of what the answer cited go: they mean nothing elsewhere."""
    return TrainedPair(
        question=" ".join(question.split()),
        answer=(unmarked(answer) if pair.answer.citations else answer).strip(),
        conversation_id=pair.answer.conversation_id,
        turn_id=pair.answer.turn_id,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A pair as it would be kept: its text in slices, and its fingerprint."""

    pair: TrainedPair
    slices: Sequence[str]
    fingerprint: str


def candidate_of(pair: TrainedPair) -> Candidate:
    """Return a pair as it would be kept. Takes about half a millisecond."""
    slices = tuple(_slices(f"{_QUESTION}{pair.question}{_ANSWER}{pair.answer}"))
    return Candidate(pair=pair, slices=slices, fingerprint=fingerprint_of(pair.question, pair.answer))


def _slices(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        latest = start + _fitting(text[start : start + 4 * CHUNK_TOKENS])
        end = latest if latest >= len(text) else _end(text, (start + latest) // 2, latest)
        yield text[start:end]
        start = end


def _fitting(text: str) -> int:
    """Return how much of the beginning of a text fits into a chunk, in code points."""
    size = len(text)
    while (tokens := estimate_tokens(text[:size])) > CHUNK_TOKENS:
        size = size * CHUNK_TOKENS // tokens
    return size


def _end(text: str, earliest: int, latest: int) -> int:
    ends = (text.rfind(mark, earliest, latest) + len(mark) for mark in _ENDS if mark in text[earliest:latest])
    return next(ends, latest)


@dataclass(slots=True)
class Binder:
    """Binds pairs together, one after the other, to a version of a document.

    Attributes:
        ordinal: How many chunks there are so far.
        length: How many code points the text has so far.
    """

    document: Document
    ordinal: int = 0
    length: int = 0

    def chunks(self, candidate: Candidate) -> Iterator[Chunk]:
        """Add a pair, and yield its chunks."""
        self.length += len(_BETWEEN) if self.length else 0
        pair = candidate.pair
        for number, text in enumerate(candidate.slices):
            made_of = Provenance(
                conversation_id=pair.conversation_id,
                turn_id=pair.turn_id,
                fingerprint=None if number else candidate.fingerprint,
            )
            yield self._chunk(text, pair.question, made_of)
            self.ordinal += 1
            self.length += len(text)

    def _chunk(self, text: str, question: str, made_of: Provenance) -> Chunk:
        return Chunk(
            document_id=self.document.id,
            version=self.document.version,
            ordinal=self.ordinal,
            text=text,
            start=self.length,
            end=self.length + len(text),
            tokens=estimate_tokens(text),
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            heading=question[:HEADING_CODE_POINTS],
            provenance=made_of,
        )


def turn_of(chunk: Chunk) -> tuple[str, str]:
    """Return of which conversation and turn a chunk of a training document is."""
    assert chunk.provenance is not None, "every chunk of a training document is of a turn"
    return chunk.provenance.conversation_id, chunk.provenance.turn_id


def pairs_in(chunks: Iterable[Chunk]) -> Iterator[TrainedPair]:
    """Yield the pairs that chunks in their order are of, all slices of each."""
    for (conversation_id, turn_id), slices in groupby(chunks, turn_of):
        text = "".join(each.text for each in slices)
        question, _, answer = text.removeprefix(_QUESTION).partition(_ANSWER)
        yield TrainedPair(question=question, answer=answer, conversation_id=conversation_id, turn_id=turn_id)
