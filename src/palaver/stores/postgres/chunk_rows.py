"""Chunks as the statements take them, and what was found as they give it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from palaver.document import Chunk, Hit
from palaver.stores.knowledge_rows import CHUNK_WIDTH, chunk_of
from palaver.stores.postgres.session import Row


def hit_of(row: Row, *, score: float, rank: int) -> Hit:
    """``{chunk_columns}, documents.title``"""
    return Hit(chunk=chunk_of(row), title=row[CHUNK_WIDTH], score=score, rank=rank)


def chunk_arrays(chunks: Sequence[Chunk]) -> dict[str, list[Any]]:
    """Return the columns of chunks, each as an array."""
    origins = [chunk.provenance for chunk in chunks]
    return {
        "ordinals": [chunk.ordinal for chunk in chunks],
        "texts": [chunk.text for chunk in chunks],
        "starts": [chunk.start for chunk in chunks],
        "ends": [chunk.end for chunk in chunks],
        "tokens": [chunk.tokens for chunk in chunks],
        "sha256s": [chunk.sha256 for chunk in chunks],
        "headings": [chunk.heading for chunk in chunks],
        "pages": [chunk.page for chunk in chunks],
        "fingerprints": [origin and origin.fingerprint for origin in origins],
        "conversation_ids": [origin and origin.conversation_id for origin in origins],
        "turn_ids": [origin and origin.turn_id for origin in origins],
    }
