"""The terms of a search: all the words of a query, as they are written.

An index's own syntax never shows: a query is cut at blanks. A piece in which no tokenizer sees a word (``*``, an emoji) is
compared literally.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from palaver.errors import InvalidInput

QUERY_CODE_POINTS = 1_000


@dataclass(frozen=True, slots=True)
class Terms:
    """A query: ``words`` to look up in an index, ``literals`` to compare."""

    words: tuple[str, ...]
    literals: tuple[str, ...]


def _has_word(piece: str) -> bool:
    # Tokenizers know the letters of Unicode 6.1 at least. Those of 3.2, which Python keeps, are among them for certain.
    return any(unicodedata.ucd_3_2_0.category(char)[0] in "LN" for char in piece)


def check_query(text: str) -> None:
    """Raise ``InvalidInput`` (``query_too_long``) for more than 1,000 characters."""
    if len(text) > QUERY_CODE_POINTS:
        raise InvalidInput(f"A query holds at most {QUERY_CODE_POINTS:,} characters.", code="query_too_long")


def terms_of(text: str) -> Terms:
    """Cut a query into terms.

    Raises:
        InvalidInput: ``query_too_long``, ``empty_query``, ``invalid_character`` for NUL.
    """
    check_query(text)
    if "\x00" in text:
        raise InvalidInput("NUL is in no text.", code="invalid_character")
    pieces = tuple(dict.fromkeys(text.split()))
    if not pieces:
        raise InvalidInput("A query needs a word to find.", code="empty_query")
    words = tuple(piece.replace('"', " ") for piece in pieces if _has_word(piece))
    return Terms(words, tuple(piece for piece in pieces if not _has_word(piece)))
