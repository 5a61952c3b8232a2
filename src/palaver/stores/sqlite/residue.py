"""What a removal leaves in the files: words in the search index, pages in the write-ahead log. A purge clears it away."""

from __future__ import annotations

from palaver.stores.sqlite.transaction import Transaction

_KEY, _OF_CHUNKS = "residue", "chunk_residue"
NONE, REMOVED, MERGING, MERGED = 0, 1, 2, 3
"""Nothing is left; rows were removed; the search index is being merged; only the write-ahead log is left."""


def note_residue(tx: Transaction) -> None:
    """Remember that something was removed for good."""
    set_residue(tx, REMOVED)


def set_residue(tx: Transaction, stage: int) -> None:
    """Remember how far the clearing is."""
    tx.run("set_meta", key=_KEY, value=stage)


def residue(tx: Transaction) -> int:
    """Return how far the clearing is."""
    row = tx.row("meta", key=_KEY)
    return int(row[0]) if row else NONE


def note_chunk_residue(tx: Transaction) -> None:
    """Remember that something was removed from the indexes of chunks and their words."""
    set_chunk_residue(tx, REMOVED)


def set_chunk_residue(tx: Transaction, stage: int) -> None:
    """Remember how far the clearing of these indexes is: never ``MERGED``, which is about the log."""
    tx.run("set_meta", key=_OF_CHUNKS, value=stage)


def chunk_residue(tx: Transaction) -> int:
    """Return how far the clearing of these indexes is."""
    row = tx.row("meta", key=_OF_CHUNKS)
    return int(row[0]) if row else NONE
