"""How Knowrithm's clients knock, and how they are told of an error: their paths, their key and secret, their envelope."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.responses import Response

from palaver.compat.knowrithm.answers import answer
from palaver.errors import PalaverError
from palaver.http import auth
from palaver.jsonable import encode

_FRONT = re.compile(r"/+(?:api/+)?v1/+")
_HALF = re.compile(r"ak_([0-9a-f]{8})\Z")

CODES: Mapping[int, str] = {
    400: "VALIDATION_ERROR",
    401: "AUTHENTICATION_ERROR",
    403: "AUTHORIZATION_ERROR",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    408: "REQUEST_TIMEOUT",
    409: "CONFLICT",
    410: "GONE",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "RATE_LIMIT_EXCEEDED",
    500: "SERVER_ERROR",
    501: "NOT_SUPPORTED",
    502: "MODEL_ERROR",
    503: "SERVICE_UNAVAILABLE",
    507: "STORAGE_FULL",
}
"""The documented words, and ours where the documentation has none."""


def straight(path: str) -> str:
    """Return a path below the prefix as the routes have it: ``/api/v1/…``, ``/v1/…`` and doubled slashes in front are one."""
    front = _FRONT.match(path)
    return path if front is None else "/v1/" + path[front.end() :]


def secret_of(headers: Headers) -> str:
    """Return the API key that a request shows.

    A bearer token goes first: it is said for one call. ``X-API-Key`` holds a whole key, whatever ``X-API-Secret`` is, or
    the first half of the pair that ``pair_of`` makes; the second half is the secret.

    Raises:
        Unauthenticated: There is none, or it is malformed.
    """
    key = auth.secret_of(headers)
    return key if "authorization" in headers else whole_key(key, headers.get("x-api-secret", "").strip())


def whole_key(key: str, secret: str) -> str:
    """Return the API key that a client's key and secret are: see ``secret_of``."""
    half = _HALF.match(key)
    return re.sub(r"\Aak_", "pk_", key) if half is None else f"pk_{half[1]}_{secret}"


def pair_of(secret: str) -> tuple[str, str]:
    """Return an API key as the pair that the clients take: neither half is good for anything alone."""
    _, prefix, rest = secret.split("_", 2)
    return f"ak_{prefix}", rest


def refusal(error: PalaverError, status: int) -> Response:
    """Return an error as every release of the clients reads it: ``error``, ``message`` and ``detail`` are the same text,
    ``code`` and ``error_code`` the same word. What we call it is in ``details.code``."""
    status = 400 if status == 422 else status
    code = CODES.get(status, "SERVER_ERROR")
    said = {"error": error.message, "message": error.message, "detail": error.message, "code": code, "error_code": code}
    details = {**encode(error.details), "code": error.code}
    return answer({"success": False, **said, "details": details}, status)
