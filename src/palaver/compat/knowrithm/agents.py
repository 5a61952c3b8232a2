"""An agent by what its callers call it."""

from __future__ import annotations

from palaver.bot import Bot
from palaver.compat.knowrithm.paging import each, those
from palaver.errors import NotFound
from palaver.ids import is_id
from palaver.surface import Hub


async def agent_id_of(hub: Hub, called: str) -> str:
    """Return the id of an agent that is called by its id or its name.

    Raises:
        NotFound: No agent has that name. An id is not looked up.
    """
    return called if is_id("bot", called) else (await agent_named(hub, called)).id


async def agent_named(hub: Hub, name: str) -> Bot:
    """Return the agent of a name; where none is written just so, one that differs in its case.

    Raises:
        NotFound: There is none.
    """
    alike = [bot async for bot in those(each(hub.bots.list), lambda bot: bot.name.casefold() == name.casefold())]
    if not alike:
        raise NotFound
    return next((bot for bot in alike if bot.name == name), alike[0])
