"""From the bytes of a text file to text."""

from __future__ import annotations

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins with the mark of UTF-16, so it is looked for first
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def byte_order_mark(content: bytes) -> tuple[bytes, str] | None:
    """Return the mark that the content begins with, and the encoding that it stands for."""
    return next(((mark, encoding) for mark, encoding in _MARKS if content.startswith(mark)), None)


def decoded(content: bytes) -> str:
    """Return the text: by its byte order mark, else as UTF-8 if it is that, else as Windows-1252.

    What does not fit becomes U+FFFD. Nothing is guessed from the frequency of letters: the same bytes are always the same text.
    """
    if marked := byte_order_mark(content):
        mark, encoding = marked
        return content[len(mark) :].decode(encoding, "replace")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")
