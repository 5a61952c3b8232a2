"""What a bot's ``retrieval`` may be, and how two lists become one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver.document import Chunk, Hit
from palaver.embeddings.catalog import KnownEmbeddings
from palaver.errors import InvalidInput
from palaver.provider.addresses import Providers
from palaver.retrieval.mixing import mixed
from palaver.retrieval.settings import RetrievalSettings, retrieval_settings


def test_nothing_is_the_default() -> None:
    """An empty object asks for six chunks by the default embedding."""
    assert retrieval_settings({}) == RetrievalSettings()
    assert (RetrievalSettings().enabled, RetrievalSettings().k, RetrievalSettings().vector_weight) == (True, 6, 0.7)


def test_all_of_it_can_be_said() -> None:
    """Every field is taken over."""
    given: dict[str, Any] = {
        "enabled": False,
        "k": 50,
        "embedding": "openai:text-embedding-3-small",
        "vector_weight": 1,
        "where": {"kind": "manual"},
        "reranker": "cross",
    }
    assert retrieval_settings(given) == RetrievalSettings(**given)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"chunks": 3}, "unknown_field"),
        ({"__class__": 3}, "unknown_field"),
        ({"enabled": 1}, "invalid_type"),
        ({"enabled": "true"}, "invalid_type"),
        ({"k": 0}, "invalid_parameter"),
        ({"k": 51}, "invalid_parameter"),
        ({"k": 3.0}, "invalid_type"),
        ({"k": True}, "invalid_type"),
        ({"k": None}, "invalid_type"),
        ({"vector_weight": 0.5}, "invalid_parameter"),
        ({"vector_weight": 1.01}, "invalid_parameter"),
        ({"vector_weight": float("nan")}, "invalid_parameter"),
        ({"vector_weight": "0.7"}, "invalid_type"),
        ({"embedding": 3}, "invalid_type"),
        ({"embedding": ""}, "invalid_parameter"),
        ({"embedding": " x"}, "invalid_parameter"),
        ({"embedding": "x" * 201}, "invalid_parameter"),
        ({"embedding": "é"}, "invalid_parameter"),
        ({"reranker": ["x"]}, "invalid_type"),
        ({"where": []}, "invalid_type"),
        ({"where": {"a": 1}}, "invalid_type"),
        ({"where": {"a": "x" * 1_001}}, "invalid_parameter"),
        ({"where": {str(number): "x" for number in range(21)}}, "invalid_parameter"),
        ({"where": {"a": "\x00"}}, "invalid_character"),
        ({"where": {"\ud800": "a"}}, "invalid_unicode"),
    ],
)
def test_what_is_wrong_is_refused(given: Mapping[str, Any], code: str) -> None:
    """With the code of the rule and the place; nothing is taken for something else."""
    with pytest.raises(InvalidInput) as failure:
        retrieval_settings(given)
    assert failure.value.code == code
    assert failure.value.details["path"].startswith("retrieval.")


def test_which_embedding_is_wanted() -> None:
    """The bot's own, else the process's; ``none`` is words alone, whatever the process says."""
    embeddings = KnownEmbeddings(Providers(default_embedding="openai:x"))
    assert RetrievalSettings().wanted_embedding(embeddings) == "openai:x"
    assert RetrievalSettings(embedding="mini").wanted_embedding(embeddings) == "mini"
    assert RetrievalSettings(embedding="none").wanted_embedding(embeddings) is None
    assert RetrievalSettings().wanted_embedding(KnownEmbeddings()) is None


def hits(scores: Mapping[int, float]) -> list[Hit]:
    """Hits of these chunks, best first."""
    ordered = sorted(scores.items(), key=lambda item: -item[1])
    return [
        Hit(
            chunk=Chunk(document_id="d", version=1, ordinal=n, text=str(n), start=0, end=1, tokens=1, sha256=""),
            title="",
            score=score,
            rank=rank,
        )
        for rank, (n, score) in enumerate(ordered, 1)
    ]


SCORES = st.dictionaries(st.integers(0, 8), st.floats(0, 1), max_size=8)


@given(SCORES, SCORES, st.floats(0.7, 1))
def test_a_mix_has_each_once_and_falls(near: Mapping[int, float], worded: Mapping[int, float], weight: float) -> None:
    """All that either side found, ranked from 1, by scores of 0–1 that are the weighted sum of both."""
    mix = mixed(hits(near), hits(worded), vector_weight=weight)
    assert sorted(hit.chunk.ordinal for hit in mix) == sorted(near.keys() | worded.keys())
    assert [hit.rank for hit in mix] == list(range(1, len(mix) + 1))
    assert [hit.score for hit in mix] == sorted((hit.score for hit in mix), reverse=True)
    for hit in mix:
        n = hit.chunk.ordinal
        assert hit.score == pytest.approx(weight * near.get(n, 0) + (1 - weight) * worded.get(n, 0))


@given(SCORES.filter(bool), SCORES)
def test_with_all_the_weight_vectors_decide(near: Mapping[int, float], worded: Mapping[int, float]) -> None:
    """The best by vectors stays the best."""
    assert mixed(hits(near), hits(worded), vector_weight=1)[0].score == pytest.approx(max(near.values()))
