"""DOCX: its parts are read as a stream, so that neither a small file with a huge inside nor a hostile DTD costs memory.

Only the standard library: a zip archive whose parts go through expat piece by piece.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Mapping
from io import BytesIO
from xml.parsers import expat

from palaver.retrieval.loaders.base import BlockKind, Draft, too_complex, unreadable
from palaver.retrieval.loaders.rows import add_rows

PART_BYTES = 200_000_000
"""The most XML of one part."""
RATIO_MAX = 400
"""How many times its size a part may become; prose becomes 5 to 15 times, and a part below ``RATIO_FREE_BYTES`` may be anything."""
RATIO_FREE_BYTES = 4_000_000
PIECE_BYTES = 64 * 1024
DEPTH_MAX = 256
_HEADING_NAME = re.compile(r"heading ([1-9])", re.IGNORECASE)
_UNREAD = frozenset({"Fallback", "del", "moveFrom", "instrText"})
"""What is there twice (for older readers), what was deleted, and what a field is computed from."""


def load(content: bytes, draft: Draft) -> None:
    """Add headings (by their style's name or outline), paragraphs, list items and rows of tables.

    Raises:
        InvalidInput: ``file_unreadable`` for a broken archive or XML, ``file_too_complex`` for one that unfolds too far.
    """
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            names = frozenset(archive.namelist())
            main = _main_part(archive)
            styles, body, title = _Styles(), _Body(draft), _Title()
            if (part := posixpath.join(posixpath.dirname(main), "styles.xml")) in names:
                _parse(archive, part, styles)
            body.levels = styles.levels
            _parse(archive, main, body)
            if "docProps/core.xml" in names:
                _parse(archive, "docProps/core.xml", title)
                draft.title = title.text
    except (zipfile.BadZipFile, KeyError, EOFError, expat.ExpatError) as error:
        raise unreadable(f"The document is damaged: {error}.") from None


def _main_part(archive: zipfile.ZipFile) -> str:
    relations = _Relations()
    _parse(archive, "_rels/.rels", relations)
    return relations.main


class _Sink:
    """What takes a part in, tag by tag; names come without their namespace."""

    def begin(self, tag: str, attributes: Mapping[str, str], /) -> None:
        """An element begins."""

    def end(self, tag: str, /) -> None:
        """An element ends."""

    def say(self, text: str, /) -> None:
        """Text comes by."""


def _parse(archive: zipfile.ZipFile, name: str, sink: _Sink) -> None:
    """Send a part of the archive through expat, piece by piece."""
    part = archive.getinfo(name)
    if part.file_size > max(RATIO_FREE_BYTES, RATIO_MAX * part.compress_size):
        raise too_complex("It unfolds to many times its size.")
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    depth = 0

    def enter(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEPTH_MAX:
            raise too_complex("Its parts are nested too deeply.")
        sink.begin(tag.rpartition(" ")[2], {key.rpartition(" ")[2]: value for key, value in attributes.items()})

    def leave(tag: str) -> None:
        nonlocal depth
        depth -= 1
        sink.end(tag.rpartition(" ")[2])

    def refuse(*_: object) -> None:
        raise too_complex("It declares a document type, which documents of this kind never do.")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = enter, leave, sink.say
    parser.StartDoctypeDeclHandler = refuse
    with archive.open(part) as stream:
        for _ in range(0, PART_BYTES, PIECE_BYTES):
            if not (piece := stream.read(PIECE_BYTES)):
                break
            parser.Parse(piece)
        else:
            raise too_complex("A part of it is too large.")
    parser.Parse(b"", True)


class _Relations(_Sink):
    """Where the document is in its archive."""

    def __init__(self) -> None:
        self.main = "word/document.xml"

    def begin(self, tag: str, attributes: Mapping[str, str], /) -> None:
        if tag == "Relationship" and attributes.get("Type", "").endswith("/officeDocument"):
            self.main = attributes.get("Target", "").lstrip("/")


class _Styles(_Sink):
    """The heading levels of paragraph styles: ids are in the author's language, names are not."""

    def __init__(self) -> None:
        self.levels: dict[str, int] = {}
        self._id = ""

    def begin(self, tag: str, attributes: Mapping[str, str], /) -> None:
        value = attributes.get("val", "")
        match tag:
            case "style":
                self._id = attributes.get("styleId", "")
            case "name" if heading := _HEADING_NAME.fullmatch(value):
                self.levels[self._id] = int(heading[1])
            case "name" if value.lower() == "title":
                self.levels[self._id] = 1
            case "outlineLvl" if value.isdigit() and int(value) < 9:
                self.levels.setdefault(self._id, int(value) + 1)


class _Title(_Sink):
    def __init__(self) -> None:
        self.text = ""
        self._is_inside = False

    def begin(self, tag: str, _attributes: Mapping[str, str], /) -> None:
        self._is_inside = tag == "title"

    def end(self, _tag: str, /) -> None:
        self._is_inside = False

    def say(self, text: str, /) -> None:
        if self._is_inside:
            self.text += text


class _Body(_Sink):
    """The document as its tags come by."""

    def __init__(self, draft: Draft) -> None:
        self.levels: Mapping[str, int] = {}
        self._draft = draft
        self._text: list[str] = []
        self._level: int | None = None
        self._is_item = False
        self._is_hidden = False
        self._is_said = False
        self._unread = 0
        self._tables = 0
        self._rows: list[list[str]] = []

    def begin(self, tag: str, attributes: Mapping[str, str], /) -> None:
        if tag in _UNREAD or self._unread:
            self._unread += 1
            return
        self._begin_table(tag)
        self._format(tag, attributes.get("val", ""))
        match tag:
            case "p":
                self._end_paragraph()  # the one around it, where this one is in a text box
                self._level, self._is_item = None, False
            case "r":
                self._is_hidden = False
            case "t":
                self._is_said = not self._is_hidden
            case "tab":
                self._text.append(" ")
            case "br" | "cr":
                self._text.append("\n")

    def _format(self, tag: str, value: str) -> None:
        """Take in what a paragraph or a run is."""
        match tag:
            case "pStyle":
                self._level = self.levels.get(value)
            case "outlineLvl" if value.isdigit() and int(value) < 9:
                self._level = int(value) + 1
            case "numPr":
                self._is_item = True
            case "vanish":
                self._is_hidden = value not in ("0", "false")

    def _begin_table(self, tag: str) -> None:
        """A table within a table is text of its cell."""
        if tag == "tbl":
            self._tables += 1
        elif self._tables == 1 and tag == "tr":
            self._rows.append([])
        elif self._tables == 1 and tag == "tc" and self._rows:
            self._rows[-1].append("")

    def end(self, tag: str, /) -> None:
        if self._unread:
            self._unread -= 1
            return
        match tag:
            case "t":
                self._is_said = False
            case "p":
                self._end_paragraph()
            case "tbl":
                self._tables -= 1
                if not self._tables:
                    add_rows(self._draft, self._rows)
                    self._rows = []

    def _end_paragraph(self) -> None:
        text = "".join(self._text)
        self._text.clear()
        if self._tables:
            if self._rows and self._rows[-1]:
                self._rows[-1][-1] = f"{self._rows[-1][-1]} {text}".strip()
        elif self._level:
            self._draft.add(BlockKind.HEADING, text, level=self._level)
        else:
            self._draft.add(BlockKind.LIST_ITEM if self._is_item else BlockKind.PARAGRAPH, text)

    def say(self, text: str, /) -> None:
        if self._is_said:
            self._text.append(text)
