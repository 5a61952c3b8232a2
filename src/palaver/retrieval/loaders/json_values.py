"""JSON and JSON Lines: each value with the path that leads to it, ``address.city: Berlin``.

An element of an array of objects, or a line, is a block: what belongs together is found together. Numbers stay as they
are written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from palaver.retrieval.loaders.base import BlockKind, Draft, too_complex, unreadable
from palaver.retrieval.loaders.encoding import decoded

DEPTH_MAX = 64


def load(content: bytes, draft: Draft) -> None:
    """Add the values. Raises ``file_unreadable`` for what is no JSON, ``file_too_complex`` for what is nested too deeply."""
    text = decoded(content)
    try:
        documents = [_parsed(text)]
    except json.JSONDecodeError as whole:
        documents = _lines(text, whole)
    for document in documents:
        _add(draft, document, "", 0)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except RecursionError:
        raise _too_deep() from None


def _lines(text: str, whole: json.JSONDecodeError) -> list[Any]:
    lines = [line for line in text.split("\n") if line.strip()]
    try:
        return [_parsed(line) for line in lines]
    except json.JSONDecodeError:
        raise unreadable(f"This is no JSON: {whole.msg} in line {whole.lineno}.") from None


def _add(draft: Draft, value: Any, path: str, depth: int) -> None:
    """Add an array of things one by one, an object as its plain values and then its parts."""
    if depth > DEPTH_MAX:
        raise _too_deep()
    match value:
        case list() if any(isinstance(each, dict | list) for each in value):
            for number, each in enumerate(value):
                _add(draft, each, f"{path}[{number}]" if path else "", depth + 1)
        case dict() if depth == 0:
            draft.add(BlockKind.ROW, "\n".join(_flat({name: each for name, each in value.items() if _is_plain(each)})))
            for name, each in value.items():
                if not _is_plain(each):
                    _add(draft, each, name, depth + 1)
        case _:
            draft.add(BlockKind.ROW, "\n".join(_flat(value, path, depth)))


def _flat(value: Any, path: str = "", depth: int = 0) -> Iterator[str]:
    """Yield a line for each plain value below."""
    if depth > DEPTH_MAX:
        raise _too_deep()
    match value:
        case dict():
            for name, each in value.items():
                yield from _flat(each, f"{path}.{name}" if path else name, depth + 1)
        case list() if not all(map(_is_plain, value)):
            for number, each in enumerate(value):
                yield from _flat(each, f"{path}[{number}]", depth + 1)
        case []:
            pass
        case list():
            yield from _flat(", ".join(map(_written, value)), path, depth)
        case _:
            yield f"{path}: {_written(value)}" if path else _written(value)


def _is_plain(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _too_deep() -> Exception:
    return too_complex("Its values are nested too deeply.")
