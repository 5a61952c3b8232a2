"""How a bot finds what it knows, as a caller may set it. The rule is ``retrieval.settings``'s."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from palaver.errors import InvalidInput
from palaver.retrieval.settings import (
    K_MAX,
    NAME_CHARACTERS,
    VECTOR_WEIGHT_MIN,
    WHERE_CHARACTERS,
    WHERE_KEYS,
    retrieval_settings,
)
from palaver.wire.base import refused

_NAME_PATTERN = f"^[!-~]([ -~]{{0,{NAME_CHARACTERS - 2}}}[!-~])?$"
_NAME = {"anyOf": [{"type": "string", "pattern": _NAME_PATTERN}, {"type": "null"}]}
_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "enabled": {"type": "boolean"},
        "k": {"type": "integer", "minimum": 1, "maximum": K_MAX},
        "embedding": _NAME,
        "vector_weight": {"type": "number", "minimum": VECTOR_WEIGHT_MIN, "maximum": 1},
        "where": {
            "type": "object",
            "maxProperties": WHERE_KEYS,
            "additionalProperties": {"type": "string", "format": "palaver-message", "maxLength": WHERE_CHARACTERS},
        },
        "reranker": _NAME,
    },
}


def _checked(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise refused("invalid_type", "This is an object.")
    try:
        retrieval_settings(value)
    except InvalidInput as error:
        raise refused(error.code, error.message.removeprefix("retrieval.")) from None
    return dict(value)


Retrieval = Annotated[dict[str, Any], BeforeValidator(_checked), WithJsonSchema(_SCHEMA)]
