"""Rows of tables as text: each names its columns, so that it can be found and understood without the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from palaver.retrieval.loaders.base import BlockKind, Draft


def add_rows(draft: Draft, rows: Iterable[Sequence[str]]) -> None:
    """Add a table's rows. If the first one reads like names of columns, the others become ``name: value`` lines."""
    filled = (cells for row in rows if any(cells := [cell.strip() for cell in row]))
    first, second = next(filled, []), next(filled, [])
    header = first if second and _are_names(first) else ()
    for cells in chain([] if header else [first], [second], filled):
        draft.add(BlockKind.ROW, _named(header, cells) if header else " | ".join(cells))


def _are_names(cells: Sequence[str]) -> bool:
    """Whether these can be names of columns: two or more, none empty, none twice, none a number."""
    return len(cells) > 1 and all(cells) and len(set(cells)) == len(cells) and not any(map(_is_number, cells))


def _is_number(cell: str) -> bool:
    return cell.strip("+-%€$£").replace(",", "").replace(".", "").isdigit()


def _named(header: Sequence[str], cells: Sequence[str]) -> str:
    lines = [f"{name}: {cell}" for name, cell in zip(header, cells, strict=False) if cell]
    return "\n".join([*lines, *(cell for cell in cells[len(header) :] if cell)])
