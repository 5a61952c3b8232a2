"""Named queries in ``.sql`` files.

A file holds queries, each under ``-- name: word``, and parts, under ``-- part: word``, that queries of any file include
as ``{word}``. Parameters are named (``:tenant_id``). What every SQL database says alike stands once, in ``stores/sql``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

SHARED = files("palaver.stores").joinpath("sql")
_HEADING = re.compile(r"^-- (name|part): (\w+)$", re.MULTILINE)
_INCLUDED = re.compile(r"\{(\w+)\}")
_COMMENT = re.compile(r"^--.*$", re.MULTILINE)


def load_queries(folder: Traversable, parts: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Return every named query and part of the ``.sql`` files in a folder, and those that are shared; ``parts`` are further ones.

    Raises:
        ValueError: Two queries have one name.
    """
    found: dict[str, str] = dict(parts or {})
    for file in (*SHARED.iterdir(), *folder.iterdir()):
        if file.name.endswith(".sql"):
            _, *pieces = _HEADING.split(file.read_text(encoding="utf-8"))
            for name, body in zip(pieces[1::3], pieces[2::3], strict=True):
                if name in found:
                    raise ValueError(f"two queries are called {name}")
                found[name] = _COMMENT.sub("", body).strip().rstrip(";")
    return {name: _including(body, found) for name, body in found.items()}


def _including(body: str, parts: Mapping[str, str]) -> str:
    while _INCLUDED.search(body):
        body = _INCLUDED.sub(lambda match: parts[match[1]], body)
    return body
