"""Golden transcripts: what goes over the wire, byte by byte, with ids and times replaced.

A transcript begins with the status and the media type; then the body follows as it is. Ids are numbered in the order in which
they appear; times are ``TIME``, and how long something took is ``SECONDS``.
"""

from __future__ import annotations

import re
from pathlib import Path

import httpx2

_ID = re.compile(r"(bot|ent|conv|turn|msg|rs|req)_[0-9a-f]{32}")
_TIME = re.compile(r'("(?:created|created_at|completed_at)":)\d+|(")\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z(?=")')
_SECONDS = re.compile(r'("processing_time":)[\d.]+')


def transcript(*answers: httpx2.Response) -> str:
    """Return answers as a transcript."""
    known: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        kind = found[1]
        count = sum(name.startswith(f"{kind}_") for name in known.values())
        return known.setdefault(found[0], f"{kind}_{count + 1}")

    said = [f"{each.status_code} {each.headers['content-type']}\n{each.text}\n" for each in answers]
    timeless = _TIME.sub(r"\1\2TIME", _ID.sub(named, "\n".join(said)))
    return _SECONDS.sub(r"\1SECONDS", timeless)


def golden(test: str, name: str) -> str:
    """Return a transcript that is kept beside a test."""
    return Path(test).parent.joinpath("golden", name).read_text(encoding="utf-8")
