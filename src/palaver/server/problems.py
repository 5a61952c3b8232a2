"""From errors to RFC 9457 problem documents."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import Response

from palaver.errors import Limited, PalaverError, TurnInProgress, Unavailable
from palaver.events import dumps
from palaver.http.statuses import status_of

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1
_OURS = frozenset({"type", "title", "status", "detail", "instance", "code", "request_id"})
_INTERNAL = "Something broke here; the server's log has it by the request id."


def urging(error: PalaverError) -> dict[str, str]:
    """Return the headers that say how and when to ask again."""
    if status_of(error) == 401:
        return {"WWW-Authenticate": 'Bearer realm="palaver"'}
    if isinstance(error, Limited | Unavailable | TurnInProgress):
        return {"Retry-After": str(error.retry_after_seconds or RETRY_AFTER_SECONDS)}
    return {}


def told(error: PalaverError) -> PalaverError:
    """Return what the caller is told: an error that is not the caller's says nothing of itself."""
    return PalaverError(_INTERNAL) if status_of(error) == 500 else error


def problem(error: PalaverError, *, instance: str, request_id: str) -> Response:
    """Return the answer that says what went wrong."""
    status, said = status_of(error), told(error)
    document = {
        "type": f"urn:palaver:problem:{error.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": said.message,
        "instance": instance,
        "code": said.code,
        "request_id": request_id,
    }
    document |= {name: value for name, value in said.details.items() if name not in _OURS}
    headers = {"Content-Type": MEDIA_TYPE, **urging(error)}
    return Response(dumps(document), status_code=status, headers=headers)
