"""A report as CSV: a row for each of its rows, or one row for all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from palaver.figures import Figures, FiguresReport, FiguresRow, Ratings, Spread
from palaver.sheet import csv_row

_COUNTS = (
    "conversations",
    "turns",
    "active_entities",
    "questions",
    "answers",
    "completed",
    "interrupted",
    "failed",
    "unfound",
    "input_tokens",
    "output_tokens",
    "cost_micro",
    "unpriced_turns",
)
_SPREADS = ("response_seconds", "first_token_seconds")
_RATINGS = ("message_ratings", "conversation_ratings")
_STARS = tuple(map(str, range(1, 6)))
_REASONS = tuple(Figures().end_reasons)
COLUMNS = (
    *("key", "name", *_COUNTS),
    *(f"{name}_{part}" for name in _RATINGS for part in ("count", "average")),
    *(f"{name}_{part}" for name in _SPREADS for part in ("mean", "median", "p95")),
    *(f"ended_{reason}" for reason in _REASONS),
    *(f"{name}_{stars}" for name in _RATINGS for stars in _STARS),
)
"""All that there is. New ones go to the end."""


def figures_csv(report: FiguresReport, columns: Sequence[str] = COLUMNS) -> Iterator[bytes]:
    """Yield the rows, the names of the columns first. A number that is not there is empty."""
    yield csv_row(columns)
    for row in report.rows or (FiguresRow(key="total", figures=report.total),):
        cells = dict(zip(COLUMNS, _cells(row), strict=True))
        yield csv_row(cells[name] for name in columns)


def _cells(row: FiguresRow) -> Iterator[str]:
    yield from (row.key, row.name or "")
    figures = row.figures
    ratings: Sequence[Ratings] = [getattr(figures, name) for name in _RATINGS]
    spreads: Sequence[Spread] = [getattr(figures, name) for name in _SPREADS]
    yield from (str(getattr(figures, name)) for name in _COUNTS)
    for rating in ratings:
        yield from (str(rating.count), _number(rating.average))
    for spread in spreads:
        yield from map(_number, (spread.mean, spread.median, spread.p95))
    yield from (str(figures.end_reasons.get(reason, 0)) for reason in _REASONS)
    for rating in ratings:
        yield from (str(rating.counts.get(stars, 0)) for stars in _STARS)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
