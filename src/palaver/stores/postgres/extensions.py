"""What the database has beyond PostgreSQL: found when a store is opened, used where it is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from palaver.stores.postgres.session import Session

_TRIGRAMS = "pg_trgm"
_VECTORS = "vector"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extensions:
    """The schemas (as SQL names them) that ``pg_trgm`` and pgvector are in; None: it is not there."""

    trigrams: str | None = None
    vectors: str | None = None

    def parts(self) -> Mapping[str, str]:
        """Return the parts of queries that depend on them."""
        return {
            "similarity": "0::real" if self.trigrams is None else f"{self.trigrams}.similarity(w.word, :word)",
            "point_column": "" if self.vectors is None else ", point",
            "point_value": "" if self.vectors is None else f", w.point::{self.vectors}.vector",
            "vector_type": f"{self.vectors}.vector",
            "distance": f"v.point OPERATOR({self.vectors}.<=>) (SELECT :point::text::{self.vectors}.vector)",
        }


async def find_extensions(db: Session) -> Extensions:
    """Return those that are there."""
    schemas = {row[0]: row[1] for row in await db.rows("extensions", names=[_TRIGRAMS, _VECTORS])}
    return Extensions(trigrams=schemas.get(_TRIGRAMS), vectors=schemas.get(_VECTORS))
