"""CSV and TSV: a row is a block, with the names of its columns."""

from __future__ import annotations

import csv
import io

from palaver.retrieval.loaders.base import Draft, too_complex
from palaver.retrieval.loaders.encoding import decoded
from palaver.retrieval.loaders.rows import add_rows

FIELD_CODE_POINTS = 1_000_000
"""The longest field: what is longer is an open quote that swallows the rest."""
_DELIMITERS = "\t,;|"


def load(content: bytes, draft: Draft) -> None:
    """Add a block for each row. Raises ``file_too_complex`` for a field that is too long."""
    text = decoded(content)
    csv.field_size_limit(FIELD_CODE_POINTS)
    try:
        add_rows(draft, csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))
    except csv.Error as error:
        raise too_complex(f"A row can't be read: {error}.") from None


def _delimiter(text: str) -> str:
    """Return what parts the fields: the candidate that the first line has most often."""
    first_line = next((line for line in io.StringIO(text) if line.strip()), "")
    return max(_DELIMITERS, key=first_line.count)
