"""Text that is kept, text that is refused, text that counts as empty."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver.errors import InvalidInput
from palaver.text import check_message_text, check_name, from_model, is_blank

VALID = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


@given(VALID)
def test_message_text_is_returned_unchanged_or_refused_as_empty(text: str) -> None:
    """Every valid Unicode string is kept as it is; only one in which nothing can be seen is refused."""
    if is_blank(text):
        with pytest.raises(InvalidInput) as refused:
            check_message_text(text)
        assert refused.value.code == "empty_message"
    else:
        assert check_message_text(text) == text


@pytest.mark.parametrize(
    "text", ["", " ", "\t\r\n", "\u200b\u200d\ufeff", "\u2028\u2029", "\u3164", "\u2800", "\u2066\u2069"]
)
def test_what_cannot_be_seen_is_empty(text: str) -> None:
    """Blanks, zero-width characters and fillers alone are no message."""
    assert is_blank(text)


@pytest.mark.parametrize("text", [".", "a", " a ", "👍", "\u200bx", "é", "\u0301", "1", "—"])
def test_what_can_be_seen_is_not_empty(text: str) -> None:
    """One visible character is enough."""
    assert not is_blank(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a\x00b", "invalid_character"),
        ("a\ud800", "invalid_unicode"),
        ("a" * 200_001, "message_too_long"),
        ("\U0001f600" * 200_000 + "", None),
        ("é" * 200_000, None),
    ],
)
def test_message_limits(text: str, code: str | None) -> None:
    """NUL, lone surrogates and more than 200,000 characters are refused by name; 200,000 characters fit."""
    if code is None:
        assert check_message_text(text) == text
        return
    with pytest.raises(InvalidInput) as refused:
        check_message_text(text)
    assert refused.value.code == code


@pytest.mark.parametrize("name", ["a\nb", "a\u202eb", "\x1b[31m", "a\u2066b", "a\x7f"])
def test_names_hold_no_controls(name: str) -> None:
    """What could break a line or turn the reading order is no name."""
    with pytest.raises(InvalidInput) as refused:
        check_name(name)
    assert refused.value.code == "invalid_character"


@given(st.text())
def test_what_a_model_says_can_always_be_stored(text: str) -> None:
    """NUL and lone surrogates of a model become U+FFFD; all else stays."""
    kept = from_model(text)
    assert "\x00" not in kept
    kept.encode()
    assert len(kept) == len(text)
