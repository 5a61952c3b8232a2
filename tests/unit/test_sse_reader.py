"""The SDK's reader of event streams."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver.client.sse import Frame, FrameReader

DATA = st.text(alphabet=st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"]))
WORD = st.text(alphabet="abcdefgh.:0123456789_", min_size=1)
FRAMES = st.lists(st.builds(Frame, WORD, WORD, DATA), max_size=8)


def written(frames: list[Frame], end: str) -> bytes:
    lines = [f"id: {f.id}{end}event: {f.event}{end}data: {f.data}{end}{end}" for f in frames]
    return (f": ping{end}{end}".join(["", *lines])).encode()


def cut(raw: bytes, points: list[int]) -> list[bytes]:
    places = sorted({point % (len(raw) + 1) for point in points} | {0, len(raw)})
    return [raw[a:b] for a, b in pairwise(places)]


@given(FRAMES, st.sampled_from(["\n", "\r", "\r\n"]), st.lists(st.integers(0, 10_000), max_size=20))
def test_any_cut_and_any_line_end_reads_the_same(frames: list[Frame], end: str, points: list[int]) -> None:
    """Whatever the pieces and the line ends, the frames that were written are read: in order, with the same text, also
    where the text holds U+2028, U+0085 or another code point at which Python splits lines."""
    reader = FrameReader()
    read = [frame for piece in cut(written(frames, end), points) for frame in reader.feed(piece)]
    assert read == frames


def test_what_was_cut_is_no_event() -> None:
    """A frame without its empty line is not dispatched."""
    assert FrameReader().feed(b"id: t:1\nevent: text.delta\ndata: {}\n") == []


def test_unknown_fields_and_comments_are_ignored() -> None:
    """Comments, ``retry`` and fields of the future change nothing."""
    raw = b": hello\nretry: 10\ncolour: red\nid: t:1\nevent: e\ndata: 1\ndata: 2\n\n\n"
    assert FrameReader().feed(raw) == [Frame("t:1", "e", "1\n2")]


def test_a_line_without_an_end_is_refused() -> None:
    """A line over the limit is an error before it fills the memory."""
    with pytest.raises(ValueError, match="too long"):
        FrameReader(line_bytes_max=100).feed(b"data: " + b"x" * 200)
