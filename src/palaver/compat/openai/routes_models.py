"""``/models``: bots."""

from __future__ import annotations

from functools import partial

from starlette.responses import Response

from palaver.compat.lists import each
from palaver.compat.openai import shapes
from palaver.compat.openai.answers import answered
from palaver.compat.openai.threads import bot_of
from palaver.serving import Caller

PAGE_ROWS = 200


async def listing(caller: Caller) -> Response:
    """List all bots."""
    listed = partial(caller.hub.bots.list, limit=PAGE_ROWS)
    bots = [bot async for bot in each(lambda after: listed() if after is None else listed(after=after))]
    return answered({"object": "list", "data": [*map(shapes.model, bots)]})


async def get(caller: Caller) -> Response:
    """Read a bot, by id or name."""
    bot = await bot_of(caller.hub, caller.request.path_params["model"])
    return answered(shapes.model(bot))
