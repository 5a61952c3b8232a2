"""Files that are made to harm whoever reads them, and the error that each one has."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import NamedTuple

from documents.docx_files import MAIN, document, docx, paragraph
from documents.pdf_files import FONT, book, pages, pdf, shown, stream
from palaver.retrieval.loaders.catalog import CSV, DOCX, EPUB, HTML, JSON, MARKDOWN, PDF, PLAIN, XLSX

UNREADABLE, TOO_COMPLEX = "file_unreadable", "file_too_complex"
MB = 1024 * 1024


class Hostile(NamedTuple):
    name: str
    media_type: str
    code: str
    make: Callable[[], bytes]
    also: str | None = None
    """What it may be called instead, where a library makes another error of the end of its memory."""

    @property
    def codes(self) -> frozenset[str]:
        return frozenset({self.code, self.also or self.code})


def laughs() -> str:
    """A billion of them, in a document type."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE x [<!ENTITY l0 "lol">{entities}]>' + document("<w:p><w:r><w:t>&l9;</w:t></w:r></w:p>")


def tree_loop() -> bytes:
    """A tree of pages whose branch is its own root."""
    return pdf(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Kids [3 0 R] /Count 1000000 >>",
            3: b"<< /Type /Pages /Parent 2 0 R /Kids [2 0 R 3 0 R] /Count 1000000 >>",
        }
    )


def form_loop() -> bytes:
    """A page that draws a form that draws itself twice; it is harmless to those who draw no form within itself."""
    resources = b"/Resources << /Font << /F1 4 0 R >> /XObject << /X 5 0 R >> >>"
    return pdf(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 6 0 R %s >>" % resources,
            4: FONT,
            5: stream(shown(["again"]) + b" /X Do /X Do", extra=b"/Type /XObject /Subtype /Form %s" % resources),
            6: stream(b"/X Do"),
        }
    )


def encrypted() -> bytes:
    key = b"(" + b"\x01" * 32 + b")"
    guard = b"/Encrypt << /Filter /Standard /V 2 /R 3 /Length 128 /P -44 /O %s /U %s >> /ID [<01> <01>]" % (key, key)
    return pages(shown(["secret"]), trailer=guard)


def zip_bomb(name: str, mimetype: str = "") -> bytes:
    """An archive whose part of this name unfolds to 400 MB."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        if mimetype:
            archive.writestr("mimetype", mimetype, zipfile.ZIP_STORED)
        with archive.open(name, "w") as part:
            for _ in range(400):
                part.write(b" " * MB)
    return file.getvalue()


def nested(depth: int) -> str:
    return document("<w:sdt>" * depth + paragraph("deep") + "</w:sdt>" * depth)


HOSTILE = (
    Hostile("empty pdf", PDF, UNREADABLE, lambda: b"%PDF-1.7\n"),
    Hostile("cut pdf", PDF, UNREADABLE, lambda: book(3)[:-600]),
    Hostile("noise in a pdf", PDF, UNREADABLE, lambda: b"%PDF-1.7\n" + bytes(range(256)) * 100),
    Hostile("scan", PDF, UNREADABLE, lambda: pages(b"", b"")),
    Hostile("encrypted pdf", PDF, UNREADABLE, encrypted),
    Hostile("stream bomb", PDF, TOO_COMPLEX, lambda: pages(b" " * (200 * MB))),
    Hostile("operator bomb", PDF, TOO_COMPLEX, lambda: pages(b"BT " + b"(x) Tj " * (3 * MB) + b"ET")),
    Hostile("loop of pages", PDF, UNREADABLE, tree_loop),
    Hostile("cut docx", DOCX, UNREADABLE, lambda: docx(document(paragraph("x" * 1000)))[:-100]),
    Hostile("broken xml", DOCX, UNREADABLE, lambda: docx(document("<w:p>"))),
    Hostile("billion laughs", DOCX, TOO_COMPLEX, lambda: docx(laughs())),
    Hostile("laughs in the styles", DOCX, TOO_COMPLEX, lambda: docx(document(paragraph("x")), styles=laughs())),
    Hostile("docx bomb", DOCX, TOO_COMPLEX, lambda: docx(f'<w:document xmlns:w="{MAIN}">' + " " * (300 * MB))),
    Hostile("deep docx", DOCX, TOO_COMPLEX, lambda: docx(nested(100_000))),
    Hostile("deep page", HTML, TOO_COMPLEX, lambda: b"<div>" * 200_000),
    Hostile("long page", HTML, TOO_COMPLEX, lambda: b"<p>x" * 300_000),
    Hostile("deep json", JSON, TOO_COMPLEX, lambda: b"[" * 1_000_000),
    Hostile("deeper than is read", JSON, TOO_COMPLEX, lambda: b"[" * 200 + b"]" * 200),
    Hostile(
        "long paths",
        JSON,
        TOO_COMPLEX,
        lambda: b'{"a":{"%s":{%s}}}' % (b"k" * MB, b",".join(b'"%d":1' % n for n in range(9999))),
    ),
    Hostile("one huge field", CSV, TOO_COMPLEX, lambda: b"a,b\n" * 1000 + b'1,"' + b"x\n" * (2 * MB)),
    Hostile("a million rows", CSV, TOO_COMPLEX, lambda: b"name,value\n" + b"a,b\n" * 1_000_000),
    Hostile("too much text", PLAIN, TOO_COMPLEX, lambda: b"word " * (4 * MB)),
    Hostile("deep quotes", MARKDOWN, UNREADABLE, lambda: b"> " * 100_000),
    Hostile("sheet bomb", XLSX, UNREADABLE, lambda: zip_bomb("xl/workbook.xml")),
    Hostile(
        "book bomb", EPUB, TOO_COMPLEX, lambda: zip_bomb("META-INF/container.xml", "application/epub+zip"), UNREADABLE
    ),
)
