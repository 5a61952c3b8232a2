"""What Redis' and the driver's errors mean in ours. The one place that looks at a driver's error."""

from __future__ import annotations

import asyncio

from redis import exceptions

from palaver.errors import PalaverError, StoreFull, StoreRefused, StoreUnavailable

RETRY_AFTER_SECONDS = 2
DRIVER_ERRORS = (
    exceptions.RedisError,
    exceptions.RedisClusterException,
    asyncio.IncompleteReadError,
    OSError,
    TimeoutError,
)
"""All that a call of the driver may raise. A time-out of ours is among them."""

_FULL = "There is no room left for the database."
# Redis 6 wraps what a script meets in words of its own: the code is found wherever it stands.
_SAID = (
    ("OOM", "full"),
    ("No space left", "full"),
    ("NOAUTH", "The database wants a password: check the address."),
    ("WRONGPASS", "The database does not take this password: check the address."),
    ("NOPERM", "The database user may not do this: it needs all commands on our keys and channel."),
    ("READONLY", "The database is read-only."),
    ("MASTERDOWN", "The database has lost its master."),
    ("CLUSTERDOWN", "The cluster is down."),
    ("TRYAGAIN", "The cluster is moving our keys."),
    ("LOADING", "The database is starting up."),
    ("MISCONF", "The database can't write to its disk."),
    ("NOREPLICAS", "The database has not enough replicas."),
    ("BUSY", "The database is busy."),
)
_REFUSALS = frozenset({"NOAUTH", "WRONGPASS", "NOPERM"})
# The driver takes the code off what it knows by a class of its own.
_CODES: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.OutOfMemoryError, "OOM"),
    (exceptions.ReadOnlyError, "READONLY"),
    (exceptions.NoPermissionError, "NOPERM"),
    (exceptions.AuthenticationError, "WRONGPASS"),
    (exceptions.BusyLoadingError, "LOADING"),
    (exceptions.MasterDownError, "MASTERDOWN"),
    (exceptions.ClusterDownError, "CLUSTERDOWN"),
    (exceptions.TryAgainError, "TRYAGAIN"),
)


def lost_connection(error: BaseException) -> bool:
    """Whether no answer came: what was asked for may have been done."""
    known = any(isinstance(error, kind) for kind, _ in _CODES)
    return not known and not isinstance(error, exceptions.ResponseError)


def fell_silent(error: BaseException) -> bool:
    """Whether the answer did not come in time: whoever asks again waits as long again."""
    return isinstance(error, TimeoutError | exceptions.TimeoutError)


def translated(error: BaseException) -> PalaverError:
    """Return our error for one of the driver's, which is its cause."""
    ours = _translated(error)
    ours.__cause__ = error
    return ours


def _translated(error: BaseException) -> PalaverError:
    text = " ".join([code for kind, code in _CODES if isinstance(error, kind)] + [str(error)])
    for code, message in _SAID:
        if code in text:
            if message == "full":
                return StoreFull(_FULL, retry_after_seconds=RETRY_AFTER_SECONDS)
            return StoreRefused(message) if code in _REFUSALS else _unavailable(message)
    if fell_silent(error):
        return _unavailable("The database does not answer.")
    if lost_connection(error):
        return _unavailable("The database can't be reached.")
    return _unavailable(f"The database refused the operation ({type(error).__name__}).")


def _unavailable(message: str) -> StoreUnavailable:
    return StoreUnavailable(message, retry_after_seconds=RETRY_AFTER_SECONDS)
