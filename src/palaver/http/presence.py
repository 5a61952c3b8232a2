"""Whether the client is still there: an ASGI application that only sends is never told that it has left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from palaver.errors import PalaverError

T = TypeVar("T")


class Left(Exception):
    """The client has left, or nothing is left to do for it: the tasks around it are not needed any more."""


async def until_left(receive: Receive) -> None:
    """Wait for the client to leave, then raise ``Left``. The body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass
    raise Left


async def while_there(receive: Receive, work: Awaitable[T]) -> T:
    """Return what ``work`` returns, unless the client leaves before: then the wait ends, and nothing else does.

    Raises:
        ClientDisconnect: It left.
    """
    outcome: list[T] = []
    failure: PalaverError | None = None
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(until_left(receive))
            try:
                outcome.append(await work)
            except PalaverError as error:  # it would leave the group wrapped
                failure = error
            raise Left
    except* Left:
        pass
    if failure is not None:
        raise failure
    if not outcome:
        raise ClientDisconnect
    return outcome[0]
