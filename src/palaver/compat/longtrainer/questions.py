"""What is sent as a question: the query, and behind it what goes along (texts of files, the schema of the answer). Pure.

A conversation keeps what its model was given. So all of it is the question's text, in sections that can be told apart again:
each has a head that says how many characters it holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from palaver.errors import InvalidInput

_HEAD = re.compile(r"\n\n--- (file|schema|correction) (\{[^\n]*\}) ---\n")
_TEXT = "extracted_text"
_SCHEMA = "Answer with one JSON value that fits this schema, and with nothing around it:\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question: what was asked, and the uploaded files that went along, each ``name``, ``type`` … and ``extracted_text``."""

    query: str
    files: Sequence[Mapping[str, Any]] = ()


def composed(asked: Asked, *, schema: Mapping[str, Any] | None = None, correction: str = "") -> str:
    """Return the text of a question. ``correction`` says what was wrong with an answer that did not fit the schema.

    Raises:
        InvalidInput: A file is none.
    """
    text = asked.query + "".join(map(_file, asked.files))
    if schema is not None:
        text += _section("schema", {}, _SCHEMA + json.dumps(schema, ensure_ascii=False))
    return text + (_section("correction", {}, correction) if correction else "")


def _file(file: Mapping[str, Any]) -> str:
    if not isinstance(file.get("name"), str) or not isinstance(file.get(_TEXT, ""), str):
        raise InvalidInput(f"An uploaded file has a name, a type and its {_TEXT}.", code="invalid_file")
    told = {key: value for key, value in file.items() if key != _TEXT}
    return _section("file", told, file.get(_TEXT, ""))


def _section(kind: str, told: Mapping[str, Any], text: str) -> str:
    try:
        head = json.dumps({**told, "characters": len(text)}, ensure_ascii=False)
    except (TypeError, ValueError):
        raise InvalidInput("What is said of an uploaded file is JSON.", code="invalid_file") from None
    return f"\n\n--- {kind} {head} ---\n{text}"


def read(text: str) -> Asked:
    """Return the question that a text stands for. A text whose sections do not add up is a query and nothing more."""
    for head in _HEAD.finditer(text):
        files = _sections(text, head.start())
        if files is not None:
            return Asked(query=text[: head.start()], files=files)
    return Asked(query=text)


def _sections(text: str, start: int) -> Sequence[Mapping[str, Any]] | None:
    files = []
    while start < len(text):
        head = _HEAD.match(text, start)
        told = None if head is None else _told(head[2])
        if head is None or told is None:
            return None
        start = head.end() + told.pop("characters")
        if start > len(text):
            return None
        if head[1] == "file":
            files.append({**told, _TEXT: text[head.end() : start]})
    return files


def _told(head: str) -> dict[str, Any] | None:
    try:
        told = json.loads(head)
    except (ValueError, RecursionError):
        return None
    size = told.get("characters")
    return told if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None
