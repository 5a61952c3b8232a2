"""``palaver import``: conversations from a file, ours or another system's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.console import Console
from rich.text import Text

from palaver.blocking import BlockingHub
from palaver.cli.find import get_bot
from palaver.cli.progress import bar
from palaver.cli.show import Shown
from palaver.compat import foreign
from palaver.errors import InvalidInput
from palaver.imports.tree import Line, Tree, lines_of, schema_line

HELP = f"""Import conversations: a jsonl file of `palaver export`, or what {foreign.SYSTEMS} exported.

To import a file again changes nothing: what was cut goes on. Ours keep ids, times and branches, and their bots are made
where they are not here.
"""
EPILOG = "\n\n".join(
    [
        "Examples:",
        "palaver import everything.jsonl",
        *(f"palaver import {name} --bot Helper" for name in foreign.EXAMPLES),
    ]
)
LOAD_BYTES = 1_000_000
"""How much is sent at once: whole conversations, one at least."""

FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="What was exported.")
]
BotOption = Annotated[
    str | None, typer.Option("--bot", help="Whose the conversations become (name or id). Others' exports need one.")
]


@dataclass(slots=True)
class Outcome:
    """How many conversations are new, and how many were there."""

    imported: int = 0
    present: int = 0

    def plain(self) -> Any:
        """As JSON shapes."""
        return {"imported": self.imported, "present": self.present}

    def show(self, console: Console) -> None:
        """For a person."""
        there = f" {self.present:,} were here already and stay as they are." if self.present else ""
        said = "1 conversation" if self.imported == 1 else f"{self.imported:,} conversations"
        console.print(Text(f"{said} imported.{there}"), soft_wrap=True)


@dataclass(frozen=True, slots=True)
class _Chat:
    """The lines of a conversation; how far the file is read with it, in bytes."""

    lines: list[Line]
    done: int


def load(hub: BlockingHub, file: FileArgument, bot: BotOption = None) -> Shown:
    """Import conversations of a file, in batches. ``HELP`` says more."""
    bot_id = None if bot is None else get_bot(hub, bot).id
    outcome, size = Outcome(), file.stat().st_size
    with file.open("rb") as source, bar("Importing") as shown:
        shown(0, size)
        chats, head = _read(source, bot_id)
        for batch in _batches(chats):
            loaded = hub.conversations.load([*head, *(line for chat in batch for line in chat.lines)], bot_id=bot_id)
            outcome.imported += len(loaded.imported)
            outcome.present += len(loaded.present)
            shown(batch[-1].done, size)
    return outcome


def _read(source: BinaryIO, bot_id: str | None) -> tuple[Iterator[_Chat], list[Line]]:
    """Return the conversations of a file, and what stands before each of their batches."""
    first = source.readline(1_000)
    source.seek(0)
    head: list[Line] = []
    if b'"line":"schema"' in first.replace(b" ", b""):
        return _ours(source, head), head
    found = foreign.trees_in(source)
    if bot_id is None:
        raise InvalidInput("Say whose the conversations become: --bot NAME. `palaver bots create` makes a bot.")
    head.append(schema_line())
    return _translated(found, bot_id), head


def _ours(source: BinaryIO, head: list[Line]) -> Iterator[_Chat]:
    """Yield conversations as they are read. The schema and the bots so far stand in ``head``."""
    chat: list[Line] = []
    done = 0
    for number, raw in enumerate(source, start=1):
        try:
            line = json.loads(raw)
            kind = line["line"]
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidInput(f"Line {number} is no line of an export.") from error
        if kind in ("schema", "bot", "conversation") and chat:
            yield _Chat(chat, done)
            chat = []
        done += len(raw)
        (head if kind in ("schema", "bot") else chat).append(line)
    if chat:
        yield _Chat(chat, done)


def _translated(found: Iterable[Tree], bot_id: str) -> Iterator[_Chat]:
    for tree in found:
        lines = lines_of(tree, bot_id)
        if lines:
            yield _Chat(lines, 0)


def _batches(chats: Iterator[_Chat]) -> Iterator[list[_Chat]]:
    """Gather small conversations: whoever is asked answers once for many."""
    batch: list[_Chat] = []
    size = 0
    for chat in chats:
        batch.append(chat)
        size += sum(map(_bytes_of, chat.lines))
        if size >= LOAD_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _bytes_of(line: Mapping[str, Any]) -> int:
    return len(json.dumps(line))
