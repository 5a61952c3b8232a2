"""Tables as CSV, for people and their spreadsheets.

RFC 4180: every cell in quotes, CRLF at the end of a row, UTF-8. A spreadsheet takes what begins with ``=`` and its like for
a formula, so that such a cell gets an apostrophe in front: what a visitor wrote is never run on the desk of whoever
opens the file. https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

from collections.abc import Iterable

MEDIA_TYPE = "text/csv"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_row(cells: Iterable[str]) -> bytes:
    """Return one row, in which no cell is a formula."""
    return (",".join(map(_cell, cells)) + "\r\n").encode()


def _cell(text: str) -> str:
    shown = f"'{text}" if text.startswith(_FORMULA) else text
    return '"' + shown.replace('"', '""') + '"'
