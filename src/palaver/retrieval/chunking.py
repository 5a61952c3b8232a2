"""Cuts a document into chunks along its structure. Pure, and in time linear in the text.

A document is a sequence of sections, each with the headings that open it. A section is a sequence of units: a sentence, a
line of a code block, a row of a table; what is larger than a chunk is cut between words, or where there are none, between code
points. A chunk is as many units of one section as fit, and where there is a choice it ends with a block (a
paragraph, a row). It begins with the last sentences of the one before it in its section, so that what a cut has parted is found
whole in one of the two. A row says all it has to by itself: rows are not repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from palaver.context import estimate_tokens, tokens_of_size
from palaver.document import Chunk
from palaver.retrieval.loaders.base import Block, BlockKind, Extract, separator

HEADING_SEPARATOR = " › "
HEADING_CODE_POINTS = 500
"""The longest path of headings: what is longer loses its outer end."""
_BOUNDARY = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])\s*|\n+")
"""Where a sentence or a line ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkSize:
    """How large chunks are, in estimated tokens.

    The default holds a few paragraphs, about 1,200 letters of English: one answer's worth of text and little else, near what
    small embedding models read at most (256 to 512 tokens); five such quotes take a fifth of the usual context budget.
    The overlap is two or three sentences.

    Args:
        tokens: The most that a chunk has; at least 20.
        overlap: About how much of a chunk is said again in the next one of its section; at most half of ``tokens``.
    """

    tokens: int = 300
    overlap: int = 40

    def __post_init__(self) -> None:
        if self.tokens < 20 or not 0 <= self.overlap <= self.tokens // 2:
            raise ValueError("a chunk has at least 20 tokens, and an overlap of at most half of them")


DEFAULT_SIZE = ChunkSize()


class _Unit(NamedTuple):
    """A piece that is not cut. Places are code points and bytes of UTF-8 in the document's text."""

    start: int
    end: int
    start_byte: int
    end_byte: int
    block: int


class _Section(NamedTuple):
    """What stands below one path of headings, from the heading to the next one."""

    heading: str | None
    units: list[_Unit]


def chunks_of(extract: Extract, *, document_id: str, version: int, size: ChunkSize = DEFAULT_SIZE) -> Iterator[Chunk]:
    """Yield the chunks of a document in order. Every code point that is no blank is in one at least.

    ``page`` is the page on which a chunk begins.
    """
    text = extract.text
    ordinal = 0
    for heading, units in _sections(extract, text, size):
        for first, last in _spans(units, extract.blocks, size):
            slice_ = text[units[first].start : units[last].end]
            yield Chunk(
                document_id=document_id,
                version=version,
                ordinal=ordinal,
                text=slice_,
                start=units[first].start,
                end=units[last].end,
                tokens=estimate_tokens(slice_),
                sha256=sha256(slice_.encode()).hexdigest(),
                heading=heading,
                page=extract.blocks[units[first].block].page,
            )
            ordinal += 1


def _sections(extract: Extract, text: str, size: ChunkSize) -> Iterator[_Section]:
    """Yield the sections. Headings that follow one another open the same one."""
    path: list[Block] = []
    units: list[_Unit] = []
    has_content = False
    for unit in _units(extract, text, size):
        block = extract.blocks[unit.block]
        is_heading = block.kind is BlockKind.HEADING
        if is_heading and has_content:
            yield _Section(_heading(path), units)
            units = []
        if is_heading and (not path or path[-1] is not block):
            path = [*(above for above in path if (above.level or 1) < (block.level or 1)), block]
        has_content = not is_heading
        units.append(unit)
    if units:
        yield _Section(_heading(path), units)


def _heading(path: Sequence[Block]) -> str | None:
    joined = HEADING_SEPARATOR.join(" ".join(block.text[:HEADING_CODE_POINTS].split()) for block in path)
    return joined[-HEADING_CODE_POINTS:].strip() or None


