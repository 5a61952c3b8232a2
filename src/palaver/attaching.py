"""From what a caller has, a path, bytes or a file that is there, to what a request says.

This is done on the caller's side, whether the engine is here or on a server: a server never reads a path. Bytes go into the
request itself, as a ``data:`` URL, so that a call that is made again with its key is the same call.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from palaver.attachment import Attachment, is_attachment_id
from palaver.errors import InvalidInput

DATA_PREFIX = "data:"


async def upload_of(source: object, name: str | None = None) -> dict[str, Any]:
    """Return the request to keep a file: bytes, a ``data:`` URL, or the path of one. ``name`` is the path's where omitted.

    Raises:
        InvalidInput: ``invalid_file``: the path can't be read.
    """
    return await asyncio.to_thread(_upload, source, name)


async def with_files(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a request, whose ``attachments`` are ids and ``data:`` URLs as they were, and uploads.

    What is no file at all is left for the request's own check. Raises ``InvalidInput`` as ``upload_of`` does.
    """
    made = dict(fields)
    if isinstance(given := made.get("attachments"), list | tuple):
        made["attachments"] = [await _attached(each) for each in given]
    return made


async def _attached(one: object) -> object:
    match one:
        case Attachment():
            return one.id
        case str() if one.startswith(DATA_PREFIX) or is_attachment_id(one):
            return one
        case str() | bytes() | PathLike():
            return await upload_of(one)
        case _:
            return one


def _upload(source: object, name: str | None) -> dict[str, Any]:
    match source:
        case bytes():
            return _named(source, name)
        case str() if source.startswith(DATA_PREFIX):
            return {"data": source, **({} if name is None else {"name": name})}
        case str() | PathLike():
            path = Path(source)
            return _named(_read(path), name or path.name)
        case Mapping():
            return dict(source)
    raise InvalidInput("A file is a path, bytes, or a data: URL.", code="invalid_type")


def _named(content: bytes, name: str | None) -> dict[str, Any]:
    data = f"{DATA_PREFIX};base64,{base64.b64encode(content).decode()}"
    return {"data": data, **({} if name is None else {"name": name})}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError):
        raise InvalidInput("This file can't be read.", code="invalid_file") from None
