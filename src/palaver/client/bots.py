"""``hub.bots`` over HTTP."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Unpack

from palaver.arguments import BotFields, BotTrial, PageQuery
from palaver.bot import Bot
from palaver.client.follow import told_once
from palaver.client.nouns import Noun, path_of
from palaver.client.transport import Call
from palaver.events import Event
from palaver.page import Page


class HttpBots(Noun):
    """See ``surface.Bots``."""

    async def create(self, *, idempotency_key: str | None = None, **fields: Unpack[BotFields]) -> Bot:
        return await self._send(Bot, Call(method="POST", path="/v1/bots", body=fields).keyed(idempotency_key))

    async def get(self, bot_id: str) -> Bot:
        return await self._get(Bot, path_of("bots", "bot", bot_id))

    async def list(self, *, deleted: bool = False, **page: Unpack[PageQuery]) -> Page[Bot]:
        query = {**page, "deleted": True} if deleted else page
        return await self._page(Bot, "/v1/bots", query)

    async def update(self, bot_id: str, *, if_version: int | None = None, **fields: Unpack[BotFields]) -> Bot:
        call = Call(method="PATCH", path=path_of("bots", "bot", bot_id), body=fields)
        return await self._send(Bot, call.if_version(if_version))

    async def delete(self, bot_id: str, *, if_version: int | None = None) -> None:
        call = Call(method="DELETE", path=path_of("bots", "bot", bot_id))
        await self._transport.send(call.if_version(if_version))

    async def restore(self, bot_id: str) -> Bot:
        return await self._send(Bot, Call(method="POST", path=path_of("bots", "bot", bot_id, "restore")))

    async def ask(self, bot_id: str, text: str, **trial: Unpack[BotTrial]) -> AsyncGenerator[Event, None]:
        call = Call(method="POST", path=path_of("bots", "bot", bot_id, "ask"), body={"text": text, **trial})
        async with aclosing(told_once(self._transport, call)) as events:
            async for event in events:
                yield event
