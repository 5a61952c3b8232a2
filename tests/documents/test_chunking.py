"""Properties of chunks, whatever the document."""

from __future__ import annotations

import itertools
import time
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver.context import estimate_tokens
from palaver.document import Chunk
from palaver.retrieval.chunking import DEFAULT_SIZE, ChunkSize, chunks_of
from palaver.retrieval.loaders.base import BlockKind, Draft, Extract

words = st.text(st.sampled_from("ab .!?。\n\t\u2003é漢😀"), min_size=1, max_size=120)
letters = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
runs = st.tuples(st.sampled_from("x字😀"), st.integers(1, 700)).map(lambda run: run[0] * run[1])
parts = st.tuples(
    st.sampled_from(list(BlockKind)), words | letters | runs, st.integers(1, 6), st.none() | st.integers(1, 9)
)
sizes = st.integers(20, 80).flatmap(
    lambda tokens: st.builds(ChunkSize, tokens=st.just(tokens), overlap=st.integers(0, tokens // 2))
)


def extract_of(*blocks: tuple[BlockKind, str, int, int | None]) -> Extract:
    draft = Draft(text_bytes=100_000_000, blocks=1_000_000)
    for kind, text, level, page in blocks:
        draft.add(kind, text, level=level if kind is BlockKind.HEADING else None, page=page)
    return draft.extract()


def plain(*blocks: tuple[BlockKind, str]) -> Extract:
    return extract_of(*((kind, text, 1, None) for kind, text in blocks))


def cut(extract: Extract, size: ChunkSize = DEFAULT_SIZE) -> list[Chunk]:
    return list(chunks_of(extract, document_id="doc_x", version=3, size=size))


@given(parts=st.lists(parts, max_size=12), size=sizes)
def test_chunks_are_exact_slices_that_cover_the_text(
    parts: list[tuple[BlockKind, str, int, int | None]], size: ChunkSize
) -> None:
    """Each is the slice that it says, not blank, at most as large as allowed; together they hold all that is no blank."""
    extract = extract_of(*parts)
    text, chunks = extract.text, cut(extract, size)
    covered = [False] * len(text)
    for number, chunk in enumerate(chunks):
        assert text[chunk.start : chunk.end] == chunk.text
        assert chunk.text.strip()
        assert chunk.tokens == estimate_tokens(chunk.text) <= size.tokens
        assert chunk.sha256 == sha256(chunk.text.encode()).hexdigest()
        assert chunk.key == ("doc_x", 3, number)
        covered[chunk.start : chunk.end] = [True] * len(chunk.text)
    assert all(is_covered or char.isspace() for is_covered, char in zip(covered, text, strict=True))
    assert cut(extract, size) == chunks


@given(parts=st.lists(parts, max_size=12), size=sizes)
def test_chunks_go_forward_and_repeat_little(
    parts: list[tuple[BlockKind, str, int, int | None]], size: ChunkSize
) -> None:
    """Beginnings and ends grow; what two neighbours share is at most the overlap."""
    extract = extract_of(*parts)
    chunks = cut(extract, size)
    for before, after in itertools.pairwise(chunks):
        assert before.start < after.start
        assert before.end < after.end
        shared = extract.text[after.start : before.end]
        assert not shared or estimate_tokens(shared) <= size.overlap


def test_a_chunk_stays_in_its_section_and_knows_its_headings() -> None:
    """A heading begins a chunk, with those right above it; the path is the one above the content, outermost first."""
    extract = extract_of(
        (BlockKind.PARAGRAPH, "Before all.", 1, 1),
        (BlockKind.HEADING, "Shop", 1, 1),
        (BlockKind.HEADING, "Returns", 2, 1),
        (BlockKind.PARAGRAPH, "Within 14 days.", 1, 2),
        (BlockKind.HEADING, "Fees", 2, 2),
        (BlockKind.ROW, "Item: Shoes", 1, 3),
        (BlockKind.HEADING, "The end", 1, 3),
    )
    assert [(chunk.heading, chunk.text, chunk.page) for chunk in cut(extract)] == [
        (None, "Before all.", 1),
        ("Shop › Returns", "Shop\n\nReturns\n\nWithin 14 days.", 1),
        ("Shop › Fees", "Fees\n\nItem: Shoes", 2),
        ("The end", "The end", 3),
    ]


def test_a_chunk_ends_with_a_paragraph_where_it_can() -> None:
    """A paragraph that would be cut begins the next chunk, if what is left is at least half a chunk."""
    first, second = "One word more. " * 10, "Another sentence here. " * 6
    chunks = cut(plain((BlockKind.PARAGRAPH, first), (BlockKind.PARAGRAPH, second)), ChunkSize(tokens=60, overlap=0))
    assert [chunk.text for chunk in chunks] == [first.strip(), second.strip()]


def test_prose_is_cut_between_sentences_and_overlaps() -> None:
    """A chunk begins with the last sentences of the one before, and ends where a sentence does."""
    text = " ".join(f"Sentence number {number} stands here." for number in range(40))
    chunks = cut(plain((BlockKind.PARAGRAPH, text)), ChunkSize(tokens=60, overlap=20))
    assert len(chunks) > 3
    assert all(chunk.text.startswith("Sentence") and chunk.text.endswith("here.") for chunk in chunks)
    assert all(after.start < before.end for before, after in itertools.pairwise(chunks))


def test_rows_are_whole_and_never_repeated() -> None:
    """A row that fits a chunk is in exactly one."""
    rows = [f"Name: Item {number}\nFee: {number}" for number in range(200)]
    extract = plain(*((BlockKind.ROW, row) for row in rows))
    chunks = cut(extract, ChunkSize(tokens=60, overlap=30))
    assert [row for chunk in chunks for row in chunk.text.split("\n\n")] == rows


def test_words_are_whole_where_there_are_any() -> None:
    """A sentence without an end is cut between words."""
    chunks = cut(plain((BlockKind.PARAGRAPH, "wordy " * 500)), ChunkSize(tokens=40, overlap=0))
    assert {word for chunk in chunks for word in chunk.text.split()} == {"wordy"}


@pytest.mark.parametrize("size", [{"tokens": 19}, {"tokens": 100, "overlap": 51}, {"overlap": -1}])
def test_a_size_that_makes_no_sense_is_refused(size: dict[str, int]) -> None:
    """Too small a chunk, or an overlap of more than half of it."""
    with pytest.raises(ValueError, match="at least 20 tokens"):
        ChunkSize(**size)


def seconds(extract: Extract) -> float:
    begun = time.process_time()
    for _ in chunks_of(extract, document_id="doc_x", version=1):
        pass
    return time.process_time() - begun


@pytest.mark.parametrize(
    "shape",
    [
        lambda n: plain((BlockKind.PARAGRAPH, "x" * n)),
        lambda n: plain((BlockKind.PARAGRAPH, "字" * n)),
        lambda n: plain((BlockKind.PARAGRAPH, "." * n)),
        lambda n: plain((BlockKind.PARAGRAPH, "x" + " " * n + "y")),
        lambda n: plain((BlockKind.PARAGRAPH, "ab. " * (n // 4))),
        lambda n: plain((BlockKind.HEADING, "h" * n), *[(BlockKind.PARAGRAPH, "x")] * 100),
        lambda n: plain(*[(BlockKind.ROW, "a: 1")] * (n // 10)),
        lambda n: plain(*[(BlockKind.HEADING, "a"), (BlockKind.PARAGRAPH, "b")] * (n // 20)),
    ],
)
def test_time_is_linear(shape: type) -> None:
    """1 MB without a blank, of dots, of short sentences, 100,000 rows: ten times the size takes ten times the time."""
    small, large = seconds(shape(100_000)), seconds(shape(1_000_000))
    assert large < 25 * small + 0.5
    assert large < 20
