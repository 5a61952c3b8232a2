"""What a command found, for a person or (``--json``) for a program."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from rich.console import Console
from rich.table import Table
from rich.text import Text

from palaver.jsonable import encode
from palaver.page import Page

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """Return text that can't command the terminal: control characters but tab and line feed become U+FFFD."""
    return _CONTROL.sub("\ufffd", text)


def said(value: object) -> str:
    """Return a value in a few words: times to the minute, nothing as a dash."""
    match value:
        case None | "":
            return "–"
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M")
        case Mapping():
            return clean(json.dumps(encode(value), ensure_ascii=False)) if value else "–"
        case _:
            return clean(str(value))


def one_line(text: str, limit: int = 60) -> str:
    """Return the beginning of a text on one line."""
    flat = " ".join(clean(text).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


class Shown(Protocol):
    """What a command returns. If it has a ``status``, that is the exit code."""

    def plain(self) -> Any:
        """As JSON shapes."""
        ...

    def show(self, console: Console) -> None:
        """For a person."""
        ...


@dataclass(frozen=True, slots=True)
class Sentence:
    """Something was done; ``value`` is what it was done to."""

    text: str
    value: object = None

    def plain(self) -> Any:
        """As JSON shapes."""
        return encode(self.value)

    def show(self, console: Console) -> None:
        """For a person."""
        console.print(Text(self.text))


@dataclass(frozen=True, slots=True)
class Card:
    """One value, a field a line."""

    value: object
    fields: Mapping[str, object]

    def plain(self) -> Any:
        """As JSON shapes."""
        return encode(self.value)

    def show(self, console: Console) -> None:
        """For a person."""
        width = max(map(len, self.fields), default=0)
        for name, value in self.fields.items():
            console.print(Text(f"{name:<{width}}  {said(value)}"), soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Listing:
    """A page as a table: a column is its title and how a row fills it."""

    page: Page[Any]
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    empty: str

    def plain(self) -> Any:
        """As JSON shapes: the page of the HTTP API."""
        return encode(self.page)

    def show(self, console: Console) -> None:
        """For a person."""
        if not self.rows:
            console.print(Text(self.empty))
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in self.columns:
            table.add_column(title, no_wrap=title == "id", overflow="fold")
        for row in self.rows:
            table.add_row(*(Text(said(cell)) for cell in row))
        console.print(table)
        if self.page.next is not None:
            console.print(Text(f"There is more: --after {self.page.next}"), soft_wrap=True)


def emit(shown: Shown, *, as_json: bool) -> None:
    """Print what a command returned."""
    if as_json:
        sys.stdout.write(json.dumps(shown.plain(), indent=2, ensure_ascii=False) + "\n")
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 1000)
    shown.show(console)
