"""Errors as this client reads them: ``{"error": {message, type, param, code}}``, and whether it should try again."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from palaver.errors import Conflict, InvalidInput, ModelError, NotFound, PalaverError
from palaver.events import dumps

RETRY = "x-should-retry"
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def refusal(error: PalaverError, status: int) -> Response:
    """Return an error. What is wrong with a request is 400, as it is there.

    The client sends a POST again, by itself and with no key, where it is told of a conflict or of a failure: it is told not to,
    where that would be the same conflict, or a second question.
    """
    shown = 400 if status == 422 else status
    headers = {RETRY: "false"} if isinstance(error, Conflict | ModelError) else {}
    return Response(dumps({"error": told(error, shown)}), shown, headers, media_type="application/json")


def told(error: PalaverError, status: int) -> dict[str, Any]:
    """Return what an error says. ``param`` is the path of the first thing that is wrong."""
    errors = error.details.get("errors") or [{}]
    return {
        "message": error.message,
        "type": _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error"),
        "param": error.details.get("param") or error.details.get("path") or errors[0].get("path") or None,
        "code": error.details.get("word", error.code),
    }


def wrong(param: str, message: str) -> InvalidInput:
    """Return the refusal of what a parameter says."""
    return InvalidInput(message, param=param)


def unsupported(param: str, message: str) -> InvalidInput:
    """Return the refusal of a parameter that would change the meaning of the answer, and has no place here."""
    return InvalidInput(f"Unsupported parameter: {param!r}. {message}", param=param, word="unsupported_parameter")


def no_model(called: str) -> NotFound:
    """Return the refusal of a model that is no bot."""
    said = f"The model {called[:200]!r} does not exist: a model is a bot here, by its id or its name."
    return NotFound(said, param="model", word="model_not_found")
