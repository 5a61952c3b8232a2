"""Idempotency keys: their syntax, and the fingerprint that tells a retry from another request."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from palaver.errors import InvalidInput
from palaver.jsonable import encode
from palaver.stores.orders import Once

_KEY = re.compile(r"[!-~]{1,255}")


def check_key(key: str) -> str:
    """Return the key: 1–255 printable ASCII characters without blanks.

    Raises:
        InvalidInput: ``invalid_idempotency_key``.
    """
    if _KEY.fullmatch(key) is None:
        raise InvalidInput(
            "An idempotency key is 1 to 255 printable ASCII characters without blanks.", code="invalid_idempotency_key"
        )
    return key


def fingerprint(operation: str, target: str, body: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 of what is asked for: sorted keys, no blanks, only the fields that were given."""
    canonical = json.dumps([operation, target, encode(body)], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).digest()


def once(key: str | None, operation: str, target: str, body: Mapping[str, Any]) -> Once | None:
    """Return what makes a call idempotent, or None where the caller gave no key: such a call can't be told from another."""
    if key is None:
        return None
    return Once(key=check_key(key), fingerprint=fingerprint(operation, target, body))
