"""What the benchmark prints: tables in Markdown, and the goals with what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A ratio or a figure that was promised, and the one that was measured; ``at_least`` turns the comparison round."""

    text: str
    measured: float
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the promise holds on this machine, now."""
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def row(self) -> tuple[str, ...]:
        """The goal as a row of the last table."""
        sign = "≥" if self.at_least else "≤"
        return (self.text, f"{sign} {self.limit:g}", f"{self.measured:.3g}", "yes" if self.met else "**no**")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under a title; ``note`` says units, counts and conditions."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    goals: Sequence[Goal] = field(default=())

    def markdown(self) -> str:
        """The table as people read it, in a terminal as on a page."""
        cells = [list(self.columns), *[list(row) for row in self.rows]]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        lines = [
            "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
            for row in cells
        ]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        note = f"\n{self.note}\n" if self.note else ""
        return f"### {self.title}\n\n" + "\n".join(lines) + "\n" + note


def goals_table(tables: Sequence[Table]) -> Table:
    """All goals of the run in one table."""
    rows = [goal.row() for table in tables for goal in table.goals]
    return Table(title="Goals", columns=("goal", "limit", "measured", "met"), rows=rows)


def ms(seconds: float) -> str:
    """Milliseconds with three significant digits."""
    value = seconds * 1000
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
