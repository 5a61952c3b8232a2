"""The files of the page, read once: their types, tags and compressed forms."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from palaver.markup.styles import message_styles

TYPES: Mapping[str, str] = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
}

MESSAGE_STYLES = "message.css"
"""How a message looks is said once, for the page and for exports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file. ``tag`` is of its content, without quotes."""

    content: bytes
    gzipped: bytes
    media_type: str
    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """All files by their paths below ``static``; ``version`` changes with any of them."""

    by_path: Mapping[str, Asset]
    version: str


def asset(content: bytes, media_type: str) -> Asset:
    """Return a file of this content."""
    tag = hashlib.sha256(content).hexdigest()[:32]
    return Asset(content=content, gzipped=gzip.compress(content, 9, mtime=0), media_type=media_type, tag=tag)


@cache
def assets() -> Assets:
    """Return the files of this installation. The first call reads and compresses them: call it in a thread."""
    shared = asset(message_styles().encode(), TYPES["css"])
    found = dict(sorted([*_walked(files("palaver.server.web").joinpath("static"), ""), (MESSAGE_STYLES, shared)]))
    tags = "".join(f"{path} {each.tag}\n" for path, each in found.items())
    return Assets(by_path=found, version=hashlib.sha256(tags.encode()).hexdigest()[:12])


def _walked(folder: Traversable, above: str) -> Iterator[tuple[str, Asset]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _walked(each, f"{above}{each.name}/")
        elif (media_type := TYPES.get(each.name.rpartition(".")[2])) is not None:
            yield above + each.name, asset(each.read_bytes(), media_type)
