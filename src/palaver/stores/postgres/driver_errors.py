"""What PostgreSQL's and the driver's errors mean in ours. The one place that looks at a driver's error."""

from __future__ import annotations

import asyncpg

from palaver.errors import Conflict, PalaverError, StoreFull, StoreRefused, StoreUnavailable

RETRY_AFTER_SECONDS = 2
DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""All that a call of the driver may raise. A time-out of ours is among them."""

_DISK_FULL = "53100"
_CONSTRAINT = "23"
_UNIQUE = "23505"
_OUTRUN = frozenset({"40001", "40P01", _UNIQUE})  # serialization failure, deadlock, somebody else's row was first
_REFUSED = {
    "28000": "The database lets nobody in by that name: check the address.",
    "28P01": "The database does not take this password: check the address.",
    "3D000": "There is no database by that name: create it, or name another.",
    "42501": "The database user may not do this: it has to own the schema.",
    "42704": "The database knows no setting by a name that stands behind the ? of its address: take it out.",
}
_UNAVAILABLE = {
    "25006": "The database is read-only.",
    "53200": "There is no memory left for the database.",
    "53300": "The database has no connection left.",
    "53400": "A limit of the database was reached.",
    "55P03": "The database is busy: a lock was not given in time.",
    "57014": "The database took too long.",
    "57P01": "The database is shutting down.",
    "57P02": "The database has crashed.",
    "57P03": "The database is starting up.",
}


def _state_of(error: BaseException) -> str:
    """Return the SQLSTATE; "" where the driver itself complains."""
    return str(getattr(error, "sqlstate", None) or "")


def was_outrun(error: BaseException) -> bool:
    """Whether somebody else was faster, so that to read and to decide again may help; nothing was written."""
    return _state_of(error) in _OUTRUN or isinstance(error, asyncpg.InvalidCachedStatementError)


def breaks_connection(error: BaseException) -> bool:
    """Whether the connection is in an unknown state: anything but a refusal by a server that goes on."""
    return not isinstance(error, asyncpg.PostgresError) or _state_of(error)[:2] in ("08", "25", "57", "XX", "")


def translated(error: BaseException) -> PalaverError:
    """Return our error for one of the driver's, which is its cause."""
    ours = _translated(error)
    ours.__cause__ = error
    return ours


def _translated(error: BaseException) -> PalaverError:
    state = _state_of(error)
    if state == _DISK_FULL:
        return StoreFull("There is no room left for the database.", retry_after_seconds=RETRY_AFTER_SECONDS)
    if state.startswith(_CONSTRAINT):
        return Conflict("Something with this id exists already, or something that this refers to does not.")
    if state in _REFUSED:
        return StoreRefused(_REFUSED[state])
    if state in _UNAVAILABLE:
        return _unavailable(_UNAVAILABLE[state])
    if state in _OUTRUN:
        return _unavailable("Too many write to this at once.")
    if isinstance(error, TimeoutError):
        return _unavailable("The database does not answer.")
    if isinstance(error, OSError) or state[:2] in ("08", "57"):
        return _unavailable("The database can't be reached.")
    return _unavailable(f"The database refused the operation ({type(error).__name__}).")


def _unavailable(message: str) -> StoreUnavailable:
    return StoreUnavailable(message, retry_after_seconds=RETRY_AFTER_SECONDS)
