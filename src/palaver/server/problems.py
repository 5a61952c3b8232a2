"""From errors to RFC 9457 problem documents. The one table of status codes."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

from palaver.errors import (
    Conflict,
    FeatureAbsent,
    Forbidden,
    InvalidInput,
    Limited,
    ModelError,
    NotFound,
    PalaverError,
    ResumeWindowGone,
    TurnInProgress,
    Unauthenticated,
    Unavailable,
)
from palaver.events import dumps

MEDIA_TYPE = "application/problem+json"

STATUS: Mapping[str, int] = {
    "invalid_body": 400,
    "invalid_encoding": 400,
    "invalid_event_id": 400,
    "invalid_idempotency_key": 400,
    "invalid_if_match": 400,
    "invalid_json": 400,
    "invalid_multipart": 400,
    "invalid_number": 400,
    "duplicate_key": 400,
    "json_too_deep": 400,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "version_conflict": 412,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "storage_full": 507,
}
"""Codes whose status is not that of their class."""

BY_CLASS: tuple[tuple[type[PalaverError], int], ...] = (
    (InvalidInput, 422),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (ResumeWindowGone, 410),
    (Limited, 429),
    (Unavailable, 503),
    (FeatureAbsent, 501),
    (ModelError, 502),
)
RETRY_AFTER_SECONDS = 1
_OURS = frozenset({"type", "title", "status", "detail", "instance", "code", "request_id"})
_INTERNAL = "Something broke here; the server's log has it by the request id."


def status_of(error: PalaverError) -> int:
    """Return the HTTP status of an error."""
    if error.code in STATUS:
        return STATUS[error.code]
    return next((status for kind, status in BY_CLASS if isinstance(error, kind)), 500)


def _headers(error: PalaverError, status: int) -> dict[str, str]:
    headers = {"Content-Type": MEDIA_TYPE}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="palaver"'
    if isinstance(error, Limited | Unavailable | TurnInProgress):
        headers["Retry-After"] = str(error.retry_after_seconds or RETRY_AFTER_SECONDS)
    return headers


def problem(error: PalaverError, *, instance: str, request_id: str) -> Response:
    """Return the answer that says what went wrong. An error that is not the caller's says nothing of itself."""
    status = status_of(error)
    document = {
        "type": f"urn:palaver:problem:{error.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.message if status != 500 else _INTERNAL,
        "instance": instance,
        "code": error.code if status != 500 else "internal",
        "request_id": request_id,
    }
    if status != 500:
        document |= {name: value for name, value in error.details.items() if name not in _OURS}
    return Response(dumps(document), status_code=status, headers=_headers(error, status))
