"""What SQLite's errors mean in ours. The one place that looks at a driver's error."""

from __future__ import annotations

import sqlite3

from palaver.errors import Conflict, PalaverError, StoreFull, StoreRefused, StoreUnavailable

RETRY_AFTER_SECONDS = 2
_PRIMARY = 0xFF  # an extended result code holds its primary one in the low byte

_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY: "The database file is locked by another process.",
    sqlite3.SQLITE_LOCKED: "The database file is locked.",
    sqlite3.SQLITE_READONLY: "The database file can't be written.",
    sqlite3.SQLITE_IOERR: "The disk refused to read or write the database file.",
    sqlite3.SQLITE_CANTOPEN: "The database file can't be opened.",
    sqlite3.SQLITE_PROTOCOL: "The database file is locked.",
    sqlite3.SQLITE_NOMEM: "There is no memory left for the database.",
    sqlite3.SQLITE_INTERRUPT: "The database operation was interrupted.",
}
_BROKEN = {
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_READONLY,  # a connection that was opened while the file was read-only stays so
}


def code_of(error: sqlite3.Error) -> int:
    """Return the primary result code; 0 where the driver itself complains."""
    return int(getattr(error, "sqlite_errorcode", 0)) & _PRIMARY


def breaks_connection(error: sqlite3.Error) -> bool:
    """Whether the connection should be opened anew before the next operation."""
    return isinstance(error, sqlite3.ProgrammingError) or code_of(error) in _BROKEN


def is_locked(error: sqlite3.Error) -> bool:
    """Whether another process holds the lock: it was waited for long enough, no other operation need try."""
    return code_of(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def translated(error: sqlite3.Error) -> PalaverError:
    """Return our error for one of SQLite's, which is its cause."""
    ours = _translated(error)
    ours.__cause__ = error
    return ours


def _translated(error: sqlite3.Error) -> PalaverError:
    code = code_of(error)
    if code == sqlite3.SQLITE_FULL:
        return StoreFull("There is no room left for the database.", retry_after_seconds=RETRY_AFTER_SECONDS)
    if code in _UNAVAILABLE:
        return StoreUnavailable(_UNAVAILABLE[code], retry_after_seconds=RETRY_AFTER_SECONDS)
    if code == sqlite3.SQLITE_CONSTRAINT:
        return Conflict("Something with this id exists already, or something that this refers to does not.")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreRefused("The database file is damaged or is no SQLite file: restore it from a backup.")
    return StoreUnavailable(f"The database refused the operation ({type(error).__name__}).")
