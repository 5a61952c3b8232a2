"""What a document is made of: the bytes of a file, a text or a page; and how the one argument of a call says which."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from palaver.document import Source
from palaver.errors import InvalidInput
from palaver.filenames import safe_name
from palaver.retrieval.kinds import READ_ENDINGS

_SCHEMES = ("http://", "https://")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """The bytes of a file. ``name`` is what its owner calls it ("" where nobody does), ``media_type`` what they say that it is."""

    content: bytes
    name: str = ""
    media_type: str | None = None


def is_url(source: str) -> bool:
    """Whether a string is the URL of a page."""
    return source.lower().startswith(_SCHEMES)


async def told(source: Source | None, fields: Mapping[str, Any]) -> tuple[File | None, dict[str, Any]]:
    """Return the file that a source is, or None and the fields with its ``text`` or ``url``.

    Raises:
        InvalidInput: There is no such file, or it can't be read; or ``fields`` say another text.
    """
    said = dict(fields)
    if source is None:
        return None, said
    if said.get("text") is not None:
        raise InvalidInput("Say what the document is made of once: a source, or text.")
    match source:
        case bytes():
            return File(content=source, media_type=said.pop("media_type", None)), said
        case str() if is_url(source):
            return None, {**said, "url": source}
        case str() | PathLike():
            return await asyncio.to_thread(_of_path, source, said)
        case _:
            raise InvalidInput("A source is bytes, a path, a URL or a text.", code="invalid_type")


def _of_path(source: str | PathLike[str], said: dict[str, Any]) -> tuple[File | None, dict[str, Any]]:
    if _is_there(source):
        path = Path(source)
        return File(content=_read(path), name=safe_name(path.name), media_type=said.pop("media_type", None)), said
    if isinstance(source, str) and _is_text(source):
        return None, {**said, "text": source}
    raise InvalidInput(f"There is no such file: {str(source)[:200]!r}. For a text of one word, say text=….")


def _is_there(source: str | PathLike[str]) -> bool:
    try:
        return source != "" and Path(source).exists()
    except (OSError, ValueError):  # longer than a name may be, or with a NUL in it
        return False


def _is_text(source: str) -> bool:
    return any(map(str.isspace, source.strip())) and not source.strip().lower().endswith(READ_ENDINGS)


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise InvalidInput(f"{path} is no file. Add the files of a folder one by one, or with `palaver documents add`.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}.", code="invalid_file") from error
