r"""Text that arrives in pieces cut inside a character.

A model server that cuts its text by UTF-16 code units sends ``"\ud83d"`` in one JSON document and ``"\ude00"`` in the
next; together they are one character. What stays half is no text and becomes U+FFFD, as NUL does.
"""

from __future__ import annotations

import re

from palaver.text import from_model

_SUSPECT = re.compile("[\x00\ud800-\udfff]")


class Joiner:
    """Joins the pieces of one text."""

    def __init__(self) -> None:
        self._held = ""

    def add(self, piece: str) -> str:
        """Return what can be read by now: ``piece``, but for a first half at its end, which waits for the second."""
        if not self._held and not _SUSPECT.search(piece):
            return piece
        text = self._held + piece
        self._held = ""
        if "\ud800" <= text[-1:] <= "\udbff":
            text, self._held = text[:-1], text[-1]
        return from_model(_paired(text))

    def end(self) -> str:
        """Return U+FFFD for a first half that still waits; else nothing."""
        held, self._held = self._held, ""
        return from_model(held)


def _paired(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
