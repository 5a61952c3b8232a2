"""A bar on stderr for what takes long; a pipe or a log file gets none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _Rate(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


@contextmanager
def bar(what: str, unit: str | None = None) -> Iterator[Callable[[int, int | None], None]]:
    """Show a bar while the block runs; what it yields is told how much is done, and of how much (None: not known).

    With a ``unit`` it shows numbers of these, and how many a second.
    """
    console = Console(stderr=True)
    counted = (MofNCompleteColumn(), TextColumn(unit or ""), _Rate()) if unit else (TaskProgressColumn(),)
    columns = (TextColumn("{task.description}"), BarColumn(), *counted, TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
