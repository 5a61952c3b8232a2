"""Plain text: paragraphs are parted by empty lines."""

from __future__ import annotations

import re

from palaver.retrieval.loaders.base import BlockKind, Draft
from palaver.retrieval.loaders.encoding import decoded

_EMPTY_LINES = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")


def load(content: bytes, draft: Draft) -> None:
    """Add a paragraph for each."""
    text = decoded(content).replace("\r\n", "\n").replace("\r", "\n")
    for paragraph in _EMPTY_LINES.split(text):
        draft.add(BlockKind.PARAGRAPH, paragraph)
