"""What the extra ``markitdown`` reads: slides, spreadsheets, mails and e-books, by way of Markdown.

Its converters are called directly: the class that chooses among them loads a model to guess a type that is known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO

from markitdown import DocumentConverter, StreamInfo
from markitdown.converters import EpubConverter, OutlookMsgConverter, PptxConverter, XlsConverter, XlsxConverter

from palaver.retrieval.kinds import kind_of
from palaver.retrieval.loaders.base import Draft
from palaver.retrieval.loaders.catalog import EPUB, MSG, PPTX, XLS, XLSX
from palaver.retrieval.loaders.markdown import add_markdown

_CONVERTERS: Mapping[str, Callable[[], DocumentConverter]] = {
    EPUB: EpubConverter,
    MSG: OutlookMsgConverter,
    PPTX: PptxConverter,
    XLS: XlsConverter,
    XLSX: XlsxConverter,
}


def load(content: bytes, draft: Draft) -> None:
    """Add what the converter makes of the file."""
    media_type = kind_of(content)
    converted = _CONVERTERS[media_type]().convert(BytesIO(content), StreamInfo(mimetype=media_type))
    draft.title = converted.title
    add_markdown(draft, converted.markdown)
