"""What makes two requests the same one: the key, and the fingerprint of what is asked."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from palaver.errors import InvalidInput
from palaver.wire.base import KEY_PATTERN

_KEY = re.compile(KEY_PATTERN[:-1] + r"\Z")


def check_key(key: str) -> str:
    """Return an idempotency key: 1–255 printable ASCII characters, no spaces.

    Raises:
        InvalidInput: ``invalid_idempotency_key``.
    """
    if _KEY.match(key) is None:
        raise InvalidInput(
            "An idempotency key is 1 to 255 printable ASCII characters without spaces.", code="invalid_idempotency_key"
        )
    return key


def fingerprint(operation: str, target: str, body: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 of the canonical JSON of a request: equal for equal requests, whatever the order of keys."""
    canonical = json.dumps([operation, target, body], sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).digest()
