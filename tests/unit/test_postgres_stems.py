"""The stems by which PostgreSQL finds chunks."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from palaver.stores.postgres.stems import chunk_row_of, stems_of


@given(st.text(alphabet=string.ascii_lowercase + " '’.-", max_size=60))
def test_every_word_has_a_stem(text: str) -> None:
    """No word is lost, however short: a search row can't hold an empty one."""
    assert all(stems_of(text))
    assert "''" not in chunk_row_of(text, "default", "bot_1")


def test_a_word_of_one_letter_is_its_own_stem() -> None:
    """What Porter's rules would take away whole stays."""
    assert stems_of("It's") == ["it", "s"]
