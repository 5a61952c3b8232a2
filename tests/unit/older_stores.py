"""What a store of an earlier release lacks, as statements that take it away."""

from __future__ import annotations

WITHOUT_RESTORED_TURNS = (
    "DROP INDEX messages_deleted",
    "DROP INDEX messages_deleted_of_conversation",
    "ALTER TABLE turns DROP COLUMN origin_n",
    "ALTER TABLE conversations DROP COLUMN lost_n",
    "ALTER TABLE conversations DROP COLUMN restored_at",
    "ALTER TABLE messages DROP COLUMN deleted_of",
)
"""On SQLite: that deleted turns can be restored."""

WITHOUT_RESTORED_TURNS_ON_POSTGRES = (
    *WITHOUT_RESTORED_TURNS[:2],
    "ALTER TABLE turns DROP COLUMN origin_idx",
    "ALTER TABLE conversations DROP COLUMN lost_idx",
    "ALTER TABLE conversations DROP COLUMN restored_at",
)
"""The same on PostgreSQL."""

_BEFORE_THAT = ("DROP INDEX turns_unfound", "ALTER TABLE bots DROP COLUMN widget")
AFTER_FIGURES = (*WITHOUT_RESTORED_TURNS, *_BEFORE_THAT)
"""On SQLite: all that came later than figures."""

AFTER_FIGURES_ON_POSTGRES = (*WITHOUT_RESTORED_TURNS_ON_POSTGRES, *_BEFORE_THAT)
"""The same on PostgreSQL."""
