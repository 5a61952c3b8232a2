"""Answers checked by the client's own types, strictly: no value is bent to fit, and only the fields named here are beyond them."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import httpx2
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

M = TypeVar("M", bound=BaseModel)
BEYOND = {"name", "conversation_id", "reasoning_content", "citations"}
_EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def strict(kind: type[M], data: Any) -> M:
    """Return an answer as its type."""
    made = kind.model_validate(data, strict=True)
    assert beyond(made) <= BEYOND, beyond(made)
    return made


def beyond(value: Any) -> set[str]:
    """The fields that a value and all in it have beyond those of their types."""
    match value:
        case BaseModel():
            own = set(value.model_extra or {})
            return own.union(*(beyond(getattr(value, name)) for name in type(value).model_fields))
        case list():
            return set().union(*map(beyond, value))
        case _:
            return set()


def answered(kind: type[M], answer: httpx2.Response) -> M:
    """Return a good answer as its type."""
    assert answer.status_code == 200, answer.text
    return strict(kind, answer.json())


def refused(answer: httpx2.Response, status: int, code: str, param: str | None = None) -> dict[str, Any]:
    """Return the error that an answer is; it has exactly the fields that the client reads."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(answer.json()) == {"error"}
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["code"], error["param"]) == (code, param), error
    return dict(error)


def frames(text: str) -> list[tuple[str, str]]:
    """Return what a stream holds as (event, data); comments are passed over."""
    found = []
    for block in text.split("\n\n"):
        lines = [line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            fields = dict(lines)
            found.append((fields.get("event", ""), fields["data"]))
    return found


def chunks(text: str) -> list[ChatCompletionChunk]:
    """Return the chunks of a stream that ended as it should."""
    *said, last = frames(text)
    assert last == ("", "[DONE]")
    return [strict(ChatCompletionChunk, json.loads(data)) for _, data in said]


def events(text: str, *, first: int = 0) -> list[Any]:
    """Return the events of a response, numbered without a gap."""
    found = []
    for number, (name, data) in enumerate(frames(text), first):
        event = _EVENTS.validate_python(json.loads(data), strict=True)
        assert beyond(event) <= BEYOND
        assert (event.type, event.sequence_number) == (name, number)
        found.append(event)
    return found
