"""PDF files, written byte by byte: good ones, and some that are not."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"


def pdf(objects: Mapping[int, bytes], *, trailer: bytes = b"") -> bytes:
    """A file of these objects; 1 is the catalog."""
    out, places = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), {}
    for number, body in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    size = max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        out += b"%010d 00000 n \n" % places.get(number, 0)
    out += b"trailer << /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, start)
    return bytes(out)


def stream(content: bytes, *, extra: bytes = b"") -> bytes:
    packed = zlib.compress(content, 9)
    return b"<< /Length %d /Filter /FlateDecode %s >>\nstream\n%s\nendstream" % (len(packed), extra, packed)


def shown(lines: Sequence[str]) -> bytes:
    """The content stream of a page with these lines."""
    written = [
        line.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)") for line in lines
    ]
    return b"BT /F1 11 Tf 14 TL 50 780 Td " + b" ".join(b"(%s) Tj T*" % line for line in written) + b" ET"


def pages(*contents: bytes, title: str | None = None, trailer: bytes = b"") -> bytes:
    """A file with a page for each content stream."""
    kids = b" ".join(b"%d 0 R" % (4 + 2 * number) for number in range(len(contents)))
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(contents)),
        3: FONT,
    }
    for number, content in enumerate(contents):
        objects[4 + 2 * number] = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>" % (5 + 2 * number)
        )
        objects[5 + 2 * number] = stream(content)
    if title is not None:
        info = max(objects) + 1
        objects[info] = b"<< /Title (%s) >>" % title.encode("cp1252")
        trailer += b" /Info %d 0 R" % info
    return pdf(objects, trailer=trailer)


def text_pdf(*texts: Sequence[str], title: str | None = None) -> bytes:
    """A file with a page for each list of lines."""
    return pages(*map(shown, texts), title=title)


def book(page_count: int) -> bytes:
    """A book of prose: 50 lines of some 90 letters on each page."""
    line = "Page {} line {}: the quick brown fox jumps over the lazy dog and says so at some length today."
    return text_pdf(*([line.format(page, number) for number in range(50)] for page in range(1, page_count + 1)))
