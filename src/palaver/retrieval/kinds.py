"""What a file is: decided by its content, before anything of it is stored or parsed.

A name and a declared media type only choose among what the content can be (CSV, Markdown and JSON are all plain text); where they
claim what the content is not, the file is refused. Nothing is parsed here: hostile content costs a look at its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec

from palaver.errors import InvalidInput
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
    PPTX,
    TSV,
    XLS,
    XLSX,
)
from palaver.retrieval.loaders.encoding import byte_order_mark

FILE_BYTES = 25_000_000
"""The largest file."""
LOOK_BYTES = 64 * 1024
"""How far a text is looked at."""
PDF_HEAD_BYTES = 1024
"""How far into a file its readers look for the mark of a PDF."""

_EXTENSIONS: Mapping[str, str] = {
    "csv": CSV,
    "docx": DOCX,
    "epub": EPUB,
    "gif": "image/gif",
    "htm": HTML,
    "html": HTML,
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": JSON,
    "jsonl": JSONL,
    "markdown": MARKDOWN,
    "md": MARKDOWN,
    "msg": MSG,
    "ndjson": JSONL,
    "pdf": PDF,
    "png": "image/png",
    "pptx": PPTX,
    "svg": "image/svg+xml",
    "tsv": TSV,
    "txt": PLAIN,
    "webp": "image/webp",
    "xhtml": HTML,
    "xls": XLS,
    "xlsx": XLSX,
}
READ_ENDINGS = tuple(f".{ending}" for ending, kind in _EXTENSIONS.items() if kind in LOADERS)
"""How the names of files end that can be read, some of them with an extra."""
_SYNONYMS: Mapping[str, str] = {
    "application/csv": CSV,
    "application/jsonl": JSONL,
    "application/jsonlines": JSONL,
    "application/x-jsonlines": JSONL,
    "application/x-ndjson": JSONL,
    "application/x-pdf": PDF,
    "application/xhtml+xml": HTML,
    "text/json": JSON,
    "text/x-markdown": MARKDOWN,
}
_TEXTS = frozenset({PLAIN, MARKDOWN, CSV, TSV, JSON, JSONL})
_FOREIGN: Mapping[bytes, str] = {
    b"\x89PNG\r\n": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"RIFF": "a media file",
    b"MZ": "a program",
    b"\x7fELF": "a program",
    b"\xcf\xfa\xed\xfe": "a program",
    b"\xca\xfe\xba\xbe": "a program",
    b"\x1f\x8b": "an archive",
    b"Rar!": "an archive",
    b"7z\xbc\xaf": "an archive",
}
"""Some beginnings of binary files, by what they are called in the refusal."""
_IN_ZIP: Mapping[bytes, str] = {b"word/document": DOCX, b"ppt/presentation": PPTX, b"xl/workbook": XLSX}
_IN_OLE: Mapping[bytes, str] = {
    "Workbook".encode("utf-16-le"): XLS,
    "__properties_version1.0".encode("utf-16-le"): MSG,
}
_OLE_LOCKED = "EncryptedPackage".encode("utf-16-le")
_NO_TEXT = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f]")
_BEFORE_MARKUP = re.compile(rb"(?:\s|<\?[^>]*>|<!--.*?-->)*", re.DOTALL)
_HTML_BEGIN = re.compile(rb"<(?:!doctype\s+html|html|head|body|title|meta|div|p|h1|table)\b", re.IGNORECASE)
_SVG_BEGIN = re.compile(rb"(?:<!doctype\s+svg[^>]*>\s*)?<svg\b|<!doctype\s+svg", re.IGNORECASE)
_JSON_BEGIN = re.compile(rb'\s*[{\["\-0-9tfn]')


def kind_of(
    content: bytes, *, media_type: str | None = None, name: str | None = None, limit_bytes: int = FILE_BYTES
) -> str:
    """Return the media type of a file that can be read, one of ``LOADERS``.

    Args:
        content: The whole file.
        media_type: As the caller declares it; parameters and ``application/octet-stream`` say nothing.
        name: The file's name, of which the extension is a claim.
        limit_bytes: The most that it may have.

    Raises:
        InvalidInput: ``invalid_file`` (empty, or not what it claims to be), ``file_too_large``, ``file_unreadable``
            (encrypted) or ``unsupported_type``.
    """
    if not content:
        raise InvalidInput("The file is empty.", code="invalid_file")
    if len(content) > limit_bytes:
        raise InvalidInput(f"A file has at most {limit_bytes:,} bytes.", code="file_too_large")
    claims = [claim for claim in (_declared(media_type), _by_extension(name)) if claim]
    kind = _binary_kind(content) or _text_kind(content, claims)
    for claim in claims:
        if not _agrees(kind, claim):
            raise InvalidInput(f"The file is declared as {claim}, but is {kind}.", code="invalid_file")
    _check_installed(kind)
    return kind


def _declared(media_type: str | None) -> str | None:
    plain = (media_type or "").partition(";")[0].strip().lower()
    claim = _SYNONYMS.get(plain, plain)
    return claim if claim in LOADERS or claim.startswith("image/") else None


def _by_extension(name: str | None) -> str | None:
    return _EXTENSIONS.get((name or "").rpartition(".")[2].lower())


def _agrees(kind: str, claim: str) -> bool:
    """Whether content of this kind may be called so: every text is plain text, and a page may be called any prose."""
    return claim == kind or (claim in _TEXTS and kind in _TEXTS) or (kind == HTML and claim in (PLAIN, MARKDOWN))


def _binary_kind(content: bytes) -> str | None:
    """Return the kind of a format with a signature, None for text. Raises ``unsupported_type`` for what is neither."""
    is_binary = not byte_order_mark(content) and _NO_TEXT.search(content[:LOOK_BYTES]) is not None
    head = content[:PDF_HEAD_BYTES]
    if head.lstrip().startswith(b"%PDF-") or (is_binary and b"%PDF-" in head):
        return PDF
    if content.startswith(b"PK\x03\x04"):
        return _zip_kind(content)
    if content.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _ole_kind(content)
    if is_binary:
        what = next((what for beginning, what in _FOREIGN.items() if content.startswith(beginning)), "a binary file")
        raise _unsupported(f"This is {what}; it can't be read as a document.")
    return None


def _zip_kind(content: bytes) -> str:
    """Return which document the archive is. Names in it are never compressed, so it needn't be opened."""
    if content[30:58] == b"mimetypeapplication/epub+zip":
        return EPUB
    places = {content.find(part): kind for part, kind in _IN_ZIP.items() if part in content}
    if not places:
        raise _unsupported("Archives are not read: add the files in it.")
    return places[min(places)]


