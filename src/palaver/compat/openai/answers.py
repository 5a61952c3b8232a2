"""Answers: an object, or the events of a turn as a stream or by their end alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from starlette.responses import Response

from palaver.conversation import Message, Turn
from palaver.errors import StoreUnavailable
from palaver.events import Event, dumps
from palaver.http.sse import HEADERS, PING, Stream
from palaver.jsonable import decode
from palaver.serving import Caller


def answered(data: Mapping[str, Any]) -> Response:
    """Return an object."""
    return Response(dumps(data), media_type="application/json")


def event_stream(caller: Caller, pieces: AsyncGenerator[bytes, None], turn_id: str | None) -> Stream:
    """Return pieces as a stream of server-sent events; ``turn_id`` is the turn's that is told, if it is kept."""
    return Stream(
        pieces,
        slots=caller.serving.streams,
        ping=PING,
        headers=HEADERS,
        turn_id=turn_id,
        unmarked=True,
    )


async def concluded(events: AsyncGenerator[Event, None]) -> tuple[Turn, Message]:
    """Wait for the end, and return the turn and its answer.

    Raises:
        StoreUnavailable: The events were cut.
    """
    async with aclosing(events):
        async for event in events:
            if event.is_terminal:
                return decode(Turn, event.data["turn"]), decode(Message, event.data["message"])
    raise StoreUnavailable("The turn was cut; ask again.")
