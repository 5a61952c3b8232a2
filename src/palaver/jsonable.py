"""Values as plain JSON shapes, and back. The one place that knows how a field looks outside Python.

A dataclass becomes an object of its fields (and of the properties it names in ``JSON_PROPERTIES``), a time becomes
RFC 3339 UTC, a tuple a list, an enum its value. Unknown fields are ignored on the way back: a newer server may add
some.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import cache, partial
from operator import attrgetter
from typing import Any, TypeVar

from palaver.clock import parse_rfc3339, rfc3339

V = TypeVar("V")


_PLAIN = frozenset({str, int, float, bool, type(None)})


def encode(value: Any) -> Any:
    """Return ``value`` made of dict, list, str, int, float, bool and None."""
    kind = value.__class__
    return value if kind in _PLAIN else _encoder(kind)(value)


@cache
def _encoder(kind: type[Any]) -> Callable[[Any], Any]:
    if issubclass(kind, Enum):
        return attrgetter("value")
    if issubclass(kind, str | int | float):
        return _as_it_is
    if issubclass(kind, datetime):
        return rfc3339
    if issubclass(kind, Mapping):
        return _encode_mapping
    if issubclass(kind, tuple | list):
        return _encode_items
    return partial(_encode_fields, _fields(kind))


def _as_it_is(value: Any) -> Any:
    return value


def _encode_mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): encode(item) for key, item in value.items()}


def _encode_items(value: Sequence[Any]) -> list[Any]:
    return [encode(item) for item in value]


def _fields(kind: type[Any]) -> tuple[str, ...]:
    fields = tuple(field.name for field in dataclasses.fields(kind))
    return fields + tuple(getattr(kind, "JSON_PROPERTIES", ()))


def _encode_fields(names: tuple[str, ...], value: Any) -> dict[str, Any]:
    return {
        name: item if item.__class__ in _PLAIN else encode(item)
        for name, item in [(name, getattr(value, name)) for name in names]
    }


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
