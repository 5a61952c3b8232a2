"""``palaver export``: conversations as a file."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO, cast

import typer

from palaver.arguments import ConversationQuery, ConversationWhich
from palaver.blocking import BlockingHub
from palaver.cli.find import get_bot
from palaver.cli.progress import bar
from palaver.cli.show import Sentence, Shown
from palaver.cli.target import pairs
from palaver.errors import InvalidInput
from palaver.exports.base import MARKS, Format, Rows
from palaver.hub.conversations import LocalConversations
from palaver.surface import Hub

EPILOG = """Examples:

palaver export conv_0198… --format html -o chat.html

palaver export --bot Helper --format csv --rows turns -o helper.csv

palaver export -o everything.jsonl
"""
_LISTED = 200

OutOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to; else to where the output goes.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which conversations: the options that filter."""

    bot: Annotated[str | None, typer.Option("--bot", help="Only with this bot (name or id).")] = None
    status: Annotated[str | None, typer.Option("--status", help="active, ended or archived.")] = None
    since: Annotated[
        datetime | None, typer.Option("--since", formats=["%Y-%m-%d"], help="Begun on this day (UTC) or later.")
    ] = None
    until: Annotated[
        datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help="Begun before this day (UTC).")
    ] = None
    metadata: Annotated[
        list[str] | None, typer.Option("--metadata", metavar="KEY=VALUE", help="Only with this. May be repeated.")
    ] = None

    def query(self, hub: BlockingHub) -> ConversationWhich:
        """Return what is asked for."""
        found = {
            "bot_id": self.bot and get_bot(hub, self.bot).id,
            "status": self.status,
            "created_after": self.since and self.since.replace(tzinfo=UTC),
            "created_before": self.until and self.until.replace(tzinfo=UTC),
            "metadata": pairs("--metadata", self.metadata) or None,
        }
        return cast("ConversationWhich", {name: value for name, value in found.items() if value is not None})


def export(
    hub: BlockingHub,
    which: Which,
    conversation: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="A conversation's id; without one: all that fit.")
    ] = None,
    kind: Annotated[Format, typer.Option("--format", "-f", help="What kind of file.")] = Format.JSONL,
    rows: Annotated[Rows, typer.Option("--rows", help="What a row of a CSV is.")] = Rows.MESSAGES,
    output: OutOption = None,
) -> Shown:
    """Write a conversation, or all that fit, to a file: to read, to calculate with, to keep, or to train a model on.

    Only jsonl holds everything; `palaver import` reads it. A file is there once it is whole.
    """
    query = which.query(hub)
    if conversation is not None and query:
        raise InvalidInput("Name a conversation, or say which ones: not both.")

    async def run(inner: Hub, file: BinaryIO, told: Callable[[int], None]) -> None:
        if conversation is not None:
            await asyncio.to_thread(file.write, await inner.conversations.export(conversation, format=kind, rows=rows))
            return
        async with aclosing(_parts(inner, query, {"format": kind, "rows": rows}, told)) as parts:  # type: ignore[type-var]
            async for part in parts:
                await asyncio.to_thread(file.write, part)

    if output is None:
        hub.run(lambda inner: run(inner, sys.stdout.buffer, _silent))
        sys.stdout.buffer.flush()
        raise typer.Exit  # the output is the file: nothing else belongs there
    total = 1 if conversation is not None else _count(hub, query)
    partial = output.with_name(f"{output.name}.part")
    with bar("Exporting", "conversations") as shown, partial.open("wb") as file:
        shown(0, total)
        hub.run(lambda inner: run(inner, file, lambda done: shown(done, max(done, total))))
        shown(total, total)
    partial.replace(output)
    size = output.stat().st_size
    counted = "1 conversation" if total == 1 else f"{total:,} conversations"
    return Sentence(
        f"{output}: {counted}, {size:,} bytes.", {"file": str(output), "conversations": total, "bytes": size}
    )


def _silent(done: int) -> None:
    del done


def _parts(
    inner: Hub, query: ConversationWhich, how: dict[str, Any], told: Callable[[int], None]
) -> AsyncIterator[bytes]:
    """Return the parts of a file. The engine in this process tells how far it is; what a server sends is counted."""
    conversations = inner.conversations
    if isinstance(conversations, LocalConversations):
        return conversations.exported_all(told, **how, **query).parts
    parts, mark = conversations.export_all(**how, **query), MARKS.get(how["format"])
    return parts if mark is None else counted(parts, mark, told)


async def counted(parts: AsyncIterator[bytes], mark: bytes, told: Callable[[int], None]) -> AsyncGenerator[bytes]:
    """Yield parts, and tell of how many conversations all is there: of all that have begun but the last."""
    begun, tail = 0, b""
    async with aclosing(parts):  # type: ignore[type-var]
        async for part in parts:
            seen = tail + part
            begun += seen.count(mark)
            tail = seen[1 - len(mark) :]
            told(max(begun - 1, 0))
            yield part


def _count(hub: BlockingHub, query: ConversationWhich) -> int:
    """Return how many conversations fit now."""
    asked: ConversationQuery = {**query, "sort": "created_at", "limit": _LISTED}  # type: ignore[typeddict-item]  # it has all
    found = 0
    while True:
        page = hub.conversations.list(**asked)
        found += len(page.data)
        if page.next is None:
            return found
        asked["after"] = page.next
