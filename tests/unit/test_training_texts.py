"""What a training document says, and how it is read again: as pairs, and as CSV."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from palaver.context import estimate_tokens
from palaver.document import Chunk, Document, DocumentSource, TrainedPair, unmarked
from palaver.sheet import csv_row
from palaver.training.pairs import CHUNK_TOKENS, Binder, candidate_of, pairs_in

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DOCUMENT = Document(
    id="doc_1",
    bot_id="bot_1",
    title="x",
    source=DocumentSource.TRAINING,
    media_type="text/csv",
    size_bytes=0,
    sha256="",
    created_at=NOW,
    updated_at=NOW,
)
lines = st.text(min_size=1, max_size=60).map(lambda text: " ".join(text.split())).filter(bool)
answers = (
    st.one_of(
        st.text(min_size=1, max_size=80),
        st.lists(lines, min_size=1, max_size=30).map("\n".join),
        lines.map(lambda text: text * 200),
    )
    .map(str.strip)
    .filter(bool)
)
pairs = st.builds(
    lambda question, answer, turn: TrainedPair(
        question=question, answer=answer, conversation_id=f"conv_{turn // 3}", turn_id=f"turn_{turn}"
    ),
    lines,
    answers,
    st.integers(0, 10**9),
)


def bound(told: list[TrainedPair]) -> list[Chunk]:
    binder = Binder(DOCUMENT)
    return [chunk for pair in told for chunk in binder.chunks(candidate_of(pair))]


def text_of(told: list[TrainedPair]) -> str:
    return "\n\n".join(f"Q: {pair.question}\nA: {pair.answer}" for pair in told)


@given(st.lists(pairs, max_size=3, unique_by=lambda pair: pair.turn_id))
def test_chunks_are_exact_slices_of_the_document(told: list[TrainedPair]) -> None:
    """Each is what stands between its offsets in the text of all pairs, of its turn, under its question."""
    text = text_of(told)
    chunks = bound(told)
    turns = {pair.turn_id: pair for pair in told}
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end]
        assert chunk.text
        assert chunk.tokens <= CHUNK_TOKENS
        assert chunk.provenance is not None
        pair = turns[chunk.provenance.turn_id]
        assert chunk.provenance.conversation_id == pair.conversation_id
        assert pair.question.startswith(chunk.heading or "-")


@given(st.lists(pairs, max_size=3, unique_by=lambda pair: pair.turn_id))
def test_pairs_are_read_again_from_their_chunks(told: list[TrainedPair]) -> None:
    """As they were."""
    assert list(pairs_in(bound(told))) == told


def test_a_short_pair_is_one_chunk_and_a_long_one_is_cut_at_a_blank() -> None:
    """Words stay whole, and a slice is about as long as a chunk may be."""
    short = TrainedPair(question="Why?", answer="So.", conversation_id="conv_1", turn_id="turn_1")
    assert candidate_of(short).slices == ("Q: Why?\nA: So.",)
    long = TrainedPair(question="Why?", answer="because it is so " * 1000, conversation_id="conv_1", turn_id="turn_1")
    *slices, _ = candidate_of(long).slices
    assert len(slices) > 5
    for part in slices:
        assert part.endswith(" ")
        assert CHUNK_TOKENS / 2 <= estimate_tokens(part) <= CHUNK_TOKENS


def test_the_first_chunk_of_a_pair_has_its_fingerprint() -> None:
    """Once, however many chunks a pair has."""
    long = TrainedPair(question="Why?", answer="because it is so " * 1000, conversation_id="conv_1", turn_id="turn_1")
    first, *others = (chunk.provenance for chunk in bound([long]))
    assert first is not None
    assert first.fingerprint == candidate_of(long).fingerprint
    assert others
    assert all(each is not None and each.fingerprint is None for each in others)


cells = st.one_of(
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    st.sampled_from(
        ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=cmd|"/c calc"!A1', "＝1+1", '"', "a,b", "", "'=1"]
    ),
)


@given(st.lists(st.lists(cells, min_size=4, max_size=4), max_size=4))
def test_no_cell_is_a_formula(rows: list[list[str]]) -> None:
    """Read as RFC 4180 says, each cell is the text, with an apostrophe in front where a spreadsheet would compute it."""
    written = b"".join(map(csv_row, rows)).decode()
    read = list(csv.reader(io.StringIO(written, newline="")))
    assert len(read) == len(rows)
    for was, now in zip(rows, read, strict=True):
        for text, cell in zip(was, now, strict=True):
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
            assert cell in (text, f"'{text}")


def test_marks_of_passages_are_not_trained() -> None:
    """A mark of what an answer cited is left out, with the blank before it; brackets of one that cited nothing stay."""
    assert unmarked("Within 14 days [1]. See [1, 3] and【2】 too.") == "Within 14 days. See and too."
    assert unmarked("A list[0] of [x] stays.") == "A list of [x] stays."
