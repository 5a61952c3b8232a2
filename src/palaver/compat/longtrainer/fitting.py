"""Whether an answer fits the JSON schema that it was asked for by."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from palaver.compat.longtrainer.refusals import NotOffered
from palaver.errors import InvalidInput

WALL_SECONDS = 10.0
_CHILD = Path(__file__).with_name("fitting_child.py")
_TOO_LONG = "To say whether it fits takes too long."


async def check_schema(schema: Mapping[str, Any]) -> None:
    """Look at a schema before anything is asked.

    Raises:
        InvalidInput: It is no JSON schema, or refers to something outside it.
        NotOffered: What reads schemas is not installed.
    """
    if find_spec("jsonschema_rs") is None:
        raise NotOffered("schema: Answers are held to a schema with pip install 'palaver[longtrainer]'.")
    if (refused := (await _judged(schema, None)).get("refused")) is not None:
        raise InvalidInput(f"This schema can't be used: {refused}")


async def fitted(schema: Mapping[str, Any], text: str) -> tuple[Any, str | None]:
    """Return the JSON value that an answer is, and None; or None and what is wrong with it."""
    judged = await _judged(schema, text)
    return judged.get("data"), judged.get("problem")


async def _judged(schema: Mapping[str, Any], text: str | None) -> Mapping[str, Any]:
    """Let the child judge. One that dies, or is late, is a problem of the schema or of the answer."""
    try:
        order = json.dumps({"schema": schema, "text": text}).encode()
    except (TypeError, ValueError):
        raise InvalidInput("A schema is a JSON object.", code="invalid_type") from None
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-s", "-X", "utf8", str(_CHILD)),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(WALL_SECONDS):
            answer, _ = await child.communicate(order)
    except TimeoutError:
        return _late(text)
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    judged: Mapping[str, Any] = json.loads(answer) if child.returncode == 0 else _late(text)
    return judged


def _late(text: str | None) -> Mapping[str, Any]:
    return {"refused" if text is None else "problem": _TOO_LONG}
