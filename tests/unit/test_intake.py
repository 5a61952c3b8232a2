"""The titles that documents get where nobody gives one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver.hub.intake import TITLE_CODE_POINTS, title_of_file, title_of_text
from palaver.text import check_name

ANYTHING = st.text(st.characters(), max_size=300)


@given(name=ANYTHING)
def test_whatever_a_file_is_called_its_title_is_a_name(name: str) -> None:
    """It passes the rules for names, and nothing of a path is in it."""
    title = title_of_file(name)
    assert check_name(title) == title
    assert not set("/\\") & set(title)


@given(text=ANYTHING)
def test_whatever_a_text_says_its_title_is_a_name(text: str) -> None:
    """It passes the rules for names, and is short."""
    title = title_of_text(text)
    assert check_name(title) == title
    assert len(title) <= TITLE_CODE_POINTS


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Refunds take 14 days.\nShipping is free.", "Refunds take 14 days."),
        ("  \n\n Terms\tof use\r\n", "Terms of use"),
        ("word " * 50, "word " * 15 + "word…"),
        ("\u200b", "Untitled"),
    ],
)
def test_a_text_is_called_by_its_first_line(text: str, title: str) -> None:
    """The title is the beginning of the first line that says something."""
    assert title_of_text(text) == title
