"""``palaver stats``: what conversations come to, as a table with bars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.bar import Bar
from rich.console import Console
from rich.table import Table
from rich.text import Text

from palaver.analytics.table import figures_csv
from palaver.arguments import TimeQuery, UnfoundQuestionQuery
from palaver.blocking import BlockingHub
from palaver.cli.find import get_bot
from palaver.cli.options import AfterOption, BotOption, page_of
from palaver.cli.show import Card, Listing, Shown, one_line, said
from palaver.figures import ConversationAnalytics, Figures, FiguresReport, Ratings
from palaver.jsonable import encode

EPILOG = "Example: palaver stats --by bot --from 2026-01-01 --timezone Europe/Berlin"
_BAR_WIDTH = 16
_COLUMNS = ("conversations", "turns", "", "failed", "entities", "rating", "p50", "p95", "first word", "tokens", "cost")


@dataclass(frozen=True, slots=True)
class _Stats:
    """A report; a bar says how busy a row was beside the busiest."""

    report: FiguresReport

    def plain(self) -> Any:
        """As JSON shapes: what the HTTP API answers."""
        return encode(self.report)

    def show(self, console: Console) -> None:
        """For a person."""
        report = self.report
        table = Table(box=None, pad_edge=False, header_style="bold", show_footer=True)
        table.add_column(report.by.value, footer="total", overflow="fold")
        total = list(_cells(report.total))
        for title, footer in zip(_COLUMNS, [*total[:2], "", *total[2:]], strict=True):
            table.add_column(title, footer=footer, justify="left" if not title else "right")
        busiest = max((row.figures.turns for row in report.rows), default=0)
        for row in report.rows:
            cells = [Text(cell) for cell in _cells(row.figures)]
            bar = Bar(size=max(busiest, 1), begin=0, end=row.figures.turns, width=_BAR_WIDTH)
            table.add_row(Text(said(row.name or row.key)), *cells[:2], bar, *cells[2:])
        console.print(table)
        if report.more:
            console.print(Text(f"{report.more} more: --limit"), soft_wrap=True)


@dataclass(frozen=True, slots=True)
class _Csv:
    """A report as CSV, for a file or a pipe."""

    report: FiguresReport

    def plain(self) -> Any:
        """As JSON shapes."""
        return encode(self.report)

    def show(self, console: Console) -> None:
        """As it is, without a style or a width."""
        console.file.write(b"".join(figures_csv(self.report)).decode())


def _cells(figures: Figures) -> Iterator[str]:
    yield from (f"{figures.conversations:,}", f"{figures.turns:,}")
    yield from (f"{figures.failed:,}", f"{figures.active_entities:,}", _rating(figures.message_ratings))
    yield from (_seconds(figures.response_seconds.median), _seconds(figures.response_seconds.p95))
    yield _seconds(figures.first_token_seconds.median)
    yield from (f"{figures.input_tokens + figures.output_tokens:,}", f"{figures.cost_micro / 1_000_000:,.2f}")


def _rating(ratings: Ratings) -> str:
    return "–" if ratings.average is None else f"{ratings.average:.1f} ({ratings.count})"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}s"


def _card(found: ConversationAnalytics) -> Card:
    messages, flow, quality = found.messages, found.flow, found.quality
    length = "–" if messages.average_length is None else f"{messages.average_length:.0f} characters on average"
    ends = f"{quality.completed} completed, {quality.interrupted} interrupted, {quality.failed} failed"
    return Card(
        found,
        {
            "conversation": found.conversation_id,
            "messages": f"{messages.total} ({messages.user} of the user, {messages.assistant} answers), {length}",
            "turns": f"{flow.turns}: {ends}",
            "duration": f"{flow.duration_seconds / 60:.1f} minutes",
            "answer after": f"{_seconds(flow.response_seconds.median)} (p95 {_seconds(flow.response_seconds.p95)})",
            "first word after": _seconds(flow.first_token_seconds.median),
            "longest pause": _seconds(flow.longest_pause_seconds),
            "rating": quality.rating,
            "ratings of answers": _rating(quality.message_ratings),
            "no passage found": quality.unfound,
            "tokens": f"{found.input_tokens:,} in, {found.output_tokens:,} out",
            "cost": f"{found.cost_micro / 1_000_000:,.4f}" + _unpriced(found.unpriced_turns),
            "topics": ", ".join(topic.term for topic in found.topics),
        },
    )


def _unpriced(turns: int) -> str:
    return f" ({turns} turns without a price)" if turns else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """The options that say which figures are shown."""

    by: Annotated[str, typer.Option("--by", help="day, bot, entity, model or total.")] = "day"
    since: Annotated[str | None, typer.Option("--from", help="A day or a time. Default: 30 days.")] = None
    until: Annotated[str | None, typer.Option("--to", help="A day, included, or a time, not included.")] = None
    timezone: Annotated[str, typer.Option("--timezone", help="Whose days: Europe/Berlin.")] = "UTC"
    bot: BotOption = None
    model: Annotated[str | None, typer.Option("--model", help="Only this model.")] = None
    limit: Annotated[int, typer.Option("-n", "--limit", help="How many rows at most; days are all shown.")] = 20
    after: AfterOption = None

    def figures(self, hub: BlockingHub) -> FiguresReport:
        """Return the figures that are asked for."""
        return hub.analytics.figures(**self._time(hub), by=self.by, limit=self.limit)

    def unfound(self, hub: BlockingHub) -> Shown:
        """Return the questions that were answered with nothing from documents."""
        query: UnfoundQuestionQuery = {**self._time(hub), **page_of(self.limit, self.after)}
        page = hub.analytics.unfound(**query)
        rows = [(each.asked_at, one_line(each.text or "–"), each.conversation_id) for each in page]
        return Listing(page, ("asked at", "question", "id"), rows, "Every question found a passage.")

    def _time(self, hub: BlockingHub) -> TimeQuery:
        query: TimeQuery = {"timezone": self.timezone}
        if self.since is not None:
            query["from_"] = self.since
        if self.until is not None:
            query["to"] = self.until
        if self.bot is not None:
            query["bot_id"] = get_bot(hub, self.bot).id
        if self.model is not None:
            query["model"] = self.model
        return query


def stats(
    hub: BlockingHub,
    which: Which,
    conversation: Annotated[
        str | None, typer.Argument(metavar="CONVERSATION", help="Only this one, in more detail.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    unfound: Annotated[
        bool, typer.Option("--unfound", help="List the questions that were answered with nothing from documents.")
    ] = False,
) -> Shown:
    """Show what conversations come to: how many, how fast, how well rated, at what cost.

    Latencies of many conversations come from a histogram: they are off by at most 4.5 %.
    """
    if conversation is not None:
        return _card(hub.analytics.conversation(conversation))
    if unfound:
        return which.unfound(hub)
    report = which.figures(hub)
    return _Csv(report) if csv else _Stats(report)
