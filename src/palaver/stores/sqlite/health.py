"""What an acknowledgement means on a file, and in memory."""

from __future__ import annotations

import sqlite3

from palaver.stores.orders import StoreHealth
from palaver.stores.sqlite.connection import Database
from palaver.stores.sqlite.transaction import Transaction


def health_of(tx: Transaction, database: Database) -> StoreHealth:
    """Look at the database."""
    row = tx.row("schema_version")
    version = int(row[0]) if row else 0
    (mode,) = tx.connection.execute("PRAGMA journal_mode").fetchone()
    settings = {"journal_mode": str(mode)}
    if database.in_memory:
        return StoreHealth(
            engine="sqlite",
            survives_kill=False,
            survives_power_cut=False,
            schema_version=version,
            detail="In memory: nothing outlives the process.",
            engine_version=sqlite3.sqlite_version,
            settings=settings,
            risks=("Everything is gone when the process ends: use a file.",),
        )
    return StoreHealth(
        engine="sqlite",
        survives_kill=True,
        survives_power_cut=True,
        schema_version=version,
        detail="A file with a write-ahead log: begin and end of a turn are synced to the disk before they are acknowledged.",
        engine_version=sqlite3.sqlite_version,
        settings={**settings, "synchronous": "full; normal for the words of a running answer"},
    )


def size_of(tx: Transaction) -> int:
    """``Store.size_bytes``"""
    (pages,) = tx.connection.execute("PRAGMA page_count").fetchone()
    (page_bytes,) = tx.connection.execute("PRAGMA page_size").fetchone()
    return int(pages) * int(page_bytes)
