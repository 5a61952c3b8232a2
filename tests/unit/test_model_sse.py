"""The parser of event streams, and the joining of halved characters."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from palaver.models.halves import Joiner
from palaver.models.sse import LINES_MAX, EventStream, EventTooLong


def parsed(*received: bytes, limit: int = 1000) -> list[str]:
    stream = EventStream(limit)
    events = [data for some in received for data in stream.feed(some)]
    return events + list(stream.end())


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_lines_end_at_lf_cr_or_crlf(end: str) -> None:
    """Each of the three line ends gives the same events, wherever the bytes are cut."""
    raw = f"data: one{end}{end}: a comment{end}{end}data: two{end}data: more{end}event: x{end}{end}".encode()
    for cut in range(len(raw)):
        assert parsed(raw[:cut], raw[cut:]) == ["one", "two\nmore"]


def test_bytes_may_come_one_at_a_time() -> None:
    """A character that is cut between its bytes is the same character."""
    raw = "data: ä€😀\r\n\r\ndata:x\n\n".encode()
    assert parsed(*(raw[index : index + 1] for index in range(len(raw)))) == ["ä€😀", "x"]


@given(st.text().filter(lambda text: not set(text) & {"\n", "\r"}), st.integers(1, 7))
@example("\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e", 1)
def test_no_other_character_ends_a_line(text: str, step: int) -> None:
    """U+2028, U+0085 and the other line breaks of ``str.splitlines`` are text."""
    raw = b"data: " + text.encode() + b"\n\n"
    assert parsed(*(raw[at : at + step] for at in range(0, len(raw), step)), limit=10_000) == [text]


def test_only_one_blank_after_the_colon_is_dropped() -> None:
    """The data begins after the colon and at most one space."""
    assert parsed(b"data:  two\n\ndata:none\n\ndata\n\n") == [" two", "none", ""]


def test_a_byte_order_mark_is_skipped_once() -> None:
    """A stream may begin with U+FEFF; later ones are no field."""
    assert parsed(b"\xef\xbb\xbfdata: x\n\n") == ["x"]


@pytest.mark.parametrize("raw", [b"x" * 101, b"data: " + b"x" * 101 + b"\n", b"data: 0123456789\n" * 10])
def test_an_event_has_a_limit(raw: bytes) -> None:
    """A line without end, a long line and many lines of one event are refused once they hold more than the limit."""
    with pytest.raises(EventTooLong):
        parsed(raw, limit=100)
    with pytest.raises(EventTooLong):
        parsed(*(raw[at : at + 1] for at in range(len(raw))), limit=100)


@pytest.mark.parametrize("line", [b"\n", b": hi\n", b"data:\n"])
def test_lines_that_complete_no_event_have_a_limit(line: bytes) -> None:
    """Blank lines, comments and empty data are refused once there are more than ``LINES_MAX`` without an event."""
    assert parsed(line * (LINES_MAX - 1), b"\n") in ([], ["\n" * (LINES_MAX - 2)])
    with pytest.raises(EventTooLong):
        parsed(line * LINES_MAX, line)


@pytest.mark.parametrize(
    ("raw", "foreign"),
    [(b"<!doctype html>", True), (b'\n{"error": 1}\n', True), (b": hi\n", False), (b"data: x\n", False), (b"", False)],
)
def test_what_is_no_event_stream_is_seen(raw: bytes, foreign: bool) -> None:
    """HTML or JSON in the place of an event stream is known by its first line."""
    stream = EventStream(100)
    assert list(stream.feed(raw)) == []
    list(stream.end())
    assert stream.is_foreign is foreign


def joined(*pieces: str) -> str:
    joiner = Joiner()
    return "".join([joiner.add(piece) for piece in pieces] + [joiner.end()])


def test_halves_join() -> None:
    """A surrogate pair that comes in two pieces is one character, and no piece given out holds a half."""
    joiner = Joiner()
    assert [joiner.add("a\ud83d"), joiner.add("\ude00b"), joiner.end()] == ["a", "😀b", ""]


def test_what_stays_half_is_replaced() -> None:
    """A half without its other half, and NUL, become U+FFFD."""
    assert joined("a\ud83d", "b", "\ude00c\x00", "\ud83d") == "a\ufffdb\ufffdc\ufffd\ufffd"


@given(st.text(), st.lists(st.integers(0, 60), max_size=8))
def test_text_cut_between_utf16_units_is_the_same_text(text: str, cuts: list[int]) -> None:
    """For every valid text and every way to cut its UTF-16 units, joining gives the text."""
    text = text.replace("\x00", "")
    units = text.encode("utf-16-le")
    marks = sorted({min(2 * cut, len(units)) for cut in cuts} | {0, len(units)})
    pieces = [units[a:b].decode("utf-16-le", "surrogatepass") for a, b in pairwise(marks)]
    assert joined(*pieces) == text
