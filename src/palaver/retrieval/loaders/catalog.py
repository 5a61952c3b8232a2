"""Which loader reads which media type. A loader is imported when it is needed, in the child."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import cast

from palaver.errors import InvalidInput
from palaver.retrieval.loaders.base import Loader

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLS = "application/vnd.ms-excel"
MSG = "application/vnd.ms-outlook"
EPUB = "application/epub+zip"
HTML = "text/html"
MARKDOWN = "text/markdown"
PLAIN = "text/plain"
CSV = "text/csv"
TSV = "text/tab-separated-values"
JSON = "application/json"
JSONL = "application/x-ndjson"

LOADERS: Mapping[str, str] = {
    PDF: "pdf",
    DOCX: "docx",
    HTML: "html",
    MARKDOWN: "markdown",
    PLAIN: "plain",
    CSV: "table",
    TSV: "table",
    JSON: "json_values",
    JSONL: "json_values",
    PPTX: "markitdown_formats",
    XLSX: "markitdown_formats",
    XLS: "markitdown_formats",
    MSG: "markitdown_formats",
    EPUB: "markitdown_formats",
}
"""The module of ``palaver.retrieval.loaders`` for each media type."""


def loader_of(media_type: str) -> Loader:
    """Return the loader of a media type, as ``kind_of`` names it.

    Raises:
        InvalidInput: ``unsupported_type``.
    """
    name = LOADERS.get(media_type)
    if name is None:
        raise InvalidInput(f"Files of the type {media_type[:100]} are not read.", code="unsupported_type")
    return cast(Loader, import_module(f"palaver.retrieval.loaders.{name}").load)
