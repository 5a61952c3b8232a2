"""Finding what a person names: a bot by its name or id."""

from __future__ import annotations

from palaver.blocking import BlockingHub
from palaver.bot import Bot
from palaver.errors import NotFound
from palaver.ids import is_id

PAGE = 200


def find_bot(hub: BlockingHub, name: str) -> Bot | None:
    """Return the bot of that name or id, if there is one."""
    if is_id("bot", name):
        return hub.bots.get(name)
    page = hub.bots.list(limit=PAGE)
    while True:
        for bot in page:
            if bot.name == name:
                return bot
        if page.next is None:
            return None
        page = hub.bots.list(limit=PAGE, after=page.next)


def get_bot(hub: BlockingHub, name: str) -> Bot:
    """Return the bot of that name or id.

    Raises:
        NotFound: There is none.
    """
    bot = find_bot(hub, name)
    if bot is None:
        raise NotFound(f"There is no bot {name!r}; `palaver bots list` shows them.")
    return bot
