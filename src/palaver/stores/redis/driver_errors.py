"""The driver's errors → ours. The one place that knows them."""

from __future__ import annotations

import asyncio

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    NoPermissionError,
    RedisClusterException,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import TimeoutError as NoAnswer

from palaver.errors import PalaverError, StoreFull, StoreRefused, StoreUnavailable

RETRY_AFTER_SECONDS = 1
DRIVER_ERRORS = (RedisError, RedisClusterException, OSError, asyncio.TimeoutError)
CONNECTION_ERRORS = (NoConnection, NoAnswer, OSError, asyncio.TimeoutError)

_REFUSED = {
    "NOAUTH": "Redis wants a password: write it into the address.",
    "WRONGPASS": "Redis does not take this user or password: check the address.",
    "NOPERM": "The user of Redis may not do this: it needs all commands on the keys of the store.",
}
_UNAVAILABLE = {
    "LOADING": "Redis is reading its data.",
    "READONLY": "This Redis is a replica, or became one: it takes no writes.",
    "MASTERDOWN": "This Redis is a replica that has lost its master.",
    "CLUSTERDOWN": "The cluster is down.",
    "TRYAGAIN": "The cluster is moving data.",
    "MISCONF": "Redis takes no writes because it can't save them.",
    "NOREPLICAS": "Redis takes no writes because too few replicas are there.",
    "BUSY": "Redis is busy.",
}


def is_disconnected(error: BaseException) -> bool:
    """Whether the server was not reached, or the answer was lost."""
    return isinstance(error, CONNECTION_ERRORS) and not isinstance(
        error, AuthenticationError | AuthorizationError | BusyLoadingError
    )


def translated(error: BaseException) -> PalaverError:
    """Return our error for one of the driver's, which is its cause."""
    ours = _translated(error)
    ours.__cause__ = error
    return ours


def _translated(error: BaseException) -> PalaverError:
    word = _word_of(error)
    if word == "OOM":
        return StoreFull("There is no memory left for Redis.", retry_after_seconds=RETRY_AFTER_SECONDS)
    if word in _REFUSED:
        return StoreRefused(_REFUSED[word])
    if word in _UNAVAILABLE:
        return _unavailable(_UNAVAILABLE[word])
    if isinstance(error, NoAnswer | asyncio.TimeoutError):
        return _unavailable("Redis does not answer.")
    if is_disconnected(error):
        return _unavailable("Redis can't be reached.")
    return _unavailable(f"Redis refused the operation ({type(error).__name__}).")


def _word_of(error: BaseException) -> str:
    """Return the word that a refusal begins with; the driver cuts some of them off and has a class instead."""
    match error:
        case NoPermissionError():
            return "NOPERM"
        case BusyLoadingError():
            return "LOADING"
        case AuthenticationError():
            return "WRONGPASS"
        case AuthorizationError():
            return "NOAUTH"
        case _:
            text = str(error)
    for word in ("OOM", "MISCONF", "READONLY", "NOREPLICAS"):  # a script puts its own words around those of a command
        if word in text:
            return word
    if type(error).__name__ in _CLASSES:
        return _CLASSES[type(error).__name__]
    return text.partition(" ")[0].lstrip("-") if isinstance(error, ResponseError) else ""


_CLASSES = {
    "OutOfMemoryError": "OOM",
    "ReadOnlyError": "READONLY",
    "MasterDownError": "MASTERDOWN",
    "ClusterDownError": "CLUSTERDOWN",
    "TryAgainError": "TRYAGAIN",
}


def _unavailable(message: str) -> StoreUnavailable:
    return StoreUnavailable(message, retry_after_seconds=RETRY_AFTER_SECONDS)
