"""The one table of the statuses of errors, for every HTTP surface."""

from __future__ import annotations

from collections.abc import Mapping

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
    Unauthenticated,
    Unavailable,
)

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


def status_of(error: PalaverError) -> int:
    """Return the HTTP status of an error."""
    if error.code in STATUS:
        return STATUS[error.code]
    return next((status for kind, status in BY_CLASS if isinstance(error, kind)), 500)
