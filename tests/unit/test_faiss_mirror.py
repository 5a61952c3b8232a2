"""Vectors of a bot in memory, and as files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palaver.document import ChunkKey
from palaver.embeddings.base import packed
from palaver.errors import EmbeddingFailed
from palaver.retrieval.faiss_mirror import FaissMirror
from palaver.retrieval.index_files import IndexFiles, IndexName
from palaver.retrieval.mirror import Held
from palaver.stores.knowledge_orders import Vector

NAME = IndexName(tenant_id="default", bot_id="bot_1", embedding="scripted:4")
SMALL = st.lists(st.lists(st.integers(-3, 3), min_size=4, max_size=4).filter(any), max_size=5)


def put(mirror: FaissMirror, document_id: str, vectors: Sequence[Sequence[float]], **metadata: str) -> None:
    rows = [Vector(ChunkKey(document_id, 1, place), packed(numbers)) for place, numbers in enumerate(vectors)]
    mirror.add(document_id, 1, rows)
    mirror.held[document_id] = Held(version=1, revision=1, metadata=metadata)


def drop(mirror: FaissMirror, document_id: str) -> None:
    del mirror.held[document_id]
    mirror.remove(document_id)


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans(), SMALL), max_size=12), st.booleans())
@settings(max_examples=60, deadline=None)
def test_it_finds_what_a_look_at_every_vector_finds(
    changes: list[tuple[int, bool, list[list[int]]]], only: bool
) -> None:
    """Whatever was added and removed in whatever order, the scores are the cosines of all that is there and fits."""
    mirror, truth = FaissMirror("e"), {}
    for number, kind, vectors in changes:
        document_id = f"doc_{number}"
        if truth.pop(document_id, None) is not None:
            drop(mirror, document_id)
        else:
            put(mirror, document_id, vectors, kind=str(kind))
            truth[document_id] = (kind, vectors)
    asked = np.array([1.0, 2.0, -1.0, 0.5])
    expected = {
        ChunkKey(document_id, 1, place): float(np.dot(asked, each) / (np.linalg.norm(asked) * np.linalg.norm(each)))
        for document_id, (kind, vectors) in truth.items()
        for place, each in enumerate(vectors)
        if kind or not only
    }
    found = mirror.nearest(packed(asked), 100, {"kind": "True"} if only else {})
    assert dict(found) == pytest.approx(expected, abs=1e-3)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    assert len(mirror.nearest(packed(asked), 2, {})) == min(2, sum(len(vectors) for _, vectors in truth.values()))


def spread(generator: np.random.Generator) -> np.ndarray[Any, Any]:
    return generator.normal(size=(6_000, 96))


def gathered(generator: np.random.Generator) -> np.ndarray[Any, Any]:
    return generator.normal(size=(30, 96))[generator.integers(0, 30, 6_000)] + 0.5 * spread(generator)


def lopsided(generator: np.random.Generator) -> np.ndarray[Any, Any]:
    vectors = spread(generator)
    vectors[:, 3] = vectors[:, 3] / 2 - 12
    return vectors


def sparse(generator: np.random.Generator) -> np.ndarray[Any, Any]:
    return spread(generator) * (generator.random(size=(6_000, 96)) < 0.08) + 1e-4


@pytest.mark.parametrize("made", [spread, gathered, lopsided, sparse])
@pytest.mark.parametrize("where", [{}, {"kind": "a"}])
def test_a_coarse_look_at_very_many_loses_nothing(
    made: Callable[[np.random.Generator], np.ndarray[Any, Any]], where: dict[str, str]
) -> None:
    """However the vectors lie: the best 30 are as near as the best 30 of all that fit, and the scores are the cosines."""
    generator = np.random.default_rng(5)
    vectors = made(generator)
    mirror = FaissMirror("e")
    put(mirror, "one", vectors[:3_000].tolist(), kind="a")
    put(mirror, "two", vectors[3_000:].tolist(), kind="b")
    unit = vectors[: 3_000 if where else None]
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    for asked in vectors[::400] + 0.3 * generator.normal(size=(15, 96)) * vectors.std():
        best = np.sort(unit @ (asked / np.linalg.norm(asked)))[::-1][:30]
        assert [score for _, score in mirror.nearest(packed(asked), 30, where)] == pytest.approx(best, abs=1e-3)


def test_vectors_of_another_length_are_left_out() -> None:
    """They can't be compared; a question of another length is ``embedding_failed``."""
    mirror = FaissMirror("e")
    put(mirror, "one", [(1, 0, 0, 0)])
    put(mirror, "two", [(1, 0)])
    assert mirror.nearest(packed([1, 0, 0, 0]), 9, {}) == [(ChunkKey("one", 1, 0), 1.0)]
    with pytest.raises(EmbeddingFailed):
        mirror.nearest(packed([1, 0]), 9, {})


