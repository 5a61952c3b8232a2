"""Vectors as pgvector reads them, where the database has it.

The extension may come after the store: whoever opens a store then adds a column to the vectors, and fills it where it
is empty. The bytes beside it are the truth, for indexes in a process and for copies.
"""

from __future__ import annotations

import asyncio
import sys
from array import array
from collections.abc import Sequence

from palaver.stores.postgres.session import Row, Session

_FILLED_AT_ONCE = 500


def point_of(vector: bytes) -> str:
    """Return a vector (little-endian float32) as pgvector writes it."""
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return str(numbers.tolist())


def points_of(vectors: Sequence[bytes]) -> list[str]:
    """Return vectors as pgvector writes them. Takes 0.1 ms for one: many are for a thread."""
    return [point_of(vector) for vector in vectors]


async def add_points(db: Session) -> None:
    """Make room for points, if there is none."""
    if await db.row("has_points") is None:
        await db.row("add_points")
        await db.row("index_missing_points")


async def fill_points(db: Session) -> int:
    """Fill some points that are missing. Returns how many were."""
    rows: Sequence[Row] = await db.rows("missing_points", limit=_FILLED_AT_ONCE)
    if rows:
        points = await asyncio.to_thread(points_of, [row[5] for row in rows])
        await db.run(
            "fill_points",
            tenant_ids=[row[0] for row in rows],
            document_ids=[row[1] for row in rows],
            fences=[row[2] for row in rows],
            embeddings=[row[3] for row in rows],
            ordinals=[row[4] for row in rows],
            points=points,
        )
    return len(rows)
