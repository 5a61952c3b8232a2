"""What a file is taken for, and what is refused before anything of it is stored."""

from __future__ import annotations

import time
import zipfile
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.docx_files import document, docx, paragraph
from documents.pdf_files import text_pdf
from palaver.errors import InvalidInput
from palaver.retrieval.kinds import kind_of
from palaver.retrieval.loaders.catalog import (
    CSV,
    DOCX,
    EPUB,
    HTML,
    JSON,
    JSONL,
    LOADERS,
    MARKDOWN,
    MSG,
    PDF,
    PLAIN,
    TSV,
    XLS,
)

A_PDF = text_pdf(["Hello."])
A_DOCX = docx(document(paragraph("Hello.")))
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100)
PAGE = b"<!-- x -->\n<!DOCTYPE html><p>Hello"


def archive(*names: str, first: str = "") -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        if first:
            opened.writestr("mimetype", first)
        for name in names:
            opened.writestr(name, b"x")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "media_type", "name", "kind"),
    [
        (A_PDF, None, None, PDF),
        (A_PDF, "application/pdf; x=y", "A.PDF", PDF),
        (b"\n\n" + A_PDF, "application/octet-stream", "no-extension", PDF),
        (b"\x00junk" + A_PDF, None, "a.pdf", PDF),
        (b"Each PDF begins with %PDF-1.7.", None, "a.txt", PLAIN),
        (A_DOCX, DOCX, "a.docx", DOCX),
        (A_DOCX, "application/zip", None, DOCX),
        (archive(first="application/epub+zip"), None, "a.epub", EPUB),
        (OLE + "Workbook".encode("utf-16-le"), None, "a.xls", XLS),
        (OLE + "__properties_version1.0".encode("utf-16-le"), None, "a.msg", MSG),
        (PAGE, None, None, HTML),
        (PAGE.decode().encode("utf-16"), None, None, HTML),
        (b'<?xml version="1.0"?><html>', "application/xhtml+xml", "a.xhtml", HTML),
        (b"no tags at all", "text/html", None, HTML),
        (PAGE, "text/plain", "a.txt", HTML),
        (b"<div align=center>\n# Title", "text/markdown", "README.md", MARKDOWN),
        (b"# Title", None, "README.md", MARKDOWN),
        (b"# Title", "text/plain", "README.md", MARKDOWN),
        (b"a,b", "text/csv", None, CSV),
        (b"a\tb", None, "a.tsv", TSV),
        (b'{"a": 1}', "application/json", "a.json", JSON),
        (b'\xef\xbb\xbf {"a": 1}', None, "a.json", JSON),
        (b'{"a": 1}\n{}', "application/x-ndjson", None, JSONL),
        (b'{"a": 1}', None, None, PLAIN),
        ("grün".encode("latin-1"), "text/x-python", "a.py", PLAIN),
        ("text".encode("utf-16"), None, None, PLAIN),
        (b"MZ is how it begins", None, None, PLAIN),
    ],
)
def test_content_decides(content: bytes, media_type: str | None, name: str | None, kind: str) -> None:
    """A name and a declared type only choose among what the content can be."""
    assert kind_of(content, media_type=media_type, name=name) == kind
    assert kind in LOADERS


@pytest.mark.parametrize(
    ("content", "media_type", "name", "code"),
    [
        (b"", None, "a.txt", "invalid_file"),
        (PNG, None, "a.pdf", "unsupported_type"),
        (PNG, "application/pdf", None, "unsupported_type"),
        (PAGE, "application/pdf", None, "invalid_file"),
        (PAGE, None, "a.pdf", "invalid_file"),
        (PAGE, "application/json", None, "invalid_file"),
        (b"plain text", None, "a.pdf", "invalid_file"),
        (b"plain text", None, "a.docx", "invalid_file"),
        (b"plain text", "image/png", None, "invalid_file"),
        (A_PDF, None, "a.docx", "invalid_file"),
        (A_PDF, "application/pdf", "a.png", "invalid_file"),
        (A_DOCX, None, "a.pdf", "invalid_file"),
        (b"= not json", None, "a.json", "invalid_file"),
        (b"<svg xmlns=x>", None, "a.svg", "unsupported_type"),
        (b'<?xml version="1.0"?>\n<!-- x --><!DOCTYPE svg PUBLIC "x">\n<svg>', None, "a.txt", "unsupported_type"),
        (b"MZ\x90\x00\x03\x00\x00\x00", None, "a.txt", "unsupported_type"),
        (b"\x7fELF\x02\x01\x01\x00", None, None, "unsupported_type"),
        (b"\x1f\x8b\x08\x00\x00\x00", None, None, "unsupported_type"),
        (bytes(range(256)), None, "a.md", "unsupported_type"),
        (b"{\\rtf1 hello}", None, None, "unsupported_type"),
        (archive("a.txt"), None, "a.zip", "unsupported_type"),
        (OLE, None, "a.doc", "unsupported_type"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), None, "a.docx", "file_unreadable"),
    ],
)
def test_what_is_no_document_or_lies_is_refused(
    content: bytes, media_type: str | None, name: str | None, code: str
) -> None:
    """Empty files, lies about the type, programs, pictures, archives and unknown bytes have a named error."""
    with pytest.raises(InvalidInput) as refused:
        kind_of(content, media_type=media_type, name=name)
    assert refused.value.code == code


def test_a_file_has_at_most_so_many_bytes() -> None:
    """The limit itself is allowed, one byte more is ``file_too_large``."""
    assert kind_of(b"x" * 100, limit_bytes=100) == PLAIN
    with pytest.raises(InvalidInput) as refused:
        kind_of(b"x" * 101, limit_bytes=100)
    assert refused.value.code == "file_too_large"


@pytest.mark.parametrize("piece", [b" ", b"<!--", b"<?", b"<!doctype svg", b"PK\x03\x04", b"%PDF", b"<!-- -->"])
def test_the_decision_costs_a_look(piece: bytes) -> None:
    """The largest file of the strangest content is decided upon in less than a second of CPU time."""
    content = piece * (25_000_000 // len(piece))
    begun = time.process_time()
    with suppress(InvalidInput):
        kind_of(content)
    assert time.process_time() - begun < 1


@given(content=st.binary(max_size=300), name=st.none() | st.sampled_from(["a.pdf", "a.md", "a.json", "a.csv", "x"]))
def test_any_bytes_are_a_known_kind_or_a_named_refusal(content: bytes, name: str | None) -> None:
    """There is no content at which the decision breaks."""
    try:
        outcome = kind_of(content, name=name)
    except InvalidInput as refused:
        outcome = refused.code
    assert outcome in {*LOADERS, "invalid_file", "unsupported_type"}
