"""Waiting for something as long as the client is there."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from palaver.errors import NotFound
from palaver.http.presence import while_there


async def stays() -> Message:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")


async def leaves() -> Message:
    return {"type": "http.disconnect"}


@pytest.mark.parametrize("outcome", [1, None, "", ()])
async def test_what_comes_of_it_is_returned(outcome: object) -> None:
    """Whatever it is: nothing, too."""
    assert await while_there(stays, asyncio.sleep(0, outcome)) == outcome


async def test_an_error_of_it_is_raised_as_it_is() -> None:
    """And not in a group."""

    async def lost() -> None:
        raise NotFound

    with pytest.raises(NotFound):
        await while_there(stays, lost())


async def test_a_client_that_leaves_ends_the_wait() -> None:
    """What is waited for is cancelled."""
    waiting = asyncio.ensure_future(asyncio.sleep(60))
    with pytest.raises(ClientDisconnect):
        await while_there(leaves, waiting)
    assert waiting.cancelled()
