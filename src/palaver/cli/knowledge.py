"""``palaver search``, ``palaver train`` and ``palaver untrain``: what a bot knows, as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from palaver.blocking import BlockingHub
from palaver.cli.documents import DocumentArgument
from palaver.cli.find import get_bot
from palaver.cli.options import BotArgument
from palaver.cli.progress import bar
from palaver.cli.show import Sentence, Shown, clean, one_line
from palaver.cli.target import pairs
from palaver.document import Document, DocumentStatus, TrainingReport, report_of
from palaver.jsonable import encode
from palaver.results import SearchResult
from palaver.settling import settled
from palaver.surface import Hub

SEARCH_EPILOG = """Examples:

palaver search Helper 'How long do refunds take?'

palaver search Helper refunds -k 3 --where product=billing --json
"""
TRAIN_EPILOG = """Examples:

palaver train Helper --dry-run

palaver train Helper --policy rated --min-rating 5
"""
UNTRAIN_EPILOG = "Example: palaver untrain doc_0198…"


@dataclass(frozen=True, slots=True)
class Findings:
    """The chunks that were found."""

    result: SearchResult

    def plain(self) -> Any:
        """As JSON shapes."""
        return encode(self.result)

    def show(self, console: Console) -> None:
        """For a person: each with where it stands."""
        for hit in self.result:
            places = (hit.title, hit.chunk.heading, hit.chunk.page and f"page {hit.chunk.page}")
            where = " · ".join(clean(str(place)) for place in places if place)
            console.print(Text(f"{hit.rank}. {where}  {hit.score:.2f}", style="bold"), soft_wrap=True)
            console.print(Text(f"   {one_line(hit.chunk.text, 300)}"), soft_wrap=True)
        found = f"{len(self.result)} found" if self.result.hits else "Nothing was found"
        console.print(Text(f"{found}, mode: {self.result.mode}."))


@dataclass(frozen=True, slots=True)
class Run:
    """A run of training, or what one would use."""

    report: TrainingReport
    dry_run: bool

    def plain(self) -> Any:
        """As JSON shapes."""
        return encode(self.report)

    def show(self, console: Console) -> None:
        """For a person."""
        for pair in self.report.pairs:
            console.print(Text(f"{pair.conversation_id}", style="bold"), soft_wrap=True)
            console.print(Text(f"  Q {one_line(pair.question, 200)}\n  A {one_line(pair.answer, 200)}"), soft_wrap=True)
        console.print(Text(self._sentence()), soft_wrap=True)

    def _sentence(self) -> str:
        report = self.report
        if not report.used:
            return f"There is nothing new to train on{_dropped(report)}."
        counted = f"{report.used:,} questions and answers of {report.conversations:,} conversations{_dropped(report)}"
        if self.dry_run:
            return f"Would use {counted}. Nothing was stored."
        took = "" if report.document is None else f" Take it back with: palaver untrain {report.document.id}"
        return f"Trained on {counted}.{took}"


def _dropped(report: TrainingReport) -> str:
    return f" ({report.duplicates:,} near-duplicates left out)" if report.duplicates else ""


def search(
    hub: BlockingHub,
    bot: BotArgument,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="What to look for, in your own words.")],
    k: Annotated[int | None, typer.Option("-k", help="How many; the bot's own number when omitted.")] = None,
    where: Annotated[
        list[str] | None, typer.Option("--where", metavar="KEY=VALUE", help="Only documents with this metadata.")
    ] = None,
) -> Shown:
    """Find what a bot's documents say, best first. No model is called.

    What people said is found by: palaver conversations search.
    """
    return Findings(hub.search(get_bot(hub, bot).id, query, k=k, where=pairs("--where", where) or None))


def train(
    hub: BlockingHub,
    bot: BotArgument,
    policy: Annotated[str, typer.Option("--policy", help="all, rated (well) or ended.")] = "all",
    min_rating: Annotated[
        int | None, typer.Option("--min-rating", metavar="N", help="With --policy rated: the least, 1 to 5 (4).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Store nothing; show what would be used.")] = False,
) -> Shown:
    """Let a bot answer from its past conversations. What was used before is not used again.

    Questions whose answer failed, was interrupted or is empty are never used.
    """
    found = get_bot(hub, bot)
    with bar("Reading what was said" if dry_run else "Training", None if dry_run else "chunks") as progress:
        report = hub.train(found.id, policy=policy, min_rating=min_rating, dry_run=dry_run, wait=False)
        if report.document is not None:
            report = report_of(hub.run(partial(_watched, document_id=report.document.id, progress=progress)))
    return Run(report, dry_run)


async def _watched(hub: Hub, document_id: str, progress: Callable[[int, int | None], None]) -> Document:
    """Wait for the end of a run; tell meanwhile how much is written. How much there will be nobody knows."""

    async def look() -> Document:
        document = await hub.documents.get(document_id)
        progress(document.chunk_count, document.chunk_count if document.status is DocumentStatus.READY else None)
        return document

    return await settled(look)


def untrain(hub: BlockingHub, document: DocumentArgument) -> Shown:
    """Take a run of training back. Its conversations can be trained on again."""
    hub.untrain(document)
    return Sentence("Taken back: nothing is answered from it any more.", {"id": document})