def _units(extract: Extract, text: str, size: ChunkSize) -> Iterator[_Unit]:
    """Yield the units of all blocks; bytes are counted along, so that the size of any run of units is known at once."""
    at = at_byte = start = 0
    before = None
    for number, block in enumerate(extract.blocks):
        if before is not None:
            start += len(separator(before, block))
        for unit_start, unit_end in _pieces(block, text, start, size):
            start_byte = at_byte + _bytes(text[at:unit_start])
            at, at_byte = unit_end, start_byte + _bytes(text[unit_start:unit_end])
            yield _Unit(unit_start, unit_end, start_byte, at_byte, number)
        start += len(block.text)
        before = block


def _pieces(block: Block, text: str, start: int, size: ChunkSize) -> Iterator[tuple[int, int]]:
    """Yield where the units of a block begin and end."""
    end = start + len(block.text)
    if block.kind is BlockKind.ROW and _fitting(text, start, end, size) == end:
        yield start, end
        return
    for boundary in _BOUNDARY.finditer(text, start, end):
        yield from _cut(text, start, boundary.start(), size)
        start = boundary.end()
    yield from _cut(text, start, end, size)


def _cut(text: str, start: int, end: int, size: ChunkSize) -> Iterator[tuple[int, int]]:
    """Cut a sentence into pieces that fit a chunk, between words where there are any."""
    while True:
        while start < end and text[start].isspace():
            start += 1
        if start >= end:
            return
        cut = _fitting(text, start, end, size)
        if cut < end:
            cut = _word_end(text, start, cut)
        yield start, cut
        start = cut


def _word_end(text: str, start: int, cut: int) -> int:
    """Return where the last whole word before ``cut`` ends, or ``cut`` if there is but one."""
    if text[cut].isspace():
        return cut
    at = cut
    while at > start and not text[at - 1].isspace():
        at -= 1
    while at > start and text[at - 1].isspace():
        at -= 1
    return at if at > start else cut


def _fitting(text: str, start: int, end: int, size: ChunkSize) -> int:
    """Return the furthest end of a piece from ``start`` that fits a chunk."""
    room = size.tokens - estimate_tokens("")
    window = text[start : min(end, start + 4 * room + 3)]
    if window.isascii():
        return start + len(window)
    wide_room = (5 * room + 4) // 2
    return start + len(window.encode()[:wide_room].decode(errors="ignore"))


def _spans(units: Sequence[_Unit], blocks: Sequence[Block], size: ChunkSize) -> Iterator[tuple[int, int]]:
    """Yield the first and the last unit of each chunk of a section."""
    first, done = 0, 0
    while done < len(units):
        after = done + 1
        while after < len(units) and _tokens(units, first, after) <= size.tokens:
            after += 1
        cut = after if after == len(units) else _block_end(units, done, after, first=first, size=size)
        yield first, cut - 1
        done = cut
        first = _overlap(units, blocks, cut, size) if cut < len(units) else cut


def _block_end(units: Sequence[_Unit], done: int, after: int, *, first: int, size: ChunkSize) -> int:
    """Return where to cut before ``after``: where a block ends, if what is left is at least half a chunk."""
    for cut in range(after, done, -1):
        if units[cut].block != units[cut - 1].block:
            return cut if 2 * _tokens(units, first, cut - 1) >= size.tokens else after
    return after


def _overlap(units: Sequence[_Unit], blocks: Sequence[Block], cut: int, size: ChunkSize) -> int:
    """Return with which unit the chunk after ``cut`` begins: with sentences before it, as far as they and the next one fit."""
    first = cut
    while (
        first > 0
        and blocks[units[first - 1].block].kind not in (BlockKind.ROW, BlockKind.HEADING)
        and _tokens(units, first - 1, cut - 1) <= size.overlap
        and _tokens(units, first - 1, cut) <= size.tokens
    ):
        first -= 1
    return first


def _tokens(units: Sequence[_Unit], first: int, last: int) -> int:
    begin, end = units[first], units[last]
    return tokens_of_size(end.end - begin.start, end.end_byte - begin.start_byte)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
