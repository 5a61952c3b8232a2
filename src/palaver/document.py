"""What is known of documents inside a conversation: the citation, an immutable snapshot of the chunk under an answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A quote as it was when the answer was given. ``start`` and ``end`` are code points in the document's text."""

    document_id: str
    version: int
    title: str
    quote: str
    start: int
    end: int
    score: float
    rank: int
    gone: bool = False
