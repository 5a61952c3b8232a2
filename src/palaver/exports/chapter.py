"""A conversation as it is read for a file: page by page, so that memory does not grow with it.

It may go on meanwhile: a file holds what was there when its part was read. One that is deleted meanwhile ends there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from palaver.attachment import Attachment
from palaver.bot import Bot
from palaver.conversation import Conversation, Message, ReasoningPart, TextPart, ToolResultPart, Turn
from palaver.errors import NotFound
from palaver.page import Slice, Window
from palaver.shelves import FIRST_ROWS, fitting
from palaver.stores.base import Store
from palaver.stores.records import Inside, MessageRecord, Record

T = TypeVar("T")
_ROW_BYTES = 500  # what a message takes beyond its text, about


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One conversation of a file, and its bot."""

    store: Store
    tenant_id: str
    conversation: Conversation
    bot: Bot

    async def messages(self) -> AsyncGenerator[Message]:
        """Yield the messages of the active path, in their order."""
        read = partial(self.store.page_messages, self.tenant_id, self.conversation.id)
        async with aclosing(_paged(read, _bytes_of)) as messages:
            async for message in messages:
                yield message

    async def said(self) -> AsyncGenerator[tuple[MessageRecord, Turn]]:
        """Yield every message that is not deleted, on every branch, with its turn, by ``seq``. Those of a turn that is still
        open are left out: they are no history yet."""
        read = partial(self.store.page_inside, Inside.MESSAGES, self.tenant_id, self.conversation.id)
        turns: dict[str, Turn | None] = {}
        async with aclosing(_pages(read, _record_bytes)) as pages:
            async for page in pages:
                records = [each for each in page if isinstance(each, MessageRecord) and each.deleted_at is None]
                turns = await self._turns({each.message.turn_id for each in records}, turns)
                for record in records:
                    turn = turns[record.message.turn_id]
                    if turn is not None and turn.status.is_terminal:
                        yield record, turn

    async def _turns(self, turn_ids: set[str], known: dict[str, Turn | None]) -> dict[str, Turn | None]:
        """Return turns; those of the page before are as they were then, so that an answer follows its question."""
        new = turn_ids - known.keys()
        found = await asyncio.gather(*map(self.find_turn, new))
        return {**{each: known[each] for each in turn_ids & known.keys()}, **dict(zip(new, found, strict=True))}

    async def find_turn(self, turn_id: str) -> Turn | None:
        """Return a turn, unless it was deleted."""
        try:
            return await self.store.get_turn(self.tenant_id, turn_id)
        except NotFound:
            return None

    async def find_attachment(self, attachment_id: str) -> tuple[Attachment, bytes] | None:
        """Return an attachment and its bytes, unless it was purged."""
        try:
            return await self.store.get_attachment(self.tenant_id, attachment_id)
        except NotFound:
            return None


def _bytes_of(message: Message) -> int:
    said = (part.text for part in message.parts if isinstance(part, TextPart | ReasoningPart | ToolResultPart))
    return _ROW_BYTES + sum(map(len, said)) + sum(len(citation.quote) for citation in message.citations)


def _record_bytes(record: Record) -> int:
    return _bytes_of(record.message) if isinstance(record, MessageRecord) else _ROW_BYTES


async def _pages(
    read: Callable[[Window], Awaitable[Slice[T]]], size_of: Callable[[T], int]
) -> AsyncGenerator[Sequence[T]]:
    """Yield pages, smaller ones where things are large, up to the end or until there is nothing any more."""
    window: Window | None = Window(limit=FIRST_ROWS)
    while window is not None:
        try:
            page = await read(window)
        except NotFound:
            return
        limit = fitting([size_of(each) for each in page.data])
        window = None if page.next is None else Window(limit=limit, after=page.next)
        yield page.data


async def _paged(read: Callable[[Window], Awaitable[Slice[T]]], size_of: Callable[[T], int]) -> AsyncGenerator[T]:
    async with aclosing(_pages(read, size_of)) as pages:
        async for page in pages:
            for each in page:
                yield each
