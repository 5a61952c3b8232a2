"""Everything in one SQLite file: one writer thread with group commit, reader threads with snapshots of their own."""

from palaver.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
