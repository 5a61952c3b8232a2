"""What a person names to be read: files, folders, patterns and URLs."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from palaver.errors import InvalidInput, PalaverError
from palaver.retrieval.kinds import READ_ENDINGS
from palaver.sources import is_url
from palaver.text import NAME_CODE_POINTS, as_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing to read: a file, or the URL of a page. ``title`` is a file's: its place below the folder that was named."""

    source: Path | str
    title: str | None = None

    def __str__(self) -> str:
        return str(self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A name behind which nothing is."""

    name: str
    error: PalaverError


def entries(names: Sequence[str]) -> Iterator[Entry | Missing]:
    """Find what is named, in its order, each thing once; what is not there is told in its place.

    Of a folder, and of those below it, the files are taken that we read; hidden ones are not.
    """
    seen: set[Path | str] = set()
    for name in names:
        found = list(_found(name))
        if not found:
            said = (
                f"Nothing in it is read: {', '.join(READ_ENDINGS)} are."
                if Path(name).is_dir()
                else "There is no such file."
            )
            yield Missing(name=name, error=InvalidInput(said))
        for entry in found:
            if entry.source not in seen:
                seen.add(entry.source)
                yield entry


def _found(name: str) -> Iterator[Entry]:
    if is_url(name):
        yield Entry(source=name)
        return
    for path in [Path(name)] if Path(name).exists() else _matching(name):
        if path.is_dir():
            yield from _below(path)
        else:
            yield Entry(source=path, title=_title(path.name))


def _matching(pattern: str) -> Iterator[Path]:
    return map(Path, sorted(glob.glob(pattern, recursive=True)))  # noqa: PTH207  # a pattern may begin at the root


def _below(folder: Path) -> Iterator[Entry]:
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        is_hidden = any(part.startswith(".") for part in inner.parts)
        if not is_hidden and path.suffix.lower() in READ_ENDINGS and path.is_file():
            yield Entry(source=path, title=_title(inner.as_posix()))


def _title(name: str) -> str:
    return as_name(name[-NAME_CODE_POINTS:], "Untitled")