def test_nothing_is_near_in_an_empty_one() -> None:
    """Neither before the first vector nor after the last was removed."""
    mirror = FaissMirror("e")
    assert mirror.nearest(packed([1]), 9, {}) == []
    put(mirror, "one", [(1, 0)])
    drop(mirror, "one")
    assert mirror.nearest(packed([1, 0]), 9, {}) == []


def saved(folder: Path, *documents: str) -> IndexFiles:
    """A folder with a mirror of these documents."""
    mirror = FaissMirror("scripted:4")
    for number, document_id in enumerate(documents):
        put(mirror, document_id, [(1, number, 0, 0), (0, number, 1, 0)], kind="a")
    drop(mirror, documents[0])
    mirror.revision = 7
    files = IndexFiles(folder)
    files.save(NAME, mirror)
    return files


def test_what_was_saved_is_there_again(tmp_path: Path) -> None:
    """The same documents, vectors and revision; it has yet to be compared with the rows."""
    mirror = saved(tmp_path, "one", "two", "three").load(NAME)
    assert mirror is not None
    assert (mirror.revision, mirror.is_loaded, set(mirror.held)) == (7, True, {"two", "three"})
    assert mirror.held["two"] == Held(version=1, revision=1, metadata={"kind": "a"})
    assert dict(mirror.nearest(packed([0, 0, 1, 0]), 1, {})) == pytest.approx({ChunkKey("two", 1, 1): 0.7071}, abs=1e-3)
    drop(mirror, "two")
    assert {key.document_id for key, _ in mirror.nearest(packed([1, 0, 0, 0]), 9, {})} == {"three"}


def test_an_empty_one_can_be_saved(tmp_path: Path) -> None:
    """It is as empty afterwards."""
    mirror = saved(tmp_path, "one").load(NAME)
    assert mirror is not None
    assert mirror.nearest(packed([1]), 9, {}) == []


@pytest.mark.parametrize("part", ["*.json", "*.faiss"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "gone", "swapped"])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, part: str, damage: str) -> None:
    """Whatever became of either file, nothing is loaded, or what was saved."""
    files = saved(tmp_path, "one", "two")
    [path], content = list(tmp_path.glob(part)), b""
    content = path.read_bytes()
    match damage:
        case "cut":
            path.write_bytes(content[: len(content) // 2])
        case "flipped":
            place = len(content) // 2
            path.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        case "emptied":
            path.write_bytes(b"")
        case "gone":
            path.unlink()
        case "swapped":
            other = IndexFiles(tmp_path / "other")
            mirror = FaissMirror("scripted:4")
            put(mirror, "other", [(1, 1, 1, 1)])
            other.save(NAME, mirror)
            next((tmp_path / "other").glob(part)).replace(path)
    assert files.load(NAME) is None


def test_another_ones_file_is_not_taken(tmp_path: Path) -> None:
    """A pair that was renamed to another bot's, or is of another format, is not loaded."""
    files = saved(tmp_path, "one", "two")
    other = IndexName(tenant_id="other", bot_id="bot_1", embedding="scripted:4")
    files.save(other, FaissMirror("scripted:4"))
    for path in tmp_path.iterdir():
        said = json.loads(path.read_text()) if path.suffix == ".json" else {}
        if said.get("name", {}).get("tenant_id") == "default":
            target = next(
                each for each in tmp_path.glob("*.json") if json.loads(each.read_text())["name"]["tenant_id"] == "other"
            )
            target.write_bytes(path.read_bytes())
            target.with_suffix(".faiss").write_bytes(path.with_suffix(".faiss").read_bytes())
            break
    assert files.load(other) is None
    assert files.load(NAME) is not None
    [mine] = [each for each in tmp_path.glob("*.json") if files._paths(NAME)[0] == each]
    mine.write_text(json.dumps(json.loads(mine.read_text()) | {"format": 2}))
    assert files.load(NAME) is None


def test_a_folder_that_can_not_be_written_costs_nothing(tmp_path: Path) -> None:
    """There is a line in the log, and no error."""
    (tmp_path / "file").write_text("")
    files = IndexFiles(tmp_path / "file" / "below")
    files.save(NAME, FaissMirror("scripted:4"))
    assert files.load(NAME) is None
    files.remove(NAME)


def test_files_are_listed_and_removed(tmp_path: Path) -> None:
    """With the revision of each; what can't be read is removed."""
    files = saved(tmp_path, "one", "two")
    (tmp_path / "junk.json").write_text("{}")
    (tmp_path / "junk.faiss").write_text("x")
    assert files.names() == [(NAME, 7)]
    assert sorted(path.stem for path in tmp_path.iterdir()) == [files._paths(NAME)[0].stem] * 2
    files.remove(NAME)
    assert list(tmp_path.iterdir()) == []
