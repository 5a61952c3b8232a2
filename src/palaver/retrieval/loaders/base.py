"""The contract of a loader: the bytes of a file in, its text in order out.

A loader is a function ``load(content, draft)`` that adds the blocks of the document to a ``Draft`` as it meets them. It
does no I/O, keeps nothing between two files, and runs in a child process that may be killed at any moment. What it
can't read it refuses with ``unreadable`` or ``too_complex``; any other exception that leaves it means ``file_unreadable``.

The text of a document is its blocks joined by ``separator``: offsets of chunks and citations are code points in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from palaver.errors import InvalidInput
from palaver.text import as_name, from_model


class BlockKind(StrEnum):
    """What a block is. A list is a block for each item, a table one for each row."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST_ITEM = "list_item"
    ROW = "row"
    CODE = "code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of a document that belongs together: never blank, valid Unicode without NUL, lines end in LF.

    ``level`` is a heading's, from 1 (outermost); ``page`` counts from 1, where the format has pages.
    """

    kind: BlockKind
    text: str
    level: int | None = None
    page: int | None = None


def separator(before: Block, after: Block) -> str:
    """Return what stands between two blocks in the document's text: items of a list are not parted by an empty line."""
    return "\n" if before.kind is after.kind is BlockKind.LIST_ITEM else "\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """What was read of a file: its blocks in reading order, and its title.

    The title is the one that the format names, else the first heading of level 1, else None. It is fit to be a name.
    """

    blocks: tuple[Block, ...]
    title: str | None = None

    @property
    def text(self) -> str:
        """The document's text. Joined anew each time."""
        return "".join(self._parts())

    def _parts(self) -> Iterator[str]:
        before = None
        for block in self.blocks:
            if before is not None:
                yield separator(before, block)
            yield block.text
            before = block


class Draft:
    """An extract in the making: tidies what is added, and stops what grows too large.

    Args:
        text_bytes: The most UTF-8 that all texts may have together.
        blocks: The most blocks.
    """

    def __init__(self, *, text_bytes: int, blocks: int) -> None:
        self.title: str | None = None
        self._bytes_left = text_bytes
        self._blocks_left = blocks
        self._blocks: list[Block] = []

    def add(self, kind: BlockKind, text: str, *, level: int | None = None, page: int | None = None) -> None:
        """Add a block; one without anything to see is passed over. Raises ``file_too_complex``."""
        tidy = _tidy(text, keep_indent=kind is BlockKind.CODE)
        if not tidy:
            return
        self._bytes_left -= len(tidy.encode())
        self._blocks_left -= 1
        if self._bytes_left < 0 or self._blocks_left < 0:
            raise too_complex("It holds more text than one document may.")
        self._blocks.append(Block(kind=kind, text=tidy, level=level, page=page))

    def extract(self) -> Extract:
        """Return what was gathered."""
        titles = (self.title, *(block.text for block in self._blocks if block.level == 1))
        tidy = (as_name(title or "", "") for title in titles)
        return Extract(blocks=tuple(self._blocks), title=next(filter(None, tidy), None))


Loader = Callable[[bytes, Draft], None]


def unreadable(message: str) -> InvalidInput:
    """The error of a file that is damaged or locked."""
    return InvalidInput(message, code="file_unreadable")


def too_complex(message: str) -> InvalidInput:
    """The error of a file that takes more than a file may."""
    return InvalidInput(message, code="file_too_complex")


def _tidy(text: str, *, keep_indent: bool) -> str:
    valid = from_model(text.replace("\r\n", "\n").replace("\r", "\n"))
    if keep_indent:
        return valid.strip("\n").rstrip() if valid.strip() else ""
    return valid.strip()
