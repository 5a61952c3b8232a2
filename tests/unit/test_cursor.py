"""A cursor is good for its own listing, unchanged, and for nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver.cursor import CursorSigner
from palaver.errors import InvalidInput
from palaver.page import Slice

SIGNER = CursorSigner(b"s" * 32)
POSITIONS = st.tuples(st.one_of(st.none(), st.integers(-(2**62), 2**62), st.text(max_size=40)), st.integers(0, 2**62))


@given(POSITIONS)
def test_a_cursor_leads_back_to_its_position(position: tuple[str | int | None, ...]) -> None:
    """What was signed is read, on every process with the same secret."""
    page = SIGNER.page(Slice(data=[1], next=position), "a listing")
    assert page.previous is None
    assert CursorSigner(b"s" * 32).window("a listing", limit=50, after=page.next).after == position


@given(POSITIONS, st.data())
def test_a_changed_or_foreign_cursor_is_refused(position: tuple[str | int | None, ...], data: st.DataObject) -> None:
    """One changed character, another listing, or another store's secret: invalid_cursor."""
    cursor = SIGNER.page(Slice(data=[1], next=position), "a listing").next
    assert cursor is not None
    at = data.draw(st.integers(0, len(cursor) - 2))
    changed = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
    for signer, listing, given_cursor in (
        (SIGNER, "a listing", changed),
        (SIGNER, "another", cursor),
        (CursorSigner(b"x" * 32), "a listing", cursor),
    ):
        with pytest.raises(InvalidInput) as refused:
            signer.window(listing, limit=50, after=given_cursor)
        assert refused.value.code == "invalid_cursor"


@pytest.mark.parametrize("garbage", ["", "x", "é", "====", "a" * 5000, "null", " "])
def test_garbage_is_refused(garbage: str) -> None:
    """No text crashes the reader."""
    with pytest.raises(InvalidInput) as refused:
        SIGNER.window("a listing", limit=50, before=garbage)
    assert refused.value.code == "invalid_cursor"


@pytest.mark.parametrize("limit", [0, -1, 201, 10**9])
def test_page_sizes_are_1_to_200(limit: int) -> None:
    """Everything else is invalid_page."""
    with pytest.raises(InvalidInput) as refused:
        SIGNER.window("a listing", limit=limit)
    assert refused.value.code == "invalid_page"
