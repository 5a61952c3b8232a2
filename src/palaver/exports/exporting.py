"""Writes files: of one conversation, or of all that a filter finds. A part of it is in memory, however large it gets."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

from palaver.bot import Bot
from palaver.errors import NotFound
from palaver.exports.base import MEDIA_TYPES, SUFFIXES, Format, Rows, Writer
from palaver.exports.chapter import Chapter
from palaver.exports.heads import UNTITLED
from palaver.filenames import safe_name
from palaver.page import Order, Window
from palaver.stores.base import Store
from palaver.stores.orders import ConversationFilter, ConversationSort

PART_BYTES = 64 * 1024
"""How much is gathered before it is handed on."""
_AT_ONCE = 50
_TITLE = "Conversations"

Told = Callable[[int], None]
"""Is told how many conversations are written."""


def _silent(done: int) -> None:
    del done


def writer_of(wanted: Format, rows: Rows = Rows.MESSAGES) -> Writer:
    """Return a writer of a new file; ``rows`` are those of a CSV. What a format needs is imported when it is wanted."""
    match wanted:
        case Format.HTML:
            from palaver.exports.html import HtmlWriter

            return HtmlWriter()
        case Format.MARKDOWN:
            from palaver.exports.markdown import MarkdownWriter

            return MarkdownWriter()
        case Format.CSV:
            from palaver.exports.csv import CsvWriter

            return CsvWriter(rows)
        case Format.JSONL:
            from palaver.exports.jsonl import JsonlWriter

            return JsonlWriter()
        case Format.FINETUNING:
            from palaver.exports.finetuning import FinetuningWriter

            return FinetuningWriter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A file that is made while its parts are read, once. ``name`` is one to save it under, its ending included."""

    parts: AsyncGenerator[bytes]
    name: str
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """Writes the conversations of one tenant."""

    store: Store
    tenant_id: str

    async def one(self, conversation_id: str, wanted: Format, rows: Rows) -> Exported:
        """Return the file of one conversation. Raises ``NotFound``."""
        conversation = await self.store.get_conversation(self.tenant_id, conversation_id)
        bot = await self.store.get_bot(self.tenant_id, conversation.bot_id)
        writer, title = writer_of(wanted, rows), conversation.title or UNTITLED
        chapter = Chapter(store=self.store, tenant_id=self.tenant_id, conversation=conversation, bot=bot)
        return _exported(wanted, title, _file(writer, title, writer.conversation(chapter)))

    def all(self, which: ConversationFilter, wanted: Format, rows: Rows, told: Told | None = None) -> Exported:
        """Return the file of all conversations that a filter finds, in the order of their making."""
        writer = writer_of(wanted, rows)
        return _exported(wanted, _TITLE, _file(writer, _TITLE, self._found(which, writer, told or _silent)))

    async def _found(self, wanted: ConversationFilter, writer: Writer, told: Told) -> AsyncGenerator[bytes]:
        wanted = replace(wanted, sort=ConversationSort.CREATED_AT, order=Order.ASC)
        bots: dict[str, Bot] = {}
        window: Window | None = Window(limit=_AT_ONCE)
        done = 0
        while window is not None:
            page = await self.store.page_conversations(self.tenant_id, wanted, window)
            for conversation in page.data:
                bot = await self._bot(conversation.bot_id, bots)
                if bot is not None:
                    chapter = Chapter(store=self.store, tenant_id=self.tenant_id, conversation=conversation, bot=bot)
                    async with aclosing(writer.conversation(chapter)) as parts:
                        async for part in parts:
                            yield part
                done += 1
                told(done)
            window = None if page.next is None else Window(limit=_AT_ONCE, after=page.next)

    async def _bot(self, bot_id: str, known: dict[str, Bot]) -> Bot | None:
        """Return a bot; None if it was deleted a moment ago, with its conversations."""
        if bot_id not in known:
            try:
                known[bot_id] = await self.store.get_bot(self.tenant_id, bot_id)
            except NotFound:
                return None
        return known[bot_id]


def _exported(wanted: Format, title: str, parts: AsyncGenerator[bytes]) -> Exported:
    return Exported(
        parts=parts, name=safe_name(title) + SUFFIXES[wanted], media_type=f"{MEDIA_TYPES[wanted]}; charset=utf-8"
    )


async def _file(writer: Writer, title: str, conversations: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    yield writer.begin(title)
    async with aclosing(_gathered(conversations)) as parts:
        async for part in parts:
            yield part
    yield writer.end()


async def _gathered(parts: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Yield small parts together."""
    gathered = bytearray()
    async with aclosing(parts):
        async for part in parts:
            gathered += part
            if len(gathered) >= PART_BYTES:
                yield bytes(gathered)
                gathered.clear()
    if gathered:
        yield bytes(gathered)
