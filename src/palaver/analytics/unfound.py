"""The questions that were answered with nothing from documents: what there is still to write."""

from __future__ import annotations

import asyncio

from palaver.analytics.report import Question, span_of
from palaver.clock import Clock, SystemClock
from palaver.conversation import Turn
from palaver.errors import NotFound
from palaver.figures import UnfoundQuestion
from palaver.page import Slice, Window
from palaver.stores.base import Store
from palaver.stores.figures import UnfoundFilter

TEXT_MAX = 300


class Unfound:
    """Lists them, a page at a time."""

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        self._store = store
        self._clock = clock or SystemClock()

    async def page(self, tenant_id: str, asked: Question, window: Window) -> Slice[UnfoundQuestion]:
        """Return a page, those asked last first.

        Raises:
            NotFound: For the bot.
            InvalidInput: ``invalid_filter``: the time is empty, or longer than 400 days.
        """
        if asked.bot_id is not None:
            await self._store.get_bot(tenant_id, asked.bot_id)
        first, last = span_of(asked, self._clock)
        wanted = UnfoundFilter(first=first, last=last, bot_id=asked.bot_id, model=asked.model)
        found = await self._store.page_unfound(tenant_id, wanted, window)
        told = await asyncio.gather(*(self._told(tenant_id, turn) for turn in found.data))
        return Slice(data=[each for each in told if each is not None], next=found.next, previous=found.previous)

    async def _told(self, tenant_id: str, turn: Turn) -> UnfoundQuestion | None:
        if turn.user_message_id is None:  # every turn of a model has one
            return None
        try:
            conversation = await self._store.get_conversation(tenant_id, turn.conversation_id)
            question = await self._store.get_message(tenant_id, turn.user_message_id)
        except NotFound:  # it was deleted just now
            return None
        return UnfoundQuestion(
            turn_id=turn.id,
            conversation_id=turn.conversation_id,
            title=conversation.title,
            message_id=question.id,
            text=question.text[:TEXT_MAX],
            bot_id=conversation.bot_id,
            model=turn.model,
            asked_at=turn.created_at,
        )
