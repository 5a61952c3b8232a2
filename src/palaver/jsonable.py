"""Values as plain JSON shapes, and back. The one place that knows how a field looks outside Python.

A dataclass becomes an object of its fields (and of the properties it names in ``JSON_PROPERTIES``), a time becomes
RFC 3339 UTC, a tuple a list, an enum its value. Unknown fields are ignored on the way back: a newer server may add
some.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from functools import cache, partial
from typing import Any, TypeVar

from palaver.clock import parse_rfc3339, rfc3339

V = TypeVar("V")


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    fields = tuple(field.name for field in dataclasses.fields(kind))
    return fields + tuple(getattr(kind, "JSON_PROPERTIES", ()))


def encode(value: Any) -> Any:
    """Return ``value`` made of dict, list, str, int, float, bool and None."""
    match value:
        case None | bool() | int() | float():
            return value
        case Enum():
            return value.value
        case str():
            return value
        case datetime():
            return rfc3339(value)
        case Mapping():
            return {str(key): encode(item) for key, item in value.items()}
        case tuple() | list():
            return [encode(item) for item in value]
        case _:
            return {name: encode(getattr(value, name)) for name in _names(value.__class__)}


@cache
def _decoders(kind: type[Any]) -> Mapping[str, Callable[[Any], Any]]:
    hints = typing.get_type_hints(kind)
    return {field.name: _decoder(hints[field.name]) for field in dataclasses.fields(kind)}


def _union_decoder(members: tuple[Any, ...]) -> Callable[[Any], Any]:
    rest = [member for member in members if member is not type(None)]
    if len(rest) == 1:
        inner = _decoder(rest[0])
        return lambda raw: None if raw is None else inner(raw)
    values = [member for member in rest if dataclasses.is_dataclass(member)]
    by_type: dict[str, Any] = {typing.get_args(typing.get_type_hints(each)["type"])[0]: each for each in values}
    if by_type:
        return lambda raw: decode(by_type[raw["type"]], raw)
    return lambda raw: raw


def _decoder(hint: Any) -> Callable[[Any], Any]:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _union_decoder(typing.get_args(hint))
    if origin is tuple:
        item = _decoder(typing.get_args(hint)[0])
        return lambda raw: tuple(item(each) for each in raw)
    if hint is datetime:
        return parse_rfc3339
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        value: Any = hint
        return partial(decode, value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    return lambda raw: raw


def decode(kind: type[V], raw: Mapping[str, Any]) -> V:
    """Return the value of type ``kind`` that ``raw`` is the JSON shape of.

    Raises:
        KeyError, TypeError, ValueError: It is not that shape.
    """
    any_kind: Any = kind
    decoders = _decoders(any_kind)
    return kind(**{name: decoders[name](item) for name, item in raw.items() if name in decoders})