def _ole_kind(content: bytes) -> str:
    if _OLE_LOCKED in content:
        raise InvalidInput("The document is encrypted: save it without a password.", code="file_unreadable")
    for stream, kind in _IN_OLE.items():
        if stream in content:
            return kind
    raise _unsupported("Documents of this old format are not read: save it in a newer one.")


def _text_kind(content: bytes, claims: list[str]) -> str:
    """Return which text it is: a page shows itself, the others are as they are called."""
    head = _head_of_text(content)
    begin = _BEFORE_MARKUP.match(head)
    at = begin.end() if begin else 0
    if _SVG_BEGIN.match(head, at):
        raise _unsupported("This is an SVG image; it can't be read as a document.")
    if head.startswith(b"{\\rtf"):
        raise _unsupported("RTF documents are not read: save it in another format.")
    if _HTML_BEGIN.match(head, at) and MARKDOWN not in claims:
        return HTML
    called = next((claim for claim in claims if claim in _TEXTS and claim != PLAIN), PLAIN)
    if called in (JSON, JSONL) and not _JSON_BEGIN.match(head, at):
        raise InvalidInput("The file is declared as JSON, but is none.", code="invalid_file")
    return HTML if HTML in claims else called


def _head_of_text(content: bytes) -> bytes:
    """Return the beginning of a text in UTF-8 (or what else contains ASCII), without its mark."""
    marked = byte_order_mark(content)
    if marked is None:
        return content[:LOOK_BYTES]
    mark, encoding = marked
    return content[len(mark) : LOOK_BYTES].decode(encoding, "ignore").encode()


def _check_installed(kind: str) -> None:
    if LOADERS[kind] == "markitdown_formats" and find_spec("markitdown") is None:
        raise _unsupported(f"Reading {kind} needs an extra: pip install 'palaver[markitdown]'.")


def _unsupported(message: str) -> InvalidInput:
    return InvalidInput(message, code="unsupported_type")
