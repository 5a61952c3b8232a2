"""Words of a bot in memory."""

from __future__ import annotations

import random

import pytest

from palaver.document import Chunk, ChunkKey
from palaver.retrieval.mirror import Held
from palaver.retrieval.word_mirror import WordMirror


def put(mirror: WordMirror, document_id: str, *texts: str, **metadata: str) -> None:
    chunks = [
        Chunk(document_id=document_id, version=1, ordinal=place, text=text, start=0, end=0, tokens=0, sha256="")
        for place, text in enumerate(texts)
    ]
    mirror.add(document_id, 1, chunks)
    mirror.held[document_id] = Held(version=1, revision=1, metadata=metadata)


def found(mirror: WordMirror, text: str, k: int = 9, **where: str) -> list[str]:
    return [f"{key.document_id}{key.ordinal}" for key, _ in mirror.best(text, k, where)]


def test_removing_leaves_nothing_behind() -> None:
    """After any adds and removes the answers are those of a mirror that never knew what was removed."""
    words = ["refund", "parcel", "invoice", "garden", "battery", "student", "coffee", "office"]
    chance = random.Random(5)
    mirror, live = WordMirror(), {}
    for step in range(60):
        document_id = f"d{step}_"
        live[document_id] = [" ".join(chance.choices(words, k=4)) for _ in range(chance.randint(0, 3))]
        put(mirror, document_id, *live[document_id])
        if step % 2:
            gone = chance.choice(sorted(live))
            del live[gone], mirror.held[gone]
            mirror.remove(gone)
    fresh = WordMirror()
    for document_id, texts in live.items():
        put(fresh, document_id, *texts)
    for question in (*words, "parcel refund", "batery", "invoces"):
        assert dict(mirror.best(question, 100, {})) == pytest.approx(dict(fresh.best(question, 100, {})))


def test_a_word_that_left_is_not_taken_for_another() -> None:
    """What only a removed document said is suggested for no misspelt word."""
    mirror = WordMirror()
    put(mirror, "a", "The warranty ends.")
    put(mirror, "b", "Nothing of that kind.")
    assert found(mirror, "warrantty") == ["a0"]
    mirror.remove("a")
    assert found(mirror, "warrantty") == []


def test_scores_compare() -> None:
    """They are 0–1, and a chunk with all words of a question scores more than one with some."""
    mirror = WordMirror()
    put(mirror, "d", "refund of parcels", "refund of shoes", *(f"filler {number}" for number in range(20)))
    scores = dict(mirror.best("refund parcels", 9, {}))
    assert 1 >= scores[ChunkKey("d", 1, 0)] > scores[ChunkKey("d", 1, 1)] > 0


def test_metadata_narrows_inside_the_query() -> None:
    """The best of the documents that fit are found, however many others fit the words better."""
    mirror = WordMirror()
    put(mirror, "a", *["refund refund"] * 50, kind="a")
    put(mirror, "b", "a refund of a kind", kind="b")
    assert found(mirror, "refund", 1, kind="b") == ["b0"]
    assert found(mirror, "refund", 1, kind="c") == []


@pytest.mark.parametrize("text", ["", " ", "*", '"', "🙂", "_", "()", "\u2028"])
def test_no_word_finds_nothing(text: str) -> None:
    """There is no error, either."""
    mirror = WordMirror()
    put(mirror, "a", "word * _ ( )")
    assert found(mirror, text) == []


def test_a_very_long_question_is_cut_to_its_longest_words() -> None:
    """Its time is bounded, and what is rare is still found."""
    mirror = WordMirror()
    put(mirror, "a", "extraordinarily")
    assert found(mirror, " ".join(f"w{number}" for number in range(5000)) + " extraordinarily") == ["a0"]


def test_it_knows_how_much_memory_it_takes() -> None:
    """More with every document, and nothing like it after all is let go."""
    mirror = WordMirror()
    put(mirror, "a", *(f"text number {number} " * 20 for number in range(500)))
    assert mirror.size_bytes > 200_000
    mirror.clear()
    assert found(mirror, "text") == []
