"""Looks whether an answer fits a JSON schema, in a process of its own: both come from outside, and can take any time.

Run by its path, so that it imports nothing of ours. Reads ``{"schema", "text"}``, writes one of ``{"data"}`` (it fits),
``{"problem"}`` (it does not) and ``{"refused"}`` (the schema is none). With no text the schema alone is looked at.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

import jsonschema_rs

CPU_SECONDS = 2
MEMORY_BYTES = 512 * 1024 * 1024


def judged(schema: Mapping[str, Any], text: str | None) -> Mapping[str, Any]:
    """Return what is to be written. Nothing is fetched, and patterns are of the kind that take linear time."""
    try:
        validator = jsonschema_rs.validator_for(
            dict(schema), retriever=_nothing, pattern_options=jsonschema_rs.RegexOptions()
        )
    except ValueError as error:
        return {"refused": _short(str(error))}
    if text is None:
        return {}
    try:
        data = json.loads(text, parse_constant=_no_number)
        wrong = next(iter(validator.iter_errors(data)), None)
    except (ValueError, RecursionError) as error:
        return {"problem": f"It is no JSON: {_short(str(error))}"}
    if wrong is None:
        return {"data": data}
    return {"problem": f"{'.'.join(map(str, wrong.instance_path)) or 'All of it'}: {_short(wrong.message)}"}


def _nothing(_uri: str) -> NoReturn:
    raise ValueError("only references within the schema are followed")


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _short(said: str) -> str:
    return said.split("\n", 1)[0][:200]


def _limit() -> None:
    try:
        import resource
    except ImportError:  # Windows: the one who waits has a time limit as well
        return
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    if sys.platform != "darwin":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    _limit()
    order = json.loads(sys.stdin.buffer.read())
    sys.stdout.write(json.dumps(judged(order["schema"], order["text"])))
