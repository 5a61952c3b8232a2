"""Records as CSV, in which no cell is a formula."""

from __future__ import annotations

import json
from collections.abc import Sequence

from palaver.compat.knowrithm.answers import Record
from palaver.sheet import csv_row


def table(records: Sequence[Record]) -> str:
    """Return records as CSV: their keys as the names of the columns, one row a record; what is no text as JSON."""
    names = list(dict.fromkeys(name for record in records for name in record))
    rows = [csv_row(names), *(csv_row(_text(record.get(name)) for name in names) for record in records)]
    return b"".join(rows).decode()


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case dict() | list():
            return json.dumps(value, separators=(",", ":"))
        case _:
            return str(value)
