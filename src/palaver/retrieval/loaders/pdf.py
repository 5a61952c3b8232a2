"""PDF: the text of each page, its lines joined to paragraphs again."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from pypdf import PdfReader
from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError, PyPdfError

from palaver.retrieval.loaders.base import BlockKind, Draft, too_complex, unreadable

SHORT_LINE = 0.6
"""A line shorter than this share of its page's longest ends its paragraph."""


def load(content: bytes, draft: Draft) -> None:
    """Add the paragraphs of each page; a scanned page has none.

    Raises:
        InvalidInput: ``file_unreadable`` for a file that is damaged, cut off or needs a password, ``file_too_complex``
            for a stream that unfolds too far.
    """
    try:
        reader = PdfReader(BytesIO(content))
        for number, page in enumerate(reader.pages, 1):
            for paragraph in _paragraphs(page.extract_text()):
                draft.add(BlockKind.PARAGRAPH, paragraph, page=number)
        draft.title = reader.metadata.title if reader.metadata else None
    except LimitReachedError:
        raise too_complex("A part of it unfolds too far.") from None
    except (FileNotDecryptedError, DependencyError):
        raise unreadable("The PDF is encrypted: save it without a password.") from None
    except PyPdfError:
        raise unreadable("The PDF is damaged or cut off.") from None


def _paragraphs(text: str) -> Iterator[str]:
    lines = [line.strip() for line in text.split("\n")]
    short = SHORT_LINE * max(map(len, lines))
    gathered = ""
    for line in lines:
        gathered = _joined(gathered, line) if gathered else line
        if len(line) < short:
            yield gathered
            gathered = ""
    yield gathered


def _joined(before: str, line: str) -> str:
    """Put two lines together; a word that was parted at the end of the first is whole again."""
    if before.endswith("-") and before[-2:-1].isalpha() and line[:1].islower():
        return before[:-1] + line
    return f"{before} {line}"
