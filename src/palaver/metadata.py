"""Metadata: a caller's own JSON object beside a thing. How much of it is kept, and how a change is laid over it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from palaver.errors import InvalidInput

METADATA_BYTES = 65_536
METADATA_KEYS = 1_000


def count_keys(value: object) -> int:
    """Return how many keys all objects in a JSON value have together."""
    if isinstance(value, Mapping):
        return len(value) + sum(count_keys(item) for item in value.values())
    if isinstance(value, list | tuple):
        return sum(count_keys(item) for item in value)
    return 0


def check_size(encoded: str, value: Mapping[str, Any]) -> None:
    """Refuse what is too much to keep; ``encoded`` is the compact JSON of ``value``.

    Raises:
        InvalidInput: ``metadata_too_large``.
    """
    if len(encoded.encode()) > METADATA_BYTES:
        raise InvalidInput(f"Metadata holds at most {METADATA_BYTES:,} bytes of JSON.", code="metadata_too_large")
    if count_keys(value) > METADATA_KEYS:
        raise InvalidInput(f"Metadata holds at most {METADATA_KEYS:,} keys.", code="metadata_too_large")


def merge(stored: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata with a change laid over it, one level deep; None removes a key.

    Raises:
        InvalidInput: ``metadata_too_large``: many small changes must not grow past what one may hold.
    """
    merged = {key: value for key, value in {**stored, **change}.items() if value is not None or key not in change}
    check_size(json.dumps(merged, ensure_ascii=False, separators=(",", ":")), merged)
    return merged


def fits(metadata: Mapping[str, Any], where: Mapping[str, str]) -> bool:
    """Whether the top-level values of metadata have these texts: a string is its own, anything else its compact JSON."""
    return all(key in metadata and _text_of(metadata[key]) == text for key, text in where.items())


def _text_of(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
