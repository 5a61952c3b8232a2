"""``hub.turns`` over HTTP."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Unpack

from palaver.arguments import PageQuery
from palaver.client.follow import Follower
from palaver.client.nouns import Noun, path_of
from palaver.client.replies import told_reply
from palaver.client.transport import Call
from palaver.conversation import ListedTurn, Turn
from palaver.errors import InvalidInput
from palaver.events import Event
from palaver.page import Page
from palaver.results import Reply


class HttpTurns(Noun):
    """See ``surface.Turns``."""

    async def get(self, turn_id: str) -> Turn:
        return await self._get(Turn, path_of("turns", "turn", turn_id))

    async def list(self, *, status: str | None = None, **page: Unpack[PageQuery]) -> Page[ListedTurn]:
        return await self._page(ListedTurn, "/v1/turns", {"status": status, **page})

    async def events(self, turn_id: str, *, after: int = 0) -> AsyncGenerator[Event, None]:
        path_of("turns", "turn", turn_id)
        if after < 0:
            raise InvalidInput("An event number is 0 or more.", code="invalid_event_id")
        async with aclosing(Follower(self._transport, turn_id=turn_id, after=after).events()) as events:
            async for event in events:
                yield event

    async def wait(self, turn_id: str) -> Reply:
        path_of("turns", "turn", turn_id)
        return told_reply(*await Follower(self._transport, turn_id=turn_id).ends())

    async def stop(self, turn_id: str) -> Turn:
        path = path_of("turns", "turn", turn_id, "stop")
        return await self._send(Turn, Call(method="POST", path=path, repeatable=True))
