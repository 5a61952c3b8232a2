"""Bots as clients of other systems name them: by id or by name."""

from __future__ import annotations

from palaver.bot import Bot
from palaver.errors import NameTaken, NotFound
from palaver.hub import LocalHub
from palaver.ids import is_id


async def bot_called(hub: LocalHub, called: str) -> Bot:
    """Return the bot that has this id or this name. Raises ``NotFound``."""
    if is_id("bot", called):
        return await hub.bots.get(called)
    bot = await hub.bots.find(called)
    if bot is None:
        raise NotFound
    return bot


async def standing_bot(hub: LocalHub, called: str) -> Bot:
    """Return the bot that has this id or this name; one of that name is made where there is none."""
    try:
        return await bot_called(hub, called)
    except NotFound:
        if is_id("bot", called):
            raise
    try:
        return await hub.bots.create(name=called)
    except NameTaken:  # by somebody who was as early
        return await bot_called(hub, called)
