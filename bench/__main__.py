"""``python -m bench``: every table, the goals last. ``--only`` names sections, ``--full`` takes the large sizes."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.measure import strict_commit_seconds
from bench.tables import Table, goals_table, ms

SECTIONS = (
    "turns",
    "growth",
    "crowd",
    "filler",
    "listing",
    "knowledge",
    "replay",
    "live",
    "servers",
    "processes",
    "wakeups",
    "scale",
    "training",
    "quality",
    "nearest",
    "first_token",
    "ingest_files",
    "page",
)


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--only", default=",".join(SECTIONS), help="sections, separated by commas: " + ", ".join(SECTIONS)
    )
    parser.add_argument("--full", action="store_true", help="the large sizes: 1,000,000 stored messages (takes longer)")
    parser.add_argument(
        "--quick", action="store_true", help="a smoke run: small sizes, few rounds, figures of no worth"
    )
    parser.add_argument("--strict", action="store_true", help="exit 1 if a goal was missed")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the tables to a Markdown file as well")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path.cwd(),
        help="where the stores are made: the disk that is measured (database servers keep theirs under TMPDIR)",
    )
    return parser.parse_args(argv)


def _scale(arguments: argparse.Namespace) -> str:
    return "full" if arguments.full else "quick" if arguments.quick else "default"


def _machine(folder: Path) -> Table:
    commit = strict_commit_seconds(folder)
    system = (
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )
    return Table(
        title="This machine, now",
        columns=("system", "a strict commit, ms"),
        rows=[(system, ms(commit))],
        note="A strict commit is one 500-byte row, WAL, synchronous=FULL (median of 300).",
    )


def _run(arguments: argparse.Namespace, folder: Path) -> list[Table]:
    tables = [_machine(folder)]
    print(tables[0].markdown(), flush=True)
    for name in arguments.only.split(","):
        begun = time.monotonic()
        section = importlib.import_module(f"bench.sections.{name}")
        home = folder / name
        home.mkdir()
        made = asyncio.run(section.measure(home, scale=_scale(arguments)))
        tables.extend(made)
        for table in made:
            print(table.markdown(), flush=True)
        print(f"({name}: {time.monotonic() - begun:.0f} s)\n", flush=True)
    tables.append(goals_table(tables))
    print(tables[-1].markdown(), flush=True)
    return tables


def main(argv: Sequence[str]) -> int:
    """Run the sections asked for. Returns 1 if a goal was missed and that was asked for."""
    arguments = _arguments(argv)
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=arguments.folder) as folder:
        tables = _run(arguments, Path(folder))
    if arguments.write:
        heading = "# How fast\n\nMade by `python -m bench`; the peers ran side by side in the same run.\n\n"
        arguments.write.write_text(heading + "\n".join(table.markdown() for table in tables))
    missed = [goal for table in tables for goal in table.goals if not goal.met]
    return 1 if arguments.strict and missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
