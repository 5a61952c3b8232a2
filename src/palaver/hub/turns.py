"""``hub.turns`` in this process."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Unpack

from palaver.arguments import PageQuery
from palaver.conversation import ListedTurn, Turn
from palaver.errors import InvalidInput
from palaver.events import Event
from palaver.hub.place import Place
from palaver.page import Page
from palaver.reader import check_cursor
from palaver.results import Reply, reply_of
from palaver.wire.checking import check
from palaver.wire.pages import TurnQuery


class LocalTurns:
    """See ``surface.Turns``."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def _known(self, turn_id: str) -> str:
        return self._place.known("turn", turn_id)

    async def get(self, turn_id: str) -> Turn:
        """See ``surface.Turns.get``."""
        return await self._place.store.get_turn(self._place.tenant_id, self._known(turn_id))

    async def list(
        self, *, status: str | None = None, all_tenants: bool = False, **page: Unpack[PageQuery]
    ) -> Page[ListedTurn]:
        """See ``surface.Turns.list``. An operator lists the turns of all tenants."""
        query = check(TurnQuery, {"status": status, **page})
        listing = self._place.listing("turns", {"status": query.status, "all_tenants": all_tenants})
        window = listing.window(limit=query.limit, after=query.after, before=query.before)
        tenant_id = None if all_tenants else self._place.tenant_id
        return listing.page(await self._place.store.page_turns(tenant_id, query.status, window))

    async def check_cursor(self, turn_id: str, after: int) -> None:
        """Raise what reading the events after this one would: ``NotFound`` or ``ResumeWindowGone``."""
        log = await self._place.store.read_log(self._place.tenant_id, self._known(turn_id), after=after, limit=0)
        check_cursor(log, after)

    async def events(self, turn_id: str, *, after: int = 0) -> AsyncGenerator[Event, None]:
        """See ``surface.Turns.events``."""
        if after < 0:
            raise InvalidInput("An event number is 0 or more.", code="invalid_event_id")
        followed = self._place.engine.follow(self._place.tenant_id, self._known(turn_id), after=after)
        async with aclosing(followed) as batches:
            async for batch in batches:
                for event in batch:
                    yield event

    async def outcome(self, turn_id: str, *, replayed: bool = False) -> Reply:
        """Wait for the end of a turn that a model was to answer."""
        ended = await self._place.engine.wait(self._place.tenant_id, self._known(turn_id))
        return reply_of(ended.turn, ended.question, ended.answer, replayed=replayed)

    async def wait(self, turn_id: str) -> Reply:
        """See ``surface.Turns.wait``."""
        return await self.outcome(turn_id)

    async def stop(self, turn_id: str, *, all_tenants: bool = False) -> Turn:
        """See ``surface.Turns.stop``. An operator stops the turn of any tenant."""
        known = self._known(turn_id)
        tenant_id = await self._place.store.tenant_of_turn(known) if all_tenants else self._place.tenant_id
        return await self._place.engine.stop(tenant_id, known)
