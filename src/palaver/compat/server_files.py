"""Files of the server that a client names by their path: only below the one folder that the configuration opens."""

from __future__ import annotations

import asyncio
from pathlib import Path

from palaver.errors import Forbidden, InvalidInput


async def server_file(folder: str | None, named: str) -> Path:
    """Return the file that a client names: absolute, or relative to the folder. Links are followed before it is asked where it is.

    Raises:
        Forbidden: No folder is opened.
        InvalidInput: ``invalid_file``: there is no such file, or it is elsewhere; which, is not told.
    """
    if folder is None:
        raise Forbidden("Files of the server are not read: PALAVER_SERVER_FILES names no folder.")
    return await asyncio.to_thread(_found, Path(folder), named)


def _found(folder: Path, named: str) -> Path:
    try:
        opened = folder.resolve(strict=True)
        path = (opened / named).resolve(strict=True)
        is_there = path.is_relative_to(opened) and path.is_file()
    except (
        OSError,
        ValueError,
        RuntimeError,
    ):  # not there, longer than a name may be, a NUL in it, or links in a circle
        is_there, path = False, folder
    if not is_there:
        raise InvalidInput("There is no such file in the folder that is opened.", code="invalid_file")
    return path
