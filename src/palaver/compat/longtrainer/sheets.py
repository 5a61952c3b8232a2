"""Chats as CSV files beside the program, where LongTrainer writes them: ``./data-<bot id>/<bot id>_data_<time>.csv``."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from palaver.errors import InvalidInput
from palaver.sheet import csv_row

_COLUMNS = ("Question", "Answer")
Table = Iterable[Sequence[str]]


def table_of(chats: object) -> Table:
    """Return a chat's history, as ``get_chat_by_id`` returns it, or a pandas ``DataFrame`` as rows, the names of the columns first.

    Raises:
        InvalidInput: It is neither.
    """
    match chats:
        case list() | tuple() if all(isinstance(row, Mapping) and "question" in row for row in chats):
            return [_COLUMNS, *((row["question"], row.get("answer", row.get("response", ""))) for row in chats)]
        case _ if hasattr(chats, "columns") and hasattr(chats, "itertuples"):
            return _table_of_frame(chats)
    raise InvalidInput("Chats are rows of get_chat_by_id, or a DataFrame.", code="invalid_type")


def _table_of_frame(frame: Any) -> Table:
    rows = frame.itertuples(index=False, name=None)
    return [[str(name) for name in frame.columns], *([str(cell) for cell in row] for row in rows)]


def table_of_pairs(content: bytes) -> Table:
    """Return the content of a training document as rows of questions and answers."""
    pairs = csv.reader(io.StringIO(content.decode(), newline=""))
    next(pairs)
    return [_COLUMNS, *((question, answer) for question, answer, *_ in pairs)]


def write(bot_id: str, table: Table) -> str:
    """Write rows to a new file and return its path. No cell is a formula."""
    folder = Path(f"data-{bot_id}")
    folder.mkdir(exist_ok=True)
    now = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
    for number in count(1):
        name = f"{bot_id}_data_{now}{'' if number == 1 else f'_{number}'}.csv"
        try:
            with (folder / name).open("xb") as file:
                file.writelines(map(csv_row, table))
        except FileExistsError:
            continue
        return f"./{folder}/{name}"
    raise AssertionError("count() never ends")


def remove(bot_id: str) -> None:
    """Delete what was written for a bot."""
    shutil.rmtree(f"data-{bot_id}", ignore_errors=True)
