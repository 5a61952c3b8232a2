"""Reading a query string: each name once, and the texts as the values that their fields take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from starlette.requests import Request

from palaver.errors import InvalidInput
from palaver.wire.base import Wire
from palaver.wire.checking import check

Q = TypeVar("Q", bound=Wire)

_METADATA = "metadata."
_BOOLEANS: Mapping[str, bool] = {"true": True, "false": False}
_DIGITS_MAX = 18


def _integer(text: str) -> int | str:
    digits = text.removeprefix("-")
    plain = digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS_MAX
    return int(text) if plain else text  # what is no integer is refused by the field


def _typed(name: str, text: str) -> object:
    match name:
        case "limit" | "min_rating" | "max_rating":
            return _integer(text)
        case "deleted":
            return _BOOLEANS.get(text, text)
        case _:
            return text


def read_query(request: Request, kind: type[Q]) -> Q:
    """Return the query string as the request that it is; ``metadata.<key>=…`` are gathered.

    Raises:
        InvalidInput: ``invalid_filter``, ``invalid_page``, ``invalid_cursor``, ``query_too_long`` …
    """
    fields: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    for name, text in request.query_params.multi_items():
        is_metadata = name.startswith(_METADATA)
        key = name.removeprefix(_METADATA)
        if key in (metadata if is_metadata else fields):
            raise InvalidInput(f"{name} is given twice.", code=kind.CODES.get(name, "invalid_filter"))
        if is_metadata:
            metadata[key] = text
        else:
            fields[name] = _typed(name, text)
    if "metadata" in fields:
        raise InvalidInput("Filter by metadata.<key>=<text>.", code="invalid_filter")
    if metadata:
        fields["metadata"] = metadata
    return check(kind, fields)
